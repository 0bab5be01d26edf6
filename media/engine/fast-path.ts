/**
 * The short way of a packet that is like the one before it: audio that is forwarded as it is, in order, from the same
 * source, of the same length. With many calls a packet waits for memory more than for anything else, so what such a
 * packet needs lies in one place (ADR 0018). What went this way is counted here and told to the receiver and to the
 * sender when somebody looks (`settle`). Any other packet goes the long way, and so does the first after any change.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { UdpPort } from '../net/udp-port.ts';
import type { LatchState, Source } from '../rtp/latch.ts';
import { type RtpView, rtpHeaderBytes, writeUint32 } from '../rtp/packet.ts';
import { type RtpReceiver, smoothJitter, transitOf } from '../rtp/receiver.ts';
import type { SeqNo } from '../rtp/sequence.ts';

/** Version 2, without padding, extension and CSRC. */
const plainHeader = 0x80;

/** How packets go on as long as nothing changes. */
export interface Course {
  readonly sink: PassedSink;
  readonly socket: UdpPort;
  readonly to: Source;
  readonly payloadType: number;
  readonly ssrc: number;
  /** Out minus in. */
  readonly sequenceOffset: number;
  readonly timestampOffset: number;
  /** Of the audio in a packet of this length, in timestamp units. */
  readonly span: number;
}

/** Where packets went to. */
export interface PassedSink {
  /** What comes this way is for it, until `left`. */
  joined(path: FastPath): void;
  /**
   * So many packets were forwarded in order.
   * @param sequence of the last, as it came. @param timestamp of the last, as it went. @param at ms when that was
   * @param octets of payload, of all of them
   */
  passed(count: number, sequence: SeqNo, timestamp: number, span: number, at: number, octets: number): void;
  /** None will come this way any more. */
  left(path: FastPath): void;
}

export class FastPath {
  // What each packet needs comes first: fields lie in memory as they stand here.
  readonly #clock: Pick<Clock, 'now'>;
  /** Undefined: closed. */
  #from: Source | undefined;
  #length = 0;
  /** Marker, which is none, and payload type. */
  #type = 0;
  #ssrc = 0;
  /** 65536 is nobody's: the long way counts the turns. */
  #next = 0;
  #rate = 0;
  #outType = 0;
  #outSsrc = 0;
  #sequenceOffset = 0;
  #timestampOffset = 0;
  #socket: UdpPort | undefined;
  #to: Source | undefined;
  #passed = 0;
  #timestamp = 0;
  #transit = 0;
  #jitter = 0;
  #at = Number.NEGATIVE_INFINITY;
  readonly #receiver: RtpReceiver;
  readonly #latch: LatchState;
  #sink: PassedSink | undefined;
  #span = 0;

  /** @param receiver whose packets these are */
  constructor(clock: Pick<Clock, 'now'>, receiver: RtpReceiver, latch: LatchState) {
    this.#clock = clock;
    this.#receiver = receiver;
    this.#latch = latch;
  }

  /** ms when a packet went this way last. */
  get at(): number {
    return this.#at;
  }

  /** One datagram. @returns false when it has to go the long way */
  take(buffer: Uint8Array, offset: number, length: number, from: Source): boolean {
    if (from !== this.#from || length !== this.#length) return false;
    const sequence = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
    if (sequence !== this.#next || buffer[offset] !== plainHeader || buffer[offset + 1] !== this.#type) return false;
    if (readInt32(buffer, offset + 8) !== this.#ssrc) return false;
    const timestamp = readInt32(buffer, offset + 4);
    const now = this.#clock.now();
    const transit = transitOf(timestamp, now, this.#rate);
    this.#jitter = smoothJitter(this.#jitter, transit, this.#transit, this.#rate);
    this.#transit = transit;
    this.#at = now;
    this.#timestamp = timestamp;
    this.#next = sequence + 1;
    this.#passed++;
    const out = sequence + this.#sequenceOffset;
    buffer[offset + 1] = this.#outType;
    buffer[offset + 2] = out >> 8;
    buffer[offset + 3] = out;
    writeUint32(buffer, offset + 4, timestamp + this.#timestampOffset);
    writeUint32(buffer, offset + 8, this.#outSsrc);
    this.#socket!.send(buffer, offset, length, this.#to!);
    return true;
  }

  /**
   * Packets that follow the one that was just forwarded the long way come this way.
   * @param length of its datagram. @param rate of its payload type
   */
  open(view: RtpView, length: number, from: Source, rate: number, course: Course): void {
    const { source, bursts } = this.#receiver.state;
    // What has extensions or padding, or is counted packet by packet, is looked at.
    if (source?.transit === undefined || bursts || length !== rtpHeaderBytes + view.payloadLength) return;
    const { mode, latched, source: latchedTo } = this.#latch;
    if (mode === 'latch' && !(latched && latchedTo === from)) return;
    this.#from = from;
    this.#length = length;
    this.#type = view.payloadType;
    this.#ssrc = view.ssrc | 0;
    this.#next = view.sequence + 1;
    this.#rate = rate;
    this.#transit = source.transit;
    this.#jitter = source.jitter;
    this.#outType = course.payloadType;
    this.#outSsrc = course.ssrc | 0;
    this.#sequenceOffset = course.sequenceOffset;
    this.#timestampOffset = course.timestampOffset | 0;
    this.#socket = course.socket;
    this.#to = course.to;
    this.#sink = course.sink;
    this.#span = course.span;
    course.sink.joined(this);
  }

  /** Tells what went this way. */
  settle(): void {
    const count = this.#passed;
    if (count === 0) return;
    this.#passed = 0;
    const last = this.#next - 1;
    const octets = count * (this.#length - rtpHeaderBytes);
    this.#receiver.passed(count, last, octets, this.#transit, this.#jitter);
    if (this.#latch.latched) this.#latch.heardAt = this.#at;
    this.#sink?.passed(count, last, (this.#timestamp + this.#timestampOffset) >>> 0, this.#span, this.#at, octets);
  }

  close(): void {
    if (!this.#from) return;
    this.settle();
    this.#from = undefined;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.left(this);
  }
}

/** Signed, so that no number is too large for a field that is one word. */
function readInt32(buffer: Uint8Array, at: number): number {
  return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
}
