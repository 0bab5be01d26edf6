/** What a lab phone hears: RTP packets decoded onto a play-out time line, and the digits among them. */

import { Resampler } from '../../../media/audio/index.ts';
import { type AudioCodec, codecFor } from '../../../media/codec/index.ts';
import { digitOf } from '../../../media/dtmf/event.ts';
import { isRtcpType, readRtp, rtpView } from '../../../media/rtp/packet.ts';
import { HeardAudio, hearingRate } from '../hearing/heard-audio.ts';
import type { PhonePayload } from './sdp.ts';

/** ms of one packet that are decoded. */
const longestMs = 250;

interface Format {
  readonly rate: number;
  /** Undefined for telephone-events. */
  readonly codec: AudioCodec | undefined;
}

export class Ear {
  readonly audio: HeardAudio;
  readonly #onDigit: (digit: string) => void;
  readonly #formats: (Format | undefined)[] = [];
  readonly #view = rtpView();
  readonly #presses = new Set<string>();
  #resampler: Resampler | undefined;
  #samples = new Int16Array(0);
  #packets = 0;
  #strange = 0;

  constructor(origin: number, onDigit: (digit: string) => void) {
    this.audio = new HeardAudio(origin);
    this.#onDigit = onDigit;
  }

  /** RTP packets that could be played. */
  get packets(): number {
    return this.#packets;
  }

  /** Packets of a payload type that was not agreed on. */
  get strange(): number {
    return this.#strange;
  }

  /** What is agreed on, as we named it. */
  expect(payloads: readonly PhonePayload[]): void {
    this.#formats.length = 0;
    for (const { payloadType, name, rate } of payloads)
      this.#formats[payloadType] = { rate, codec: codecFor({ name, clockRate: rate, channels: 1 }) };
  }

  receive(now: number, bytes: Uint8Array): void {
    const view = this.#view;
    if (isRtcpType(bytes[1] ?? 0) || !readRtp(bytes, 0, bytes.length, view)) return;
    const format = this.#formats[view.payloadType];
    if (!format) {
      this.#strange++;
      return;
    }
    const payload = bytes.subarray(view.payloadOffset, view.payloadOffset + view.payloadLength);
    if (!format.codec) {
      this.#event(`${view.ssrc} ${view.timestamp}`, payload);
      return;
    }
    this.#packets++;
    const longest = (format.rate * longestMs) / 1000;
    if (this.#samples.length !== longest) this.#samples = new Int16Array(longest);
    const decoded = this.#samples.subarray(0, format.codec.decode(payload, this.#samples));
    this.audio.write(now, view.ssrc, view.timestamp, format.rate, this.#atHearingRate(decoded, format.rate));
  }

  /** One press has one timestamp (RFC 4733 §2.3). */
  #event(press: string, payload: Uint8Array): void {
    const digit = digitOf(payload[0] ?? 0xff);
    if (digit === undefined || this.#presses.has(press)) return;
    this.#presses.add(press);
    this.#onDigit(digit);
  }

  #atHearingRate(samples: Int16Array, rate: number): Int16Array {
    if (rate === hearingRate) return samples;
    if (this.#resampler?.from !== rate) this.#resampler = new Resampler(rate, hearingRate);
    const out = new Int16Array(this.#resampler.outputLength(samples.length));
    return out.subarray(0, this.#resampler.process(samples, out));
  }
}
