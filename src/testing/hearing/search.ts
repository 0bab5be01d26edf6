/**
 * Looks for a reference in audio that is still being heard. It looks for short probes of it first; where one is
 * found it is known where the whole should be, and it is compared as soon as it is complete.
 */
import { type Comparison, compare, exactStart } from './compare.ts';
import { type HeardAudio, samplesPerMs, silenceRms } from './heard-audio.ts';
import { halved, type Probe, type Reference } from './reference.ts';

export interface Match extends Comparison {
  /** Positions in the audio, in samples. */
  readonly from: number;
  readonly to: number;
}

export interface Tolerance {
  /** Least correlation; default 0.9. */
  readonly similarity: number;
  /** Share of the sound that may be missing; default 0.1, but 60 ms are always forgiven. */
  readonly loss: number;
}

export const usualTolerance: Tolerance = { similarity: 0.9, loss: 0.1 };
const forgivenMs = 60;

/** Correlation of a probe that makes a place worth a look. */
const worthALook = 0.5;
/** How much new audio there is to be before it is looked at, in samples: 100 ms. */
const step = 100 * samplesPerMs;
/** Two finds as close as this are one. */
const near = 20 * samplesPerMs;

export class Search {
  readonly #reference: Reference;
  readonly #tolerance: Tolerance;
  readonly #audio: HeardAudio;
  readonly #begin: number;
  /** Per probe: where to look next. */
  readonly #next: number[];
  #candidates: number[] = [];
  readonly #seen = new Set<number>();
  #best: Match | undefined;

  /** @param begin nothing before this position counts */
  constructor(reference: Reference, audio: HeardAudio, begin: number, tolerance: Tolerance = usualTolerance) {
    this.#reference = reference;
    this.#audio = audio;
    this.#begin = begin;
    this.#tolerance = tolerance;
    this.#next = reference.probes.map(({ at }) => Math.max(0, begin + at));
  }

  /** What came nearest so far, if it was not enough. */
  get best(): Match | undefined {
    return this.#best;
  }

  /**
   * @param until position up to which everything is heard
   * @param last nothing more will come: look at the rest, however little
   */
  look(until: number, last = false): Match | undefined {
    // While a place is promising nothing else is looked for; what it costs is for later, if the promise is not kept.
    for (const [index, probe] of this.#reference.probes.entries())
      if (this.#candidates.length === 0 || last) this.#scan(index, probe, until, last);
    const waiting: number[] = [];
    for (const start of this.#candidates) {
      if (start + this.#reference.loudTo > until && !last) {
        waiting.push(start);
        continue;
      }
      const match = this.#judge(start);
      if (match) return match;
    }
    this.#candidates = waiting;
    return undefined;
  }

  #scan(index: number, probe: Probe, until: number, last: boolean): void {
    const length = probe.half.length * 2;
    const from = this.#next[index] as number;
    const to = until - length;
    if (to < from || (to - from < step && !last)) return;
    const half = halved(this.#audio.samples(from, until));
    const offsets = half.length - probe.half.length;
    let energy = 0;
    for (let i = 0; i < probe.half.length; i++) energy += (half[i] as number) ** 2;
    const least = probe.half.length * silenceRms * silenceRms;
    let best = worthALook;
    let bestAt = -1;
    for (let offset = 0; offset <= offsets; offset++) {
      if (energy > least) {
        let dot = 0;
        const { half: wanted } = probe;
        for (let i = 0; i < wanted.length; i++) dot += (wanted[i] as number) * (half[offset + i] as number);
        const likeness = dot / (probe.norm * Math.sqrt(energy));
        if (likeness > best) [best, bestAt] = [likeness, offset];
      }
      // The top of this rise: the next one is another find.
      if (bestAt >= 0 && (offset - bestAt) * 2 >= near) {
        this.#found(probe, from + 2 * bestAt);
        [best, bestAt] = [worthALook, -1];
      }
      energy += (half[offset + probe.half.length] ?? 0) ** 2 - (half[offset] as number) ** 2;
    }
    if (bestAt >= 0) this.#found(probe, from + 2 * bestAt);
    this.#next[index] = from + 2 * (offsets + 1);
  }

  #found(probe: Probe, at: number): void {
    const { samples, loudFrom } = this.#reference;
    const start = exactStart(this.#audio, samples, probe.at, probe.half.length * 2, at - probe.at);
    if (start + loudFrom < this.#begin - near) return;
    if (this.#seen.has(start)) return;
    this.#seen.add(start);
    this.#candidates.push(start);
  }

  #judge(start: number): Match | undefined {
    const { loudFrom, loudTo } = this.#reference;
    const result = compare(this.#audio, this.#reference, start);
    const match = { ...result, from: start + loudFrom, to: start + loudTo };
    if (!this.#best || match.similarity > this.#best.similarity) this.#best = match;
    return accepts(match, this.#tolerance) ? match : undefined;
  }
}

export function accepts({ similarity, lostMs, soundMs }: Comparison, tolerance: Tolerance): boolean {
  return similarity >= tolerance.similarity && lostMs <= Math.max(forgivenMs, tolerance.loss * soundMs);
}
