/** Signals for the detectors, at 8 kHz. Levels are in dBm0: a sine at full scale has +3.14. */
import { frequenciesOf } from '../../../media/analysis/key-frequencies.ts';
import { clamp16 } from '../../../media/audio/index.ts';
import { pcma, pcmu } from '../../../media/codec/g711.ts';
import { eventOf } from '../../../media/dtmf/event.ts';
import { fraction, seededRandom } from '../../../src/testing/index.ts';

export const rate = 8000;
export const samplesOf = (ms: number): number => Math.round((ms * rate) / 1000);
export const amplitudeOf = (dBm0: number): number => 32_768 * 10 ** ((dBm0 - 3.14) / 20);

export interface Sine {
  readonly frequency: number;
  readonly level: number;
}

/** Sines added up, not limited to 16 bits yet. */
export function sines(ms: number, parts: readonly Sine[]): Float64Array {
  const out = new Float64Array(samplesOf(ms));
  for (const [k, { frequency, level }] of parts.entries())
    for (let i = 0; i < out.length; i++)
      out[i]! += amplitudeOf(level) * Math.sin((2 * Math.PI * frequency * i) / rate + k);
  return out;
}

export const silence = (ms: number): Float64Array => new Float64Array(samplesOf(ms));

export interface KeySound {
  readonly ms?: number;
  /** dBm0 of the stronger tone. */
  readonly level?: number;
  /** dB by which the high tone is above the low one. */
  readonly twist?: number;
  /** Of the frequency: 0.015 is 1.5 % too high. */
  readonly low?: number;
  readonly high?: number;
}

export function key(digit: string, { ms = 100, level = -10, twist = 0, low = 0, high = 0 }: KeySound = {}) {
  const [row, column] = frequenciesOf(eventOf(digit));
  return sines(ms, [
    { frequency: row * (1 + low), level: level - Math.max(0, twist) },
    { frequency: column * (1 + high), level: level + Math.min(0, twist) },
  ]);
}

export function join(...parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** White noise of so many dBm0 on top. */
export function withNoise(audio: Float64Array, level: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  // A uniform distribution from −a to a has the RMS a/√3.
  const width = amplitudeOf(level) * Math.sqrt(1.5);
  return audio.map((sample) => sample + (2 * fraction(random) - 1) * width);
}

/** Limited to 16 bits; what is louder is clipped. */
export const limited = (audio: Float64Array, gain = 1): Int16Array =>
  Int16Array.from(audio, (sample) => clamp16(sample * gain));

export function encoded(audio: Int16Array): Uint8Array {
  const bytes = new Uint8Array(audio.length);
  pcmu().encode(audio, bytes);
  return bytes;
}

export function companded(audio: Int16Array, law: 'PCMU' | 'PCMA'): Int16Array {
  const codec = law === 'PCMU' ? pcmu() : pcma();
  const bytes = new Uint8Array(audio.length);
  const out = new Int16Array(audio.length);
  codec.encode(audio, bytes);
  codec.decode(bytes, out);
  return out;
}

/** In frames of 20 ms; what is left over is filled with silence. */
export function* frames(audio: Int16Array, size = 160): Generator<Int16Array, void, void> {
  for (let at = 0; at < audio.length; at += size) {
    const frame = new Int16Array(size);
    frame.set(audio.subarray(at, at + size));
    yield frame;
  }
}
