/** Tones in what was heard: the sines that fit it best, by least squares. */
import { hearingRate, rms, silenceRms } from './heard-audio.ts';

/** Of a tone so much is the tone; the rest is noise, up to 6 dB below it. */
const leastShare = 0.8;
/** Of two tones together each has so much: one is at most 9 dB louder than the other. */
const leastOfEach = 0.1;
/** Less than this does not become a tone by being exact. */
const worthRefining = 0.5;
const lowest = 200;
const highest = 3400;

/**
 * Share of the power of `samples` that sines of these frequencies make together, 0 … 1, whatever their phases and
 * loudness. What is 1 for a frequency is, in frames of 40 ms, 0.8 for one 6 Hz off, 0.2 for 17 Hz, 0.02 for 30 Hz.
 * @param samples 16-bit mono at 8 kHz; @param frequencies Hz
 */
export function toneShare(samples: Int16Array | Float64Array, frequencies: readonly number[]): number {
  let energy = 0;
  for (let i = 0; i < samples.length; i++) energy += (samples[i] as number) ** 2;
  if (energy === 0) return 0;
  let explained = 0;
  for (const direction of directions(samples.length, frequencies)) explained += product(samples, direction) ** 2;
  return Math.min(1, explained / energy);
}

/**
 * Whether a stretch of sound is a tone of these frequencies (Hz), all of them and nothing else. A frame of 40 ms
 * tells frequencies apart that differ by more than 6 Hz.
 * @param samples 16-bit mono at 8 kHz
 */
export function isTone(samples: Int16Array, frequencies: readonly number[]): boolean {
  if (rms(samples) < silenceRms) return false;
  const share = toneShare(samples, frequencies);
  if (share < leastShare) return false;
  if (frequencies.length === 1) return true;
  return frequencies.every((one) => {
    const others = frequencies.filter((other) => other !== one);
    return share - toneShare(samples, others) >= leastOfEach;
  });
}

/** The one frequency that a stretch of sound consists of, in Hz, to 0.5 Hz for 40 ms or more; undefined: none. */
export function pitchOf(samples: Int16Array): number | undefined {
  const pitches = pitchesOf(samples);
  return pitches?.length === 1 ? pitches[0] : undefined;
}

/**
 * The one or two frequencies that a stretch of sound consists of, in Hz, the lower first; undefined when it is
 * something else. Two of them have to be as far apart as the stretch is long: 25 Hz for 80 ms.
 */
export function pitchesOf(samples: Int16Array): readonly number[] | undefined {
  if (rms(samples) < silenceRms) return undefined;
  const loudest = strongest(samples);
  if (toneShare(samples, [loudest]) < worthRefining / 2) return undefined;
  const first = refine(samples, loudest, []);
  if (toneShare(samples, [first]) >= 1 - leastOfEach) return [first];
  let pair = [first, strongest(without(samples, first))];
  if (toneShare(samples, pair) < worthRefining) return undefined;
  // What is close to one another pulls at one another.
  for (let turn = 0; turn < 4; turn++) {
    const [one, other] = pair as [number, number];
    pair = [other, refine(samples, one, [other])];
  }
  if (isTone(samples, pair)) return pair.sort((a, b) => a - b);
  return isTone(samples, [first]) ? [first] : undefined;
}

/** By Goertzel's algorithm. */
function strongest(samples: Int16Array | Float64Array): number {
  // Half way between two of them 80 % of a tone is left.
  const step = (0.5 * hearingRate) / samples.length;
  let best = lowest;
  let most = -1;
  for (let frequency = lowest; frequency <= highest; frequency += step) {
    const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / hearingRate);
    let before = 0;
    let last = 0;
    for (let i = 0; i < samples.length; i++) {
      const next = (samples[i] as number) + coefficient * last - before;
      before = last;
      last = next;
    }
    const power = last * last + before * before - coefficient * last * before;
    if (power > most) [best, most] = [frequency, power];
  }
  return best;
}

/** Where it explains most, near `frequency`, together with the others. */
function refine(samples: Int16Array, frequency: number, others: readonly number[]): number {
  let reach = (0.5 * hearingRate) / samples.length;
  let best = frequency;
  let most = toneShare(samples, [best, ...others]);
  for (; reach > 0.05; reach /= 2) {
    for (const next of [best - reach, best + reach]) {
      const share = toneShare(samples, [next, ...others]);
      if (share > most) [best, most] = [next, share];
    }
  }
  return best;
}

function without(samples: Int16Array, frequency: number): Float64Array {
  const rest = Float64Array.from(samples);
  for (const direction of directions(samples.length, [frequency])) take(rest, direction, product(rest, direction));
  return rest;
}

/** Cosine and sine of each frequency, made orthogonal to one another and of length 1. */
function directions(length: number, frequencies: readonly number[]): Float64Array[] {
  const found: Float64Array[] = [];
  for (const wave of frequencies.flatMap((frequency) => waves(length, frequency))) {
    for (const direction of found) take(wave, direction, product(wave, direction));
    const norm = Math.sqrt(product(wave, wave));
    // The same frequency twice, or none.
    if (norm < 1e-6 * length) continue;
    for (let i = 0; i < length; i++) wave[i] = (wave[i] as number) / norm;
    found.push(wave);
  }
  return found;
}

/** Cosine and sine, by turning a pointer: quicker than asking for each. */
function waves(length: number, frequency: number): Float64Array[] {
  const [cosine, sine] = [new Float64Array(length), new Float64Array(length)];
  const angle = (2 * Math.PI * frequency) / hearingRate;
  const [turnX, turnY] = [Math.cos(angle), Math.sin(angle)];
  let x = 1;
  let y = 0;
  for (let i = 0; i < length; i++) {
    cosine[i] = x;
    sine[i] = y;
    const next = x * turnX - y * turnY;
    y = x * turnY + y * turnX;
    x = next;
  }
  return [cosine, sine];
}

function product(a: Int16Array | Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function take(from: Float64Array, direction: Float64Array, amount: number): void {
  for (let i = 0; i < from.length; i++) from[i] = (from[i] as number) - amount * (direction[i] as number);
}
