/** One party of a conference: what it says on its way into the mix, and who may hear it. */
import { Resampler } from '../audio/index.ts';
import type { AudioCodec } from '../codec/index.ts';
import type { RtpTimestamp } from '../rtp/sequence.ts';
import { ConferenceLine } from './line.ts';
import { powerOf, SpeechDetector } from './speech.ts';

/** Who hears a party: everybody else, nobody, or one other (`to`). */
export type Route = 'all' | 'nobody' | { readonly to: string };

/** ms of one packet that are decoded; nobody sends longer ones. */
const longestMs = 250;
export const frameMs = 20;

export class Party {
  readonly id: string;
  readonly speech = new SpeechDetector();
  /** What it says in this beat, at the rate of the mix; of no meaning unless `audible`. */
  frame = new Int16Array(0);
  audible = false;
  /** Mean square of the newest packet. */
  power = 0;
  #route: Route = 'all';
  /** Counts from the next beat on; this one fades. */
  #next: Route | undefined;
  #fadesIn = true;
  #codec: AudioCodec | undefined;
  #line: ConferenceLine | undefined;
  #decoded = new Int16Array(0);
  /** This beat as it came, and at the rate of the mix. */
  #raw = new Int16Array(0);
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

  /** One packet of audio. @param restart it is the first of another stream @param codec of the payload */
  packet(payload: Uint8Array, timestamp: RtpTimestamp, restart: boolean, codec: AudioCodec): void {
    // What nobody is to hear is not even decoded.
    if (this.#route === 'nobody' && this.#next === undefined) return;
    if (this.#codec !== codec) this.#use(codec);
    const line = this.#line!;
    const count = codec.decode(payload, this.#decoded);
    const samples = this.#decoded.subarray(0, count);
    if (restart) line.restart();
    const spoke = this.speech.speaking;
    this.power = powerOf(samples);
    this.speech.packet(this.power, (count * 1000) / line.rate);
    line.write(timestamp, samples, !spoke && !this.speech.speaking);
  }

  #use(codec: AudioCodec): void {
    this.#codec = codec;
    const rate = codec.clockRate;
    if (this.#line?.rate === rate) return;
    this.#line = new ConferenceLine(rate);
    this.#decoded = new Int16Array(Math.ceil((rate * longestMs) / 1000));
    this.#raw = new Int16Array((rate * frameMs) / 1000);
  }

  /**
   * The beat: makes `frame` and `audible`.
   * @param rate of the mix @param skipped beats before it that were left out: what was said then is not heard
   */
  beat(rate: number, skipped: number): void {
    this.#readFrame(rate, skipped);
    if (this.#next === undefined) {
      if (this.audible && this.#fadesIn) {
        fade(this.frame, 0, 1);
        this.#fadesIn = false;
      }
    } else if (this.audible) fade(this.frame, 1, 0);
  }

  /** To be called when the beat is mixed. */
  settle(): void {
    if (this.#next === undefined) return;
    this.#route = this.#next;
    this.#next = undefined;
    this.#fadesIn = true;
    if (this.#route !== 'nobody') return;
    this.speech.reset();
    this.#line?.restart();
    this.audible = false;
  }

  #readFrame(rate: number, skipped: number): void {
    const line = this.#line;
    const was = this.audible;
    this.audible = false;
    if (!line) return;
    if (skipped > 0) line.skip(skipped * this.#raw.length);
    if (!line.filled) this.speech.silence(frameMs * (skipped + 1));
    if (!line.filled || !this.speech.speaking || this.#route === 'nobody') {
      line.skip(this.#raw.length);
      return;
    }
    this.audible = true;
    line.read(this.#raw);
    if (line.rate === rate) {
      this.frame = this.#raw;
      return;
    }
    if (this.#resampler?.from !== line.rate || this.#resampler.to !== rate) {
      this.#resampler = new Resampler(line.rate, rate);
      this.#converted = new Int16Array((rate * frameMs) / 1000);
    } else if (!was) this.#resampler.reset();
    this.#resampler.process(this.#raw, this.#converted);
    this.frame = this.#converted;
  }
}

/** Loudness goes from `from` to `to` along the samples. */
export function fade(samples: Int16Array, from: number, to: number): void {
  const step = (to - from) / samples.length;
  for (let i = 0; i < samples.length; i++) samples[i] = samples[i]! * (from + step * i);
}
