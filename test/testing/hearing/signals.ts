/** Sounds for the tests of hearing, and the wire on which they come to an ear. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Tone, ToneGenerator } from '../../../media/audio/index.ts';
import { codecFor } from '../../../media/codec/index.ts';
import { rtpHeaderBytes, writeRtpHeader } from '../../../media/rtp/packet.ts';
import { type HeardAudio, hearingRate, rms } from '../../../src/testing/hearing/heard-audio.ts';
import { Reference } from '../../../src/testing/hearing/reference.ts';
import { type Match, Search, type Tolerance } from '../../../src/testing/hearing/search.ts';
import { Ear } from '../../../src/testing/phone/ear.ts';
import { chance, fraction, seededRandom } from '../../../src/testing/seeded-random.ts';
import { readWav } from '../../helpers/audio.ts';

const folder = new URL('../../../prompts/', import.meta.url);
/**
 * `beep.wav`, …: without those of queues and mailboxes, several of which begin with the same words: cut off there, nobody
 * could tell them apart.
 */
export const promptNames = readdirSync(folder).filter((name) => /^(?!vm-|queue-|parking-).*\.wav$/.test(name));
const prompts = new Map(promptNames.map((name) => [name, readWav(readFileSync(new URL(name, folder))).samples]));
/** What takes a second at least: some of it may be lost. */
export const longPrompts = promptNames.filter((name) => prompt(name).length > hearingRate);
export const spokenPrompts = longPrompts.filter((name) => name !== 'music.wav');

export function prompt(name: string): Int16Array {
  const samples = prompts.get(name);
  if (!samples) throw new Error(`there is no prompt ${name}`);
  return samples;
}

export function referenceOf(name: string): Reference {
  return new Reference(name, prompt(name));
}

// ---- signals, 16-bit mono at 8 kHz

export function joined(...parts: readonly Int16Array[]): Int16Array {
  const out = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function silence(ms: number): Int16Array {
  return new Int16Array(Math.round((ms * hearingRate) / 1000));
}

export function amplified(samples: Int16Array, db: number): Int16Array {
  return samples.map((sample) => clamp(sample * 10 ** (db / 20)));
}

export function mixed(one: Int16Array, other: Int16Array): Int16Array {
  return one.map((sample, i) => clamp(sample + (other[i] ?? 0)));
}

/** White. @param level RMS of 16-bit samples */
export function noise(length: number, level: number, seed: number): Int16Array {
  const random = seededRandom(seed, 'noise');
  return Int16Array.from({ length }, () => clamp((fraction(random) - 0.5) * Math.sqrt(12) * level));
}

/** With noise that is `db` below it. */
export function noisy(samples: Int16Array, db: number, seed: number): Int16Array {
  return mixed(samples, noise(samples.length, rms(samples) * 10 ** (-db / 20), seed));
}

export function tone(frequencies: readonly number[], ms: number, level = -20, cadence: readonly number[] = []) {
  const out = silence(ms);
  new ToneGenerator({ frequencies, cadence, level } satisfies Tone, hearingRate).fill(out);
  return out;
}

/** Played so many times as fast. */
export function faster(samples: Int16Array, speed: number): Int16Array {
  return Int16Array.from({ length: Math.floor((samples.length - 1) / speed) }, (_, i) => {
    const at = Math.floor(i * speed);
    const part = i * speed - at;
    return (samples[at] as number) * (1 - part) + (samples[at + 1] as number) * part;
  });
}

/** Without the milliseconds from `from` to `to`. */
export function without(samples: Int16Array, from: number, to: number): Int16Array {
  return joined(samples.subarray(0, from * 8), samples.subarray(to * 8));
}

function clamp(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)));
}

// ---- the wire

export interface Wire {
  /** Default `PCMU`. */
  readonly codec?: string;
  /** Default 8000. */
  readonly rate?: number;
  /** When the first packet is sent, clock ms; default 0. It takes no time. */
  readonly at?: number;
  readonly seed?: number;
  /** Shares of the packets. */
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  /** Up to so much later, each on its own. */
  readonly jitterMs?: number;
}

