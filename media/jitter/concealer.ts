/**
 * Packet loss concealment for codecs that have none of their own, after ITU-T G.711 Appendix I, at any rate: what was
 * heard last is repeated by its pitch period, by two and then three of them as the gap grows; after 10 ms it fades, and
 * is silent after 60. What comes after the gap is faded into. Nothing is delayed: instead of the overlap before the gap
 * the step at its beginning is smoothed.
 */
import { clamp16 } from '../audio/index.ts';
import { findPitch, longestPitchMs } from './pitch.ts';

const mostPeriods = 3;
const windowMs = 20;
/** ms after which another period is taken in, and the fading begins. */
const stepMs = 10;
/** ms after which there is silence. */
export const audibleMs = 60;
/** Share of the loudness that goes with each step. */
const fade = 1 / (audibleMs / stepMs - 1);

export class Concealer {
  readonly #rate: number;
  /** What was heard last. */
  readonly #history: Float32Array;
  readonly #step: number;
  #pitch = 0;
  /** An overlap of a quarter of a period. */
  #quarter = 0;
  /** What is repeated, and what was repeated before it. */
  #loop = new Float32Array(0);
  #position = 0;
  #before = new Float32Array(0);
  #beforePosition = 0;
  #blend = 0;
  #periods = 0;
  /** Smooths the beginning. */
  #offset = 0;
  /** Samples that were made up in this gap; −1 outside of one. */
  #age = -1;

  /** @param rate samples per second */
  constructor(rate: number) {
    this.#rate = rate;
    this.#step = Math.round((rate * stepMs) / 1000);
    this.#history = new Float32Array(Math.round((rate * (mostPeriods + 1) * longestPitchMs) / 1000));
  }

  /** True in a gap. */
  get active(): boolean {
    return this.#age >= 0;
  }

  /** True once nothing can be heard any more. */
  get silent(): boolean {
    return this.#age >= (this.#rate * audibleMs) / 1000;
  }

  /** Good audio; behind a gap its beginning is changed in place. */
  good(samples: Int16Array): void {
    if (this.active) this.#resume(samples);
    const history = this.#history;
    const count = Math.min(samples.length, history.length);
    history.copyWithin(0, count);
    const from = samples.length - count;
    for (let i = 0; i < count; i++) history[history.length - count + i] = samples[from + i]!;
  }

  /** Fills a gap, or goes on filling it. */
  conceal(out: Int16Array): void {
    if (!this.active) this.#begin();
    for (let i = 0; i < out.length; i++) out[i] = clamp16(this.#next());
  }

  /** Silence was meant: what follows is not joined to what went before. */
  pause(): void {
    this.#age = -1;
    this.#history.fill(0);
  }

  #begin(): void {
    const history = this.#history;
    const { length } = history;
    this.#age = 0;
    this.#pitch = findPitch(history, length, Math.round((this.#rate * windowMs) / 1000), this.#rate);
    this.#quarter = this.#pitch >> 2;
    this.#periods = 1;
    this.#blend = 0;
    this.#loop = this.#looped(1);
    this.#position = 0;
    this.#offset = history[length - 1]! - history[length - 1 - this.#pitch]!;
  }

  /** The last periods, so that their end goes over into their beginning. */
  #looped(periods: number): Float32Array<ArrayBuffer> {
    const history = this.#history;
    const length = periods * this.#pitch;
    const start = history.length - length;
    const loop = history.slice(start);
    const quarter = this.#quarter;
    for (let i = 0; i < quarter; i++) {
      const share = (i + 1) / (quarter + 1);
      const at = length - quarter + i;
      loop[at] = loop[at]! * (1 - share) + history[start - quarter + i]! * share;
    }
    return loop;
  }

  #grow(): void {
    this.#before = this.#loop;
    this.#beforePosition = this.#position;
    this.#blend = this.#quarter;
    this.#loop = this.#looped(++this.#periods);
    this.#position %= this.#pitch;
  }

  #next(): number {
    const age = this.#age++;
    const steps = age / this.#step;
    const gain = steps <= 1 ? 1 : 1 - (steps - 1) * fade;
    if (gain <= 0) return 0;
    if (steps === this.#periods && this.#periods < mostPeriods) this.#grow();
    let value = this.#loop[this.#position]!;
    this.#position = (this.#position + 1) % this.#loop.length;
    if (this.#blend > 0) {
      const share = this.#blend-- / (this.#quarter + 1);
      value = value * (1 - share) + this.#before[this.#beforePosition]! * share;
      this.#beforePosition = (this.#beforePosition + 1) % this.#before.length;
    }
    if (age < this.#quarter) value += this.#offset * (1 - (age + 1) / (this.#quarter + 1));
    return value * gain;
  }

  /** Fades over: 4 ms, and as many more for each step of the gap, up to 10 (G.711 Appendix I §2.6). */
  #resume(samples: Int16Array): void {
    const more = Math.floor(Math.max(0, this.#age / this.#step - 1));
    const overlap = Math.min(samples.length, Math.round((this.#rate * Math.min(10, 4 + 4 * more)) / 1000));
    for (let i = 0; i < overlap; i++) {
      const share = (i + 1) / (overlap + 1);
      samples[i] = clamp16(this.#next() * (1 - share) + samples[i]! * share);
    }
    this.#age = -1;
  }
}
