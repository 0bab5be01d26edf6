/** A sound that somebody listens for, prepared for the search: where it is loud, and what is told first of it. */
import { energyOf, lowered, type Probe, probeOf } from './correlate.ts';
import { hearingRate, rms, samplesPerMs, silenceRms } from './heard-audio.ts';

/** Of a probe: enough to know speech by, short enough to be quick. */
const probeSamples = 128 * samplesPerMs;
const frame = hearingRate / 50;
const mostProbes = 2;
/** A shorter sound has one probe: what may be lost of it cannot hide that. */
const perProbe = 500 * samplesPerMs;
/** The search is the quicker the lower its rate; so much of the sound has to be left of it there. */
const rates = [4, 2] as const;
const leastLeft = 0.25;

export class Reference {
  readonly name: string;
  /** 16-bit mono at `hearingRate`. */
  readonly samples: Int16Array;
  /** Where the first sound is and where the last one ends, in samples, to the 20 ms. */
  readonly loudFrom: number;
  readonly loudTo: number;
  /** The loudest stretch of each half: what is lost cannot hide both. */
  readonly probes: readonly Probe[];
  readonly #by: number;

  /** @param samples 16-bit mono at 8 kHz */
  constructor(name: string, samples: Int16Array) {
    this.name = name;
    this.samples = samples;
    let [from, to] = [samples.length, samples.length];
    for (let at = 0; at < samples.length; at += frame) {
      const end = Math.min(at + frame, samples.length);
      if (rms(samples.subarray(at, end)) < silenceRms) continue;
      from = Math.min(from, at);
      to = end;
    }
    this.loudFrom = from;
    this.loudTo = to;
    this.#by = this.#lowestRate();
    this.probes = this.#probePlaces().map(([at, length]) => this.probe(at, length));
  }

  /** The first so many milliseconds as a reference of their own. */
  head(ms: number): Reference {
    const samples = this.samples.subarray(0, Math.round(ms * samplesPerMs));
    return new Reference(`the first ${ms} ms of ${this.name}`, samples);
  }

  /** There is nothing in it to listen for. */
  get isSilent(): boolean {
    return this.loudTo <= this.loudFrom;
  }

  /** A part by which it can be found. @param at, length in samples */
  probe(at: number, length: number): Probe {
    return probeOf(this.samples, at, length, this.#by);
  }

  #lowestRate(): number {
    const samples = this.samples.subarray(this.loudFrom, this.loudTo);
    const energy = energyOf(lowered(samples, 1));
    return rates.find((by) => energyOf(lowered(samples, by)) * by > leastLeft * energy) ?? 1;
  }

  #probePlaces(): (readonly [at: number, length: number])[] {
    const { loudFrom, loudTo } = this;
    const length = loudTo - loudFrom;
    if (length <= probeSamples) return this.isSilent ? [] : [[loudFrom, length]];
    const parts = Math.max(1, Math.min(mostProbes, Math.floor(length / perProbe)));
    return Array.from({ length: parts }, (_, part) => {
      const from = loudFrom + Math.floor((part * length) / parts);
      const to = loudFrom + Math.floor(((part + 1) * length) / parts) - probeSamples;
      let best = from;
      let loudest = -1;
      for (let at = from; at <= to; at += frame) {
        const level = rms(this.samples.subarray(at, at + probeSamples));
        if (level > loudest) [best, loudest] = [at, level];
      }
      return [best, probeSamples];
    });
  }
}
