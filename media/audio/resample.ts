/**
 * Sample rate conversion by a polyphase FIR: a sinc cut off below the lower of the two Nyquist frequencies,
 * under a Kaiser window. The pass band reaches 0.425 of the lower rate (3400 Hz at 8 kHz); what would be
 * mirrored into it is 70 dB down.
 *
 *     y(k) = Σ x(i − j) · g(φ + j − half),   i + φ = k · from / to
 */
import { clamp16 } from './pcm.ts';

const passEdge = 0.425;
const stopEdge = 0.56;
const attenuation = 70;
/**
 * More phases than this per sample of the lower rate are rounded to the nearest one: an error 60 dB down, for odd rates
 * only. So no rate that a file may name makes a filter of more than some 40,000 coefficients.
 */
const maxPhases = 1024;

interface Filter {
  readonly phases: number;
  readonly taps: number;
  /** `phases` rows of `taps`, the newest input sample last. */
  readonly coefficients: Float32Array;
}

/** Converts a stream block by block. The output lags the input by `delay` input samples. */
export class Resampler {
  readonly from: number;
  readonly to: number;
  /** Half the filter's length, in input samples. */
  readonly delay: number;
  readonly #filter: Filter | undefined;
  /** Output k is at input position k · step / scale. */
  readonly #step: number;
  readonly #scale: number;
  /** The last taps − 1 input samples, then the present block. */
  #input: Float32Array;
  /** Position of the next output relative to the next block's first sample, in 1/scale. */
  #position = 0;

  /** @param from, to Hz, whole and positive */
  constructor(from: number, to: number) {
    const divisor = gcd(from, to);
    this.from = from;
    this.to = to;
    this.#step = from / divisor;
    this.#scale = to / divisor;
    this.#filter = from === to ? undefined : design(from, to, this.#scale);
    this.delay = (this.#filter?.taps ?? 0) / 2;
    this.#input = new Float32Array(Math.max(0, (this.#filter?.taps ?? 0) - 1));
  }

  /** Forgets what went before. */
  reset(): void {
    this.#input.fill(0);
    this.#position = 0;
  }

  /** Goes on where another one of the same rates is. */
  takeOver(other: Resampler): void {
    const history = (this.#filter?.taps ?? 1) - 1;
    this.#input.set(other.#input.subarray(0, history));
    this.#position = other.#position;
  }

  /** How many samples `process` makes of the next `count`. A whole number of periods gives the same each time. */
  outputLength(count: number): number {
    return Math.max(0, Math.ceil((count * this.#scale - this.#position) / this.#step));
  }

  /** @param out at least `outputLength(block.length)` long @returns the number of samples written */
  process(block: Int16Array, out: Int16Array): number {
    if (!this.#filter) {
      out.set(block);
      return block.length;
    }
    const { taps, phases, coefficients } = this.#filter;
    const history = taps - 1;
    const needed = history + block.length;
    if (this.#input.length < needed) {
      const larger = new Float32Array(needed);
      larger.set(this.#input.subarray(0, history));
      this.#input = larger;
    }
    const input = this.#input;
    for (let i = 0; i < block.length; i++) input[history + i] = block[i]!;
    const count = this.outputLength(block.length);
    const scale = this.#scale;
    let index = Math.floor(this.#position / scale);
    let fraction = this.#position - index * scale;
    const stepIndex = Math.floor(this.#step / scale);
    const stepFraction = this.#step - stepIndex * scale;
    for (let k = 0; k < count; k++) {
      const phase = phases === scale ? fraction : Math.floor((fraction * phases) / scale);
      out[k] = clamp16(dot(coefficients, phase * taps, input, index, taps));
      index += stepIndex;
      fraction += stepFraction;
      if (fraction >= scale) {
        fraction -= scale;
        index++;
      }
    }
    this.#position = (index - block.length) * scale + fraction;
    input.copyWithin(0, block.length, needed);
    return count;
  }

  /** Moves the output `samples` input samples ahead; used once, before the first block. */
  skip(samples: number): void {
    this.#position += samples * this.#scale;
  }
}

/** Four sums at once: they do not wait for one another. `taps` is a multiple of 4. */
function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, taps: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let j = 0; j < taps; j += 4) {
    s0 += a[aStart + j]! * b[bStart + j]!;
    s1 += a[aStart + j + 1]! * b[bStart + j + 1]!;
    s2 += a[aStart + j + 2]! * b[bStart + j + 2]!;
    s3 += a[aStart + j + 3]! * b[bStart + j + 3]!;
  }
  return s0 + s1 + (s2 + s3);
}

/** Converts a whole recording; the output begins and ends with the input. */
export function resample(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const resampler = new Resampler(from, to);
  resampler.skip(resampler.delay);
  const length = Math.ceil((samples.length * to) / from);
  const out = new Int16Array(length);
  const block = 4096;
  const scratch = new Int16Array(Math.ceil((block * to) / from) + 1);
  let written = 0;
  const put = (input: Int16Array): void => {
    const count = Math.min(resampler.process(input, scratch), length - written);
    out.set(scratch.subarray(0, count), written);
    written += count;
  };
  for (let at = 0; at < samples.length; at += block) put(samples.subarray(at, at + block));
  const silence = new Int16Array(block);
  while (written < length) put(silence);
  return out;
}

/** Kaiser's formulas: Oppenheim & Schafer, Discrete-Time Signal Processing, §7.6. */
function design(from: number, to: number, scale: number): Filter {
  const ratio = Math.min(1, to / from);
  const width = 2 * Math.PI * (stopEdge - passEdge) * ratio;
  const half = 2 * Math.ceil((attenuation - 7.95) / (2.285 * width) / 4);
  const taps = 2 * half;
  const cutoff = ((passEdge + stopEdge) / 2) * ratio;
  const beta = 0.1102 * (attenuation - 8.7);
  const peak = bessel0(beta);
  const phases = Math.min(scale, Math.ceil(maxPhases * ratio));
  const coefficients = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase++) {
    // Rounded phases stand for the middle of what is rounded to them.
    const offset = phases === scale ? phase / scale : (phase + 0.5) / phases;
    const row = coefficients.subarray(phase * taps, (phase + 1) * taps);
    let sum = 0;
    for (let j = 0; j < taps; j++) {
      const t = offset + half - 1 - j;
      const x = 2 * cutoff * t;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      const window = Math.abs(t) >= half ? 0 : bessel0(beta * Math.sqrt(1 - (t / half) ** 2)) / peak;
      row[j] = sinc * window;
      sum += sinc * window;
    }
    for (let j = 0; j < taps; j++) row[j] = row[j]! / sum;
  }
  return { phases, taps, coefficients };
}

/** Modified Bessel function of the first kind, order 0. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
