/**
 * A stream of packets into one of another codec: each as it comes, cut anew where the two sides differ in packet length.
 * What is lost is made up where the decoder can, else it stays a gap; pauses stay pauses. Telephone-events go along, on
 * the other side's clock.
 */
import { eventBytes, maxDuration } from '../dtmf/event.ts';
import { type RtpView, rtpHeaderBytes } from '../rtp/packet.ts';
import { addTimestamp, type RtpTimestamp, type SeqNo, type Ssrc, seqDiff, timestampDiff } from '../rtp/sequence.ts';
import type { Transcoder } from './transcoder.ts';

/** ms of lost audio that are made up; a longer gap is one. */
const mostConcealedMs = 120;
/** Segments of one long key press that may be lost as a whole (RFC 4733 §2.5.1.3). */
const mostSegments = 8;

/** More than Opus gives for a frame of speech, and than a frame of any other codec here has. */
const mostBytes = 8192;

/**
 * The next packet, with room for its header in front. @param skipped numbers to leave out before it, for packets that
 * were lost
 */
export type SendConverted = (
  packet: Uint8Array,
  timestamp: RtpTimestamp,
  ticks: number,
  skipped: number,
  marker: boolean,
) => void;

interface Press {
  readonly event: number;
  /** Of its first segment. */
  readonly in: RtpTimestamp;
  readonly out: RtpTimestamp;
}

export class ConvertedStream {
  readonly #transcoder: Transcoder;
  readonly #send: SendConverted;
  readonly #packet = new Uint8Array(rtpHeaderBytes + mostBytes);
  readonly #payload = this.#packet.subarray(rtpHeaderBytes);
  #ssrc: Ssrc | undefined;
  #highest: SeqNo = 0;
  /** Where the next packet in is expected, and what goes out next: the audio that waits in the transcoder lies before. */
  #nextIn: RtpTimestamp = 0;
  #nextOut: RtpTimestamp = 0;
  /** What rounding owes the timeline, in samples. */
  #owed = 0;
  #skipped = 0;
  #press: Press | undefined;

  /** Takes the transcoder over. */
  constructor(transcoder: Transcoder, send: SendConverted) {
    this.#transcoder = transcoder;
    this.#send = send;
  }

  /** True while packets of this source go on. */
  continues(ssrc: Ssrc): boolean {
    return this.#ssrc === ssrc;
  }

  /** Another source spoke meanwhile: the next packet begins anew. */
  reset(): void {
    this.#ssrc = undefined;
  }

  /** The first packet of a source. @param timestamp it goes out with */
  begin(view: RtpView, timestamp: RtpTimestamp): void {
    this.#transcoder.reset();
    this.#ssrc = view.ssrc;
    this.#highest = (view.sequence - 1) & 0xffff;
    this.#nextIn = view.timestamp;
    this.#nextOut = timestamp;
    this.#owed = 0;
    this.#skipped = 0;
    this.#press = undefined;
  }

