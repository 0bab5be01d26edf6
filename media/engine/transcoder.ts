/** Audio of one encoding into another: PCM of any length and rate in, coded frames of one length out. */
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

/** ms that are taken at once. */
const longestMs = 20;
/** Bytes of one Opus frame (RFC 6716 §3.4), with its first. */
const longestOpus = 1276;

export class Transcoder {
  /** Decodes what comes. */
  readonly from: AudioCodec;
  readonly to: AudioCodec;
  /** What one frame is on the clock that goes out. */
  readonly frameTicks: number;
  /** Of a frame. */
  readonly mostBytes: number;
  readonly #frame: number;
  /** Audio that is due to go out, at the rate of `to`. */
  readonly #waiting: Int16Array;
  #resampler: Resampler;
  #filled = 0;

  /** Takes both coders over. @param ptime ms of a frame that goes out */
  constructor(from: AudioCodec, to: AudioCodec, ptime: number) {
    this.from = from;
    this.to = to;
    this.frameTicks = frameTicks(to, ptime);
    this.mostBytes = Math.max(longestOpus, Math.ceil(this.frameTicks * to.bytesPerTick));
    this.#resampler = new Resampler(from.sampleRate, to.sampleRate);
    this.#frame = Math.round((this.frameTicks * to.sampleRate) / to.clockRate);
    this.#waiting = new Int16Array(this.#frame + Math.ceil((to.sampleRate * longestMs) / 1000) + 1);
  }

  /** ms of audio that wait. */
  get waitingMs(): number {
    return (this.#filled * 1000) / this.to.sampleRate;
  }

  /** Audio of another source follows. */
  reset(): void {
    this.#resampler.reset();
    this.#filled = 0;
  }

  /** @param samples 20 ms; frames that are ready are pulled before the next */
  push(samples: Int16Array, rate: number): void {
    if (rate !== this.#resampler.from) this.#resampler = new Resampler(rate, this.to.sampleRate);
    this.#filled += this.#resampler.process(samples, this.#waiting.subarray(this.#filled));
  }

  /** A frame can be pulled. */
  get ready(): boolean {
    return this.#filled >= this.#frame;
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
