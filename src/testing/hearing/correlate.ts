/** Where one piece of sound lies in another: normalised correlation, at a lower rate first. */
import { type HeardAudio, samplesPerMs, silenceRms } from './heard-audio.ts';

/** A piece of sound that is looked for. */
export interface Probe {
  /** Where it begins in what it was taken of, in samples. */
  readonly at: number;
  /** 16-bit mono at 8 kHz. */
  readonly samples: Int16Array;
  /** The rate at which it is looked for first is so many times lower. */
  readonly by: number;
  /** At that rate. */
  readonly low: Float32Array;
}

export interface Place {
  /** Where it begins, a position in the audio. */
  readonly at: number;
  /** Correlation there, −1 … 1. */
  readonly likeness: number;
}

/** Two finds as close as this are one. */
export const apart = 20 * samplesPerMs;
/** What is left of a correlation at the lower rate, where a place may lie between two values. */
const leftOfIt = 0.7;

/** @param at, length of the piece within `samples` */
export function probeOf(samples: Int16Array, at: number, length: number, by: number): Probe {
  const piece = samples.subarray(at, at + length);
  return { at, samples: piece, by, low: lowered(piece, by) };
}

/**
 * At a rate that is `by` times lower, through a low-pass (a triangle). Value i is made of the 2 · by − 1 samples
 * from i · by on, so that a part gives the same values as the whole does there.
 */
export function lowered(samples: Int16Array, by: number): Float32Array {
  if (by === 1) return Float32Array.from(samples);
  const taps = 2 * by - 1;
  const low = new Float32Array(Math.max(0, Math.floor((samples.length - taps) / by) + 1));
  for (let i = 0; i < low.length; i++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) sum += (by - Math.abs(tap + 1 - by)) * (samples[i * by + tap] as number);
    low[i] = sum / (by * by);
  }
  return low;
}

export function energyOf(values: Float32Array, length = values.length): number {
  let energy = 0;
  for (let i = 0; i < length; i++) energy += (values[i] as number) ** 2;
  return energy;
}

/**
 * Every place in the audio, from one position to another, where it is like the probe, to the sample.
 * @param worth correlation that makes a place
 */
export function placesIn(audio: HeardAudio, from: number, to: number, probe: Probe, worth: number): Place[] {
  const { samples, by, low } = probe;
  const found: Place[] = [];
  const wanted = lowered(samples, 1);
  const least = (low.length * silenceRms * silenceRms) / by;
  for (const { at, likeness } of tops(lowered(audio.samples(from, to), by), low, least, worth * leftOfIt)) {
    const place = by === 1 ? { at: from + at, likeness } : exactPlace(audio, wanted, from + by * at, by);
    const last = found.at(-1);
    if (place.likeness < worth) continue;
    if (!last || place.at - last.at >= apart) found.push(place);
    else if (place.likeness > last.likeness) found[found.length - 1] = place;
  }
  return found;
}

/** The best of all places that are at most `around` samples from `near`. */
function exactPlace(audio: HeardAudio, wanted: Float32Array, near: number, around: number): Place {
  const first = near - around;
  const sound = lowered(audio.samples(first, near + around + wanted.length), 1);
  let best: Place = { at: 0, likeness: -1 };
  for (const top of tops(sound, wanted, 0, -1)) if (top.likeness > best.likeness) best = top;
  return { at: first + best.at, likeness: best.likeness };
}

/**
 * The tops of the correlation, from the first to the last.
 * @param least energy of a stretch that is looked at; @param worth least correlation
 */
function tops(sound: Float32Array, wanted: Float32Array, least: number, worth: number): Place[] {
  const found: Place[] = [];
  const { length } = wanted;
  const norm = Math.sqrt(energyOf(wanted));
  if (norm === 0 || sound.length < length) return found;
  const products = new Float64Array(together);
  const padded = new Float32Array(sound.length + together - 1);
  padded.set(sound);
  let energy = energyOf(sound, length);
  let known = 0;
  let before = worth;
  let rising = false;
  for (let at = 0; at + length <= sound.length; at++) {
    let likeness = worth;
    if (energy > least) {
      if (at >= known) {
        multiply(padded, at, wanted, products);
        known = at + together;
      }
      likeness = (products[at + together - known] as number) / (norm * Math.sqrt(energy));
    }
    if (rising && likeness < before) found.push({ at: at - 1, likeness: before });
    rising = likeness > worth && likeness >= before;
    before = likeness;
    energy += (sound[at + length] ?? 0) ** 2 - (sound[at] as number) ** 2;
  }
  if (rising) found.push({ at: sound.length - length, likeness: before });
  return found;
}

/** Places in a row that are looked at together, which is several times as quick: each value is fetched once. */
const together = 4;

/** The sums of products of `wanted` with what begins at each of the places `at` … `at + 3` of `sound`. */
function multiply(sound: Float32Array, at: number, wanted: Float32Array, products: Float64Array): void {
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  let value0 = sound[at] as number;
  let value1 = sound[at + 1] as number;
  let value2 = sound[at + 2] as number;
  for (let i = 0; i < wanted.length; i++) {
    const factor = wanted[i] as number;
    const value3 = sound[at + i + 3] as number;
    sum0 += factor * value0;
    sum1 += factor * value1;
    sum2 += factor * value2;
    sum3 += factor * value3;
    value0 = value1;
    value1 = value2;
    value2 = value3;
  }
  products[0] = sum0;
  products[1] = sum1;
  products[2] = sum2;
  products[3] = sum3;
}
