/** What a lab phone hears: RTP packets decoded onto a play-out time line, and the digits among them. */
import { type AudioCodec, codecFor, sampleTime } from '../../../media/codec/index.ts';
import { digitOf, eventBytes, maxDuration } from '../../../media/dtmf/event.ts';
import { type RtpView, readRtp, rtpView } from '../../../media/rtp/packet.ts';
import { HeardAudio, hearingRate } from '../hearing/heard-audio.ts';
import { WidePackets } from '../hearing/wide-packets.ts';
import type { PhonePayload } from './sdp.ts';

/** ms of one packet that are decoded. */
const longestMs = 250;

/** What a payload type means to us; one that means nothing is not among them. */
type Format = 'events' | AudioCodec;

/** A press whose last segment has not been seen yet. */
interface LongPress {
  readonly source: string;
  /** Where the next segment would begin. */
  readonly next: number;
}

export class Ear {
  readonly audio: HeardAudio;
  readonly #onDigit: (digit: string) => void;
  readonly #formats: (Format | undefined)[] = [];
  readonly #view = rtpView();
  readonly #presses = new Set<string>();
  #long: LongPress | undefined;
  #wide: WidePackets | undefined;
  #samples = new Int16Array(0);
  #packets = 0;
  #strange = 0;

  /** @param origin clock ms from which on it hears; @param onDigit called once for each key press */
  constructor(origin: number, onDigit: (digit: string) => void) {
    this.audio = new HeardAudio(origin);
    this.#onDigit = onDigit;
  }

  /** RTP packets of audio that could be played. */
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
    for (const { payloadType, name, rate, channels } of payloads)
      this.#formats[payloadType] =
        name.toLowerCase() === 'telephone-event'
          ? 'events'
          : codecFor({ name, clockRate: rate, channels: channels ?? 1 });
  }

  /** Takes a datagram; what is no RTP, as RTCP, is none of its business. @param now clock ms */
  receive(now: number, bytes: Uint8Array): void {
    const view = this.#view;
    if (!readRtp(bytes, 0, bytes.length, view)) return;
    const format = this.#formats[view.payloadType];
    if (!format) {
      this.#strange++;
      return;
    }
    const payload = bytes.subarray(view.payloadOffset, view.payloadOffset + view.payloadLength);
    if (format === 'events') this.#event(view, payload);
    else this.#hear(now, view, format, payload);
  }

  #hear(now: number, view: RtpView, codec: AudioCodec, payload: Uint8Array): void {
    const rate = codec.sampleRate;
    const longest = Math.floor((rate * longestMs) / 1000);
    if (this.#samples.length !== longest) this.#samples = new Int16Array(longest);
    const decoded = this.#samples.subarray(0, codec.decode(payload, this.#samples));
    if (decoded.length === 0) return;
    this.#packets++;
    if (rate === hearingRate) {
      this.audio.write(now, view, rate, decoded);
      return;
    }
    if (this.#wide?.rate !== rate) this.#wide = new WidePackets(rate);
    const heard = { ...view, timestamp: sampleTime(codec, view.timestamp) };
    for (const packet of this.#wide.add(now, heard, decoded)) this.audio.write(now, packet, rate, packet.samples);
  }

  /**
   * The packets of a press have one timestamp (RFC 4733 §2.3), but a long one goes on in another segment, which
   * begins where the one before is full (§2.5.1.3).
   */
  #event({ ssrc, timestamp }: RtpView, payload: Uint8Array): void {
    if (payload.length < eventBytes) return;
    const event = payload[0] as number;
    const digit = digitOf(event);
    if (digit === undefined) return;
    const source = `${ssrc} ${event}`;
    const press = `${source} ${timestamp}`;
    const duration = ((payload[2] as number) << 8) | (payload[3] as number);
    const ended = ((payload[1] as number) & 0x80) !== 0;
    const goesOn = this.#long?.source === source && this.#long.next === timestamp;
    if (duration === maxDuration && !ended) this.#long = { source, next: (timestamp + maxDuration) >>> 0 };
    if (this.#presses.has(press)) return;
    this.#presses.add(press);
    if (!goesOn) this.#onDigit(digit);
  }
}
