/** One party of a conference: what it says on its way into the mix, and who may hear it. */
import { Resampler } from '../audio/index.ts';
import { Playout } from '../jitter/playout.ts';
import { powerOf, SpeechDetector } from './speech.ts';

/** Who hears a party: everybody else, nobody, or one other (`to`). */
export type Route = 'all' | 'nobody' | { readonly to: string };

export const frameMs = 20;
/** Others wait for who speaks: no longer than its network makes them. */
const jitterBuffer = { mode: 'adaptive', min: 20, max: 200 } as const;

export class Party {
  readonly id: string;
  /** Its packets are put in here while they are `wanted`. */
  readonly playout = new Playout(jitterBuffer);
  /** What it says in this beat, at the rate of the mix; of no meaning unless `audible`. */
  frame: Int16Array = new Int16Array(0);
  audible = false;
  /** Mean square of what it says in this beat. */
  power = 0;
  readonly #speech = new SpeechDetector();
  #route: Route;
  /** Counts from the next beat on; this one fades. */
  #next: Route | undefined;
  #fadesIn = true;
  #converted = new Int16Array(0);
  #resampler: Resampler | undefined;

  constructor(id: string, route: Route) {
    this.id = id;
    this.#route = route;
  }

  get route(): Route {
    return this.#route;
  }

  /** From the next beat on, without a click: what is said now fades out, and in again where it is heard then. */
  set route(route: Route) {
    if (this.#next !== undefined || route !== this.#route) this.#next = route;
  }

  /** False while nobody is to hear it: then it is not even decoded. */
  get wanted(): boolean {
    return this.#route !== 'nobody' || this.#next !== undefined;
  }

  /** The beat: makes `frame` and `audible`. @param rate of the mix @param now ms, on the clock of the packets */
  beat(rate: number, now: number): void {
    this.#hear(rate, now);
    if (!this.audible) return;
    if (this.#next !== undefined) fade(this.frame, 1, 0);
    else if (this.#fadesIn) fade(this.frame, 0, 1);
    this.#fadesIn = false;
  }

  /** To be called when the beat is mixed. */
  settle(): void {
    if (this.#next === undefined) return;
    this.#route = this.#next;
    this.#next = undefined;
    this.#fadesIn = true;
    if (this.#route !== 'nobody') return;
    this.playout.reset();
    this.#speech.reset();
    this.audible = false;
  }

  #hear(rate: number, now: number): void {
    const was = this.audible;
    this.audible = false;
    if (this.#route === 'nobody') return;
    const samples = this.playout.frame(now);
    if (!samples) return;
    this.power = powerOf(samples);
    this.#speech.frame(this.power, frameMs);
    if (!this.#speech.speaking) return;
    this.audible = true;
    this.frame = samples;
    const from = this.playout.rate;
    if (from === rate) return;
    if (this.#resampler?.from !== from || this.#resampler.to !== rate) {
      this.#resampler = new Resampler(from, rate);
      this.#converted = new Int16Array((rate * frameMs) / 1000);
    } else if (!was) this.#resampler.reset();
    this.#resampler.process(samples, this.#converted);
    this.frame = this.#converted;
  }
}

/** Loudness goes from `from` to `to` along the samples. */
function fade(samples: Int16Array, from: number, to: number): void {
  const step = (to - from) / samples.length;
  for (let i = 0; i < samples.length; i++) samples[i] = samples[i]! * (from + step * i);
}
