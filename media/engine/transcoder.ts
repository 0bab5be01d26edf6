/**
 * Audio packets of one encoding into another, each as it comes: one packet in is one packet out, so that gaps, order
 * and timing reach the far end as they were.
 */
import { Resampler } from '../audio/index.ts';
import type { AudioCodec } from '../codec/index.ts';
import { addTimestamp, type RtpTimestamp, timestampDiff } from '../rtp/sequence.ts';

export class Transcoder {
  readonly from: AudioCodec;
  readonly to: AudioCodec;
  readonly #resampler: Resampler;
  #decoded = new Int16Array(0);
  #converted = new Int16Array(0);
  /** Where both streams began to be converted, moved on so that no distance wraps. */
  #anchor: { readonly in: RtpTimestamp; readonly out: RtpTimestamp } | undefined;

  constructor(from: AudioCodec, to: AudioCodec) {
    this.from = from;
    this.to = to;
    this.#resampler = new Resampler(from.clockRate, to.clockRate);
  }

  get begun(): boolean {
    return this.#anchor !== undefined;
  }

  /** A source begins: its first packet goes out with this timestamp. */
  begin(inTimestamp: RtpTimestamp, outTimestamp: RtpTimestamp): void {
    this.#anchor = { in: inTimestamp, out: outTimestamp };
    this.#resampler.reset();
  }

  /** The timestamp that a packet goes out with; `begin` comes before. */
  timestamp(inTimestamp: RtpTimestamp): RtpTimestamp {
    const anchor = this.#anchor!;
    const { from, to } = this;
    const distance = timestampDiff(inTimestamp, anchor.in);
    const out = addTimestamp(anchor.out, Math.round((distance * to.clockRate) / from.clockRate));
    // Whole seconds, so that nothing is lost to rounding.
    if (distance > 3600 * from.clockRate)
      this.#anchor = {
        in: addTimestamp(anchor.in, 3600 * from.clockRate),
        out: addTimestamp(anchor.out, 3600 * to.clockRate),
      };
    return out;
  }

  /** Bytes that the next payload of this length becomes. */
  outputBytes(payloadLength: number): number {
    const samples = Math.floor(payloadLength / this.from.bytesPerSample);
    return this.#resampler.outputLength(samples) * this.to.bytesPerSample;
  }

  /** @param out as long as `outputBytes` says */
  convert(payload: Uint8Array, out: Uint8Array): void {
    const samples = Math.floor(payload.length / this.from.bytesPerSample);
    if (this.#decoded.length !== samples) this.#decoded = new Int16Array(samples);
    this.from.decode(payload, this.#decoded);
    const length = this.#resampler.outputLength(samples);
    if (this.#converted.length !== length) this.#converted = new Int16Array(length);
    this.#resampler.process(this.#decoded, this.#converted);
    this.to.encode(this.#converted, out);
  }
}
