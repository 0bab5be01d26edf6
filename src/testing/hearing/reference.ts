/** A sound that somebody listens for, prepared for the search: where it is loud, and what is told first of it. */
import { hearingRate, rms, silenceRms } from './heard-audio.ts';

/** Of a probe: enough to know speech by, short enough to be quick. */
export const probeSamples = (128 * hearingRate) / 1000;
const frame = hearingRate / 50;
const mostProbes = 3;

/** A part of the reference by which it is found, at half the rate. */
export interface Probe {
  /** From the beginning of the reference. */
  readonly at: number;
  readonly half: Float32Array;
  readonly norm: number;
}

export class Reference {
  readonly name: string;
  /** 16-bit mono at `hearingRate`. */
  readonly samples: Int16Array;
  /** Where the first and behind the last sound is. */
  readonly loudFrom: number;
  readonly loudTo: number;
  readonly probes: readonly Probe[];

  constructor(name: string, samples: Int16Array) {
    this.name = name;
    this.samples = samples;
    let from = 0;
    let to = samples.length;
    while (from < to && rms(samples.subarray(from, from + frame)) < silenceRms) from += frame;
    while (to > from && rms(samples.subarray(Math.max(from, to - frame), to)) < silenceRms) to -= frame;
    this.loudFrom = Math.min(from, samples.length);
    this.loudTo = Math.max(this.loudFrom, to);
    this.probes = this.#probes();
  }

  /** The first so many milliseconds as a reference of their own. */
  head(ms: number): Reference {
    return new Reference(`the first ${ms} ms of ${this.name}`, this.samples.subarray(0, (ms * hearingRate) / 1000));
  }

  get isSilent(): boolean {
    return this.loudTo <= this.loudFrom;
  }

  /** The loudest stretch of each third: one packet that is lost cannot hide them all. */
  #probes(): Probe[] {
    const { loudFrom, loudTo } = this;
    const length = loudTo - loudFrom;
    if (length <= probeSamples) return this.isSilent ? [] : [this.#probe(loudFrom, length)];
    const parts = Math.max(1, Math.min(mostProbes, Math.floor(length / probeSamples)));
    return Array.from({ length: parts }, (_, part) => {
      const from = loudFrom + Math.floor((part * length) / parts);
      const to = loudFrom + Math.floor(((part + 1) * length) / parts) - probeSamples;
      let best = from;
      let loudest = -1;
      for (let at = from; at <= to; at += frame) {
        const level = rms(this.samples.subarray(at, at + probeSamples));
        if (level > loudest) [best, loudest] = [at, level];
      }
      return this.#probe(best, probeSamples);
    });
  }

  #probe(at: number, length: number): Probe {
    const half = halved(this.samples.subarray(at, at + length));
    let energy = 0;
    for (const value of half) energy += value * value;
    return { at, half, norm: Math.sqrt(energy) };
  }
}

/** At half the rate: enough of speech is left to find it by, for a quarter of the work. */
export function halved(samples: Int16Array): Float32Array {
  const half = new Float32Array(samples.length >> 1);
  for (let i = 0; i < half.length; i++) half[i] = ((samples[2 * i] as number) + (samples[2 * i + 1] as number)) / 2;
  return half;
}
