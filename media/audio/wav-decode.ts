/** From the audio of a WAV file, or raw PCM, to 16-bit mono. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import { expandG711 } from '../codec/g711.ts';
import { clamp16, mixToMono } from './pcm.ts';
import { readWav, type WavFile } from './wav.ts';
import { decodeBlock } from './wav-decoder.ts';

/** 16-bit mono at its own rate. */
export interface MonoAudio {
  readonly sampleRate: number;
  readonly samples: Int16Array;
}

/** Makes room for samples: the prompt store asks for shared memory. */
export type Allocate = (samples: number) => Int16Array;

const blockFrames = 16_384;

/** Decodes a WAV file; two channels are mixed to one. @returns the audio, or what is wrong with the file */
export function decodeWav(bytes: Uint8Array, allocate: Allocate = (n) => new Int16Array(n)): Result<MonoAudio> {
  const read = readWav(bytes);
  if (!read.ok) return fail(read.error);
  const wav = read.value;
  const frame = (wav.channels * wav.bitsPerSample) / 8;
  const samples = allocate(wav.data.length / frame);
  for (let first = 0; first < samples.length; first += blockFrames) {
    const block = wav.data.subarray(first * frame, (first + blockFrames) * frame);
    const out = samples.subarray(first, first + block.length / frame);
    if (wav.format === 'alaw' || wav.format === 'mulaw') decodeG711(wav, block, out);
    else toMono(decodeBlock(wav, block), out);
  }
  return ok({ sampleRate: wav.sampleRate, samples });
}

/** Raw 16-bit little-endian PCM; a last half sample is left out. */
export function decodePcm(
  bytes: Uint8Array,
  format: { readonly sampleRate: number; readonly channels: 1 | 2 },
  allocate: Allocate = (n) => new Int16Array(n),
): MonoAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { channels, sampleRate } = format;
  const samples = allocate(Math.floor(bytes.length / 2 / channels));
  for (let i = 0; i < samples.length; i++) {
    const left = view.getInt16(2 * channels * i, true);
    samples[i] = channels === 1 ? left : Math.round((left + view.getInt16(4 * i + 2, true)) / 2);
  }
  return { sampleRate, samples };
}

/** µ-law (RFC 2046 §4.3: 8-bit at 8000 Hz); a last half frame is left out. */
export function decodeUlaw(
  bytes: Uint8Array,
  { sampleRate, channels }: { readonly sampleRate: number; readonly channels: 1 | 2 },
  allocate: Allocate = (n) => new Int16Array(n),
): MonoAudio {
  const samples = allocate(Math.floor(bytes.length / channels));
  const expanded = expandG711('mu', bytes.subarray(0, samples.length * channels));
  if (channels === 1) samples.set(expanded);
  else mixToMono(expanded, samples);
  return { sampleRate, samples };
}

function decodeG711(wav: WavFile, codes: Uint8Array, out: Int16Array): void {
  const samples = expandG711(wav.format === 'alaw' ? 'a' : 'mu', codes);
  if (wav.channels === 1) out.set(samples);
  else mixToMono(samples, out);
}

function toMono(channels: readonly Float32Array[], out: Int16Array): void {
  const [left, right] = channels;
  for (let i = 0; i < out.length; i++) {
    const sample = right ? (left![i]! + right[i]!) / 2 : left![i]!;
    out[i] = clamp16(sample * 32_768); // NaN of a float file becomes 0
  }
}
