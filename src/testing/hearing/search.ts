/**
 * Looks for a reference in audio that is still being heard. It looks for short probes of it first; where one is
 * found it is known where the whole should be, and it is compared as soon as it is complete.
 */
import { type Comparison, compare, usualSimilarity } from './compare.ts';
import { apart, type Place, type Probe, placesIn, probeOf } from './correlate.ts';
import { type HeardAudio, samplesPerMs } from './heard-audio.ts';
import type { Reference } from './reference.ts';

export interface Match extends Comparison {
  /** Positions of the first sound and behind the last in the audio, in samples. */
  readonly from: number;
  readonly to: number;
}

export interface Tolerance {
  /** Least correlation; default 0.9. */
  readonly similarity: number;
  /**
   * Share of the sound that may be missing; default 0.1. In one stretch it may be a second of it at the most: 0.1
   * of a second. 60 ms are always forgiven, if they are not more than half of the sound.
   */
  readonly loss: number;
}

export const usualTolerance: Tolerance = { similarity: usualSimilarity, loss: 0.1 };
const forgivenMs = 60;

/** Correlation of a probe that makes a place worth a look. */
const worthALook = 0.5;
/** How much new audio there is to be before it is looked at, in samples: little where the end is waited for. */
const shortStep = 20 * samplesPerMs;
const longStep = 100 * samplesPerMs;
/** A sound of up to a second; more would take too long. */
const placedByWhole = 1000 * samplesPerMs;
/** Of such a sound: 10 ms beside its place it is less alike. */
const sure = 0.998;

export class Search {
  readonly #reference: Reference;
  readonly #tolerance: Tolerance;
  readonly #audio: HeardAudio;
  /** A sound that repeats itself is like itself a little earlier, too: up to so many samples, the best is it. */
  readonly #rivalry: number;
  /** Nothing that begins before counts. */
  readonly #first: number;
  /** Per probe: where to look next. */
  readonly #next: number[];
  #candidates: number[] = [];
  readonly #seen = new Set<number>();
  #best: Match | undefined;
  #whole: Probe | undefined;

  /** @param begin nothing before this position counts, give or take 20 ms */
  constructor(reference: Reference, audio: HeardAudio, begin: number, tolerance: Tolerance = usualTolerance) {
    this.#reference = reference;
    this.#audio = audio;
    const { loudFrom, loudTo, probes } = reference;
    this.#first = begin - Math.min(apart, (loudTo - loudFrom) / 2);
    this.#tolerance = tolerance;
    this.#rivalry = Math.max(forgivenMs, mostGapMs(tolerance)) * samplesPerMs;
    this.#next = probes.map(({ at }) => Math.max(0, Math.floor(this.#first + at - loudFrom)));
  }

  /** What came nearest so far, if it was not enough. */
  get best(): Match | undefined {
    return this.#best;
  }

  /**
   * @param until position up to which everything is heard
   * @param last nothing more will come: look at the rest, however little
   * @returns the first place where the reference was heard, when its whole has been
   */
  look(until: number, last = false): Match | undefined {
    this.#scan(until, last);
    const isComplete = (start: number): boolean => last || start + this.#reference.loudTo <= until;
    const surely = this.#isShort ? sure : usualSimilarity;
    while (this.#candidates.length > 0) {
      const start = this.#candidates[0] as number;
      if (!isComplete(start)) return undefined;
      const match = this.#judge(start);
      if (!accepts(match, this.#tolerance)) {
        this.#candidates.shift();
        continue;
      }
      if (match.lostMs === 0 && match.similarity >= surely) return match;
      // What repeats itself may be even more alike a little later, and when that has been heard.
      const better = this.#placed(start);
      if (better !== start) {
        this.#candidates = [...new Set([better, ...this.#candidates.slice(1)])].sort((a, b) => a - b);
        continue;
      }
      if (this.#isShort && !isComplete(start + apart)) return undefined;
      const rivals = this.#candidates.filter((other) => other > start && other <= start + this.#rivalry);
      return rivals.every(isComplete) ? this.#bestOf(match, rivals) : undefined;
    }
    return undefined;
  }

  get #isShort(): boolean {
    const { loudFrom, loudTo } = this.#reference;
    return loudTo - loudFrom <= placedByWhole;
  }

  /** What repeats itself is found by a part of it a period off: a short sound is placed by the whole of it. */
  #placed(start: number): number {
    if (!this.#isShort) return start;
    const { samples, loudFrom, loudTo } = this.#reference;
    const length = loudTo - loudFrom;
    this.#whole ??= probeOf(samples, loudFrom, length, 1);
    let best: Place = { at: start + loudFrom, likeness: 0 };
    for (let near = -1; near !== best.at; ) {
      near = best.at;
      const from = Math.max(Math.ceil(this.#first), near - apart);
      for (const place of placesIn(this.#audio, from, near + length + apart, this.#whole, worthALook))
        if (place.likeness > best.likeness) best = place;
    }
    return best.at - loudFrom;
  }

  #bestOf(match: Match, rivals: readonly number[]): Match {
    return rivals.map((start) => this.#judge(start)).reduce((a, b) => (nearness(b) > nearness(a) ? b : a), match);
  }

  /** @param all however little is new */
  #scan(until: number, all: boolean): void {
    const [first] = this.#candidates;
    for (const [index, probe] of this.#reference.probes.entries()) {
      const from = this.#next[index] as number;
      // What lies behind a promising place is for later, if the promise is not kept.
      if (!all && first !== undefined && from > first + probe.at + this.#rivalry) continue;
      const fresh = until - probe.samples.length - from;
      const rest = this.#reference.loudTo - probe.at - probe.samples.length;
      const step = index === 0 ? Math.min(longStep, Math.max(shortStep, rest)) : longStep;
      if (fresh < 0 || (fresh < step && !all)) continue;
      for (const { at } of placesIn(this.#audio, from, until, probe, worthALook)) this.#found(at - probe.at);
      this.#next[index] = from + fresh + 1;
    }
  }

  #found(start: number): void {
    if (start + this.#reference.loudFrom < this.#first || this.#seen.has(start)) return;
    this.#seen.add(start);
    this.#candidates.push(start);
    this.#candidates.sort((a, b) => a - b);
  }

  #judge(start: number): Match {
    const { loudFrom, loudTo } = this.#reference;
    const result = compare(this.#audio, this.#reference, start, loudTo, this.#tolerance.similarity);
    const match = { ...result, from: start + loudFrom, to: start + loudTo };
    if (!this.#best || nearness(match) > nearness(this.#best)) this.#best = match;
    return match;
  }
}

/** What is alike counts by how much of it there is. */
function nearness({ similarity, lostMs, soundMs }: Comparison): number {
  return soundMs > 0 ? similarity * (1 - lostMs / soundMs) : similarity;
}

export function accepts({ similarity, lostMs, gapMs, soundMs }: Comparison, tolerance: Tolerance): boolean {
  const forgiven = Math.min(forgivenMs, soundMs / 2);
  return (
    similarity >= tolerance.similarity &&
    lostMs <= Math.max(forgiven, tolerance.loss * soundMs) &&
    gapMs <= Math.max(forgiven, mostGapMs(tolerance))
  );
}

function mostGapMs({ loss }: Tolerance): number {
  return loss * 1000;
}
