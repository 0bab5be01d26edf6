/** Audio of one encoding into another: payloads of any length in, frames of one length out. */
import { Resampler } from '../audio/index.ts';
import { type AudioCodec, codecFor, coderRate, frameTicks, sampleRateOf } from '../codec/index.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import { type EncodingId, formatOf } from './encoding.ts';

/** Undefined where one of the two codecs is none that is implemented. */
export function transcoderFor(encoding: EncodingId, { codec, ptime }: NegotiatedAudio): Transcoder | undefined {
  const format = formatOf(encoding);
  const from = format && codecFor(format, { sampleRate: coderRate(format, sampleRateOf(codec)) });
  const to = format && codecFor(codec, { sampleRate: coderRate(codec, sampleRateOf(format)), live: true });
  return from && to && new Transcoder(from, to, ptime);
}

/** ms of one packet that are taken. */
const longestMs = 250;

export class Transcoder {
  readonly from: AudioCodec;
  readonly to: AudioCodec;
  /** What one frame is on the clock that goes out. */
  readonly frameTicks: number;
  readonly #resampler: Resampler;
  readonly #frame: number;
  readonly #decoded: Int16Array;
  /** Audio that is due to go out, at the rate of `to`. */
  readonly #waiting: Int16Array;
  #filled = 0;

  /** Takes both coders over. @param ptime ms of a frame that goes out */
  constructor(from: AudioCodec, to: AudioCodec, ptime: number) {
    this.from = from;
    this.to = to;
    this.frameTicks = frameTicks(to, ptime);
    this.#resampler = new Resampler(from.sampleRate, to.sampleRate);
    this.#frame = Math.round((this.frameTicks * to.sampleRate) / to.clockRate);
    this.#decoded = new Int16Array(Math.ceil((from.sampleRate * longestMs) / 1000));
    this.#waiting = new Int16Array(this.#frame + Math.ceil((to.sampleRate * longestMs) / 1000) + 1);
  }

  /** Samples that wait, at the rate of `to`. */
  get waiting(): number {
    return this.#filled;
  }

  /** A frame can be taken. */
  get ready(): boolean {
    return this.#filled >= this.#frame;
  }

  /** Samples of silence that would complete the frame that has begun; 0 when none has. */
  get missing(): number {
    return this.#filled === 0 ? 0 : Math.max(0, this.#frame - this.#filled);
  }

  /** Another source begins. */
  reset(): void {
    this.#resampler.reset();
    this.#filled = 0;
  }

  /** The next payload; frames that are ready are taken before. @returns ticks of audio in it, 0 for garbage */
  push(payload: Uint8Array): number {
    return this.#take(this.from.decode(payload, this.#decoded));
  }

  /**
   * In place of packets that are lost. @param ticks no more than 120 ms @param next the payload behind them
   * @returns ticks made up; 0 where the codec cannot
   */
  conceal(ticks: number, next: Uint8Array): number {
    const samples = Math.round((ticks * this.from.sampleRate) / this.from.clockRate);
    return this.#take(this.from.conceal?.(this.#decoded.subarray(0, samples), next) ?? 0);
  }

  #take(count: number): number {
    const samples = this.#decoded.subarray(0, count);
    this.#filled += this.#resampler.process(samples, this.#waiting.subarray(this.#filled));
    return Math.round((count * this.from.clockRate) / this.from.sampleRate);
  }

  /** @param count samples at the rate of `to`, no more than `missing` */
  silence(count: number): void {
    this.#waiting.fill(0, this.#filled, this.#filled + count);
    this.#filled += count;
  }

  /** Encodes the frame that is ready. @returns bytes; 0 for one that need not be sent */
  pull(out: Uint8Array): number {
    const bytes = this.to.encode(this.#waiting.subarray(0, this.#frame), out);
    this.#waiting.copyWithin(0, this.#frame, this.#filled);
    this.#filled -= this.#frame;
    return bytes;
  }

  close(): void {
    this.from.close?.();
    this.to.close?.();
  }
}