export interface Arrival {
  /** Clock ms. */
  readonly at: number;
  /** Of the packet, as it was sent. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

const beatMs = 20;
const payloadType = 96;
const ssrc = 0xfeedbeef;

/** Packets of 20 ms, each when it comes. @param samples at the codec's rate */
export function arrivals(samples: Int16Array, wire: Wire = {}): readonly Arrival[] {
  const {
    codec: name = 'PCMU',
    rate = 8000,
    at = 0,
    seed = 1,
    loss = 0,
    reorder = 0,
    duplicate = 0,
    jitterMs = 0,
  } = wire;
  const codec = codecFor({ name, clockRate: rate, channels: 1 });
  if (!codec) throw new Error(`there is no ${name}`);
  const random = seededRandom(seed, 'wire');
  const frame = (rate * beatMs) / 1000;
  const all: Arrival[] = [];
  for (let i = 0; i * frame < samples.length; i++) {
    if (chance(random, loss)) continue;
    const part = new Int16Array(frame);
    part.set(samples.subarray(i * frame, (i + 1) * frame));
    const bytes = new Uint8Array(rtpHeaderBytes + frame * codec.bytesPerTick);
    // Both numbers wrap on the way.
    writeRtpHeader(bytes, 0, payloadType, i === 0, (65_500 + i) & 0xffff, (2 ** 32 - 16_000 + i * frame) >>> 0, ssrc);
    codec.encode(part, bytes.subarray(rtpHeaderBytes));
    const late = (chance(random, reorder) ? 30 : 0) + (jitterMs > 0 ? fraction(random) * jitterMs : 0);
    const due = at + i * beatMs + late;
    all.push({ at: due, index: i, bytes });
    if (chance(random, duplicate)) all.push({ at: due + fraction(random) * 50, index: i, bytes });
  }
  return all.sort((a, b) => a.at - b.at);
}

export function earFor({ codec = 'PCMU', rate = 8000 }: Wire = {}, origin = 0): Ear {
  const ear = new Ear(origin, () => {});
  ear.expect([{ payloadType, name: codec, rate }]);
  return ear;
}

/** Where the ear has the beginning of what was sent, clock ms: by the packet that came first. */
export function beginOf(samples: Int16Array, wire: Wire): number {
  const [first] = arrivals(samples, wire);
  return first ? first.at - first.index * beatMs : 0;
}

/** What is heard of it in the end. */
export function heard(samples: Int16Array, wire: Wire = {}): HeardAudio {
  const ear = earFor(wire);
  for (const { at, bytes } of arrivals(samples, wire)) ear.receive(at, bytes);
  return ear.audio;
}

/** Searches audio as if it were being heard, until the sound is found or the audio over. */
export function findIn(
  audio: HeardAudio,
  reference: Reference,
  { begin = 0, tolerance }: { readonly begin?: number; readonly tolerance?: Tolerance } = {},
): { readonly match: Match | undefined; readonly search: Search } {
  const search = new Search(reference, audio, begin, tolerance);
  let match: Match | undefined;
  for (let until = begin; until < audio.end && !match; until += 160) match = search.look(until);
  return { match: match ?? search.look(audio.end, true), search };
}

/** Listens while the packets come, and looks after each. @returns with the clock ms at which it was found */
export function listen(
  reference: Reference,
  samples: Int16Array,
  wire: Wire = {},
): { readonly match: Match | undefined; readonly at: number } {
  const ear = earFor(wire);
  const search = new Search(reference, ear.audio, 0);
  let now = 0;
  for (const { at, bytes } of arrivals(samples, wire)) {
    ear.receive(at, bytes);
    now = at;
    const match = search.look(ear.audio.settledAt(now));
    if (match) return { match, at: now };
  }
  return { match: search.look(ear.audio.end, true), at: now };
}