  /**
   * One audio packet; `begin` comes before.
   * @param restartAt the timestamp to go on with, should this packet be of another timeline
   * @returns false for one that comes too late
   */
  audio(buffer: Uint8Array, view: RtpView, restartAt: () => RtpTimestamp): boolean {
    const lost = this.#advance(view.sequence);
    if (lost < 0) return false;
    const payload = buffer.subarray(view.payloadOffset, view.payloadOffset + view.payloadLength);
    const gap = timestampDiff(view.timestamp, this.#nextIn);
    let { marker } = view;
    if (gap < 0) {
      this.begin(view, restartAt());
      this.#highest = view.sequence;
      marker = true;
    } else if (gap > 0) this.#gap(gap, lost, payload);
    this.#nextIn = addTimestamp(view.timestamp, this.#transcoder.push(payload));
    this.#drain(marker);
    return true;
  }

  /** A packet that does not go out: it leaves no gap in the numbers. */
  leaveOut(sequence: SeqNo): void {
    this.#skipped += Math.max(0, this.#advance(sequence));
  }

  /** @returns the packets that were lost before this one; −1 for one that is no new one */
  #advance(sequence: SeqNo): number {
    const ahead = seqDiff(sequence, this.#highest);
    if (ahead > 0) this.#highest = sequence;
    return ahead > 0 ? ahead - 1 : -1;
  }

  #gap(ticks: number, lost: number, next: Uint8Array): void {
    const { from, to } = this.#transcoder;
    const short = ticks * 1000 <= mostConcealedMs * from.clockRate;
    if (lost > 0 && short && this.#transcoder.conceal(ticks, next) > 0) {
      this.#drain(false);
      return;
    }
    this.#skipped += lost;
    const exact = (ticks * to.sampleRate) / from.clockRate + this.#owed;
    const samples = Math.round(exact);
    this.#owed = exact - samples;
    const silence = Math.min(samples, this.#transcoder.missing);
    this.#transcoder.silence(silence);
    this.#drain(false);
    // With a frame begun and not full there is nothing left of the gap.
    this.#nextOut = addTimestamp(this.#nextOut, Math.round(((samples - silence) * to.clockRate) / to.sampleRate));
  }

  #drain(marker: boolean): void {
    const transcoder = this.#transcoder;
    let first = marker;
    while (transcoder.ready) {
      const timestamp = this.#nextOut;
      this.#nextOut = addTimestamp(timestamp, transcoder.frameTicks);
      const bytes = transcoder.pull(this.#payload);
      if (bytes === 0) continue;
      const skipped = this.#skipped;
      this.#skipped = 0;
      // Of its own: the socket may hold it until the kernel takes it.
      this.#send(this.#packet.slice(0, rtpHeaderBytes + bytes), timestamp, transcoder.frameTicks, skipped, first);
      first = false;
    }
  }

  /**
   * One telephone-event packet; `begin` comes before. Its duration is rewritten in place.
   * @param ratio the clock of the events that go out, divided by that of those that come
   * @returns the numbers to leave out before it and its timestamp; undefined for one that comes too late
   */
  event(
    buffer: Uint8Array,
    view: RtpView,
    ratio: number,
  ): { readonly skipped: number; readonly timestamp: RtpTimestamp } | undefined {
    const lost = this.#advance(view.sequence);
    if (lost < 0 || view.payloadLength < eventBytes) return undefined;
    const skipped = this.#skipped + lost;
    this.#skipped = 0;
    const at = view.payloadOffset;
    const event = buffer[at]!;
    const press = this.#pressOf(event, view.timestamp);
    const inSegment = (buffer[at + 2]! << 8) | buffer[at + 3]!;
    const whole = timestampDiff(view.timestamp, press.in) + inSegment;
    // One that is longer than a segment holds on the other clock stays at the longest: its end is what counts.
    const duration = Math.min(maxDuration, Math.round(whole * ratio));
    buffer[at + 2] = duration >> 8;
    buffer[at + 3] = duration;
    return { skipped, timestamp: press.out };
  }

  /** All packets of a press have one timestamp on their way out, also those of its later segments. */
  #pressOf(event: number, timestamp: RtpTimestamp): Press {
    const known = this.#press;
    if (known?.event === event) {
      const ahead = timestampDiff(timestamp, known.in);
      if (ahead >= 0 && ahead % maxDuration === 0 && ahead <= mostSegments * maxDuration) return known;
    }
    const { from, to, waiting } = this.#transcoder;
    const distance =
      (timestampDiff(timestamp, this.#nextIn) * to.clockRate) / from.clockRate +
      (waiting * to.clockRate) / to.sampleRate;
    this.#press = { event, in: timestamp, out: addTimestamp(this.#nextOut, Math.round(distance)) };
    return this.#press;
  }

  expectLoss(percent: number): void {
    this.#transcoder.to.expectLoss?.(percent);
  }

  close(): void {
    this.#transcoder.close();
  }
}
