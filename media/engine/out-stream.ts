/**
 * The one RTP stream that a leg sends: its numbers and timestamps go on whatever the source is, and the first packet of
 * each source is marked.
 */
import { type AudioCodec, frameBytes, frameTicks } from '../codec/index.ts';
import { beatMs } from '../pacer.ts';
import { rtpHeaderBytes, writeRtpHeader } from '../rtp/packet.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { RtpTimestamp, SeqNo } from '../rtp/sequence.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import { type EncodingId, encodingId, noiseEncoding } from './encoding.ts';
import type { PacketBuffers } from './packet-buffers.ts';
import type { RtpOut } from './rtp-out.ts';

export type OnSent = (
  payloadType: number,
  timestamp: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
) => void;

export class OutStream {
  readonly sender: RtpSender;
  readonly out: RtpOut;
  /** Where packets of our own are put together. */
  readonly buffers: PacketBuffers;
  /** Hears every audio payload that goes out. */
  onSent: OnSent | undefined;
  /** A source has begun: its first packet is marked. */
  fresh = true;
  /** Audio of our own was sent, and no noise since. */
  spoke = false;
  #audio: NegotiatedAudio | undefined;
  #codec: AudioCodec | undefined;
  // Of each packet that is played: side by side, as many legs take turns (ADR 0018).
  #sends = false;
  #ptime = beatMs;
  #frameBytes = 0;
  #frameTicks = 0;
  #rate = 8000;
  #ownType = 0;
  /** The payload types of what the peer takes. */
  readonly #payloadTypes = new Map<EncodingId, number>();
  /** Looked up last. */
  #encoding: EncodingId = 0;
  #payloadType: number | undefined;

  constructor(sender: RtpSender, out: RtpOut, buffers: PacketBuffers) {
    this.sender = sender;
    this.out = out;
    this.buffers = buffers;
  }

  configure(audio: NegotiatedAudio, codec: AudioCodec | undefined): void {
    this.#audio = audio;
    this.#codec = codec;
    this.#ptime = audio.ptime;
    this.#frameBytes = codec ? frameBytes(codec, audio.ptime) : 0;
    this.#frameTicks = codec ? frameTicks(codec, audio.ptime) : 0;
    this.#rate = audio.codec.clockRate;
    this.#ownType = audio.codec.payloadType;
    this.#sends = audio.direction === 'sendrecv' || audio.direction === 'sendonly';
    this.#payloadTypes.clear();
    this.#encoding = 0;
    this.#payloadType = undefined;
    for (const other of audio.receivePayloadTypes) this.#payloadTypes.set(encodingId(other), other.payloadType);
    this.#payloadTypes.set(encodingId(audio.codec), audio.codec.payloadType);
    if (audio.comfortNoise) this.#payloadTypes.set(noiseEncoding, audio.comfortNoise.sendPayloadType);
  }

  /** What was negotiated. */
  get audio(): NegotiatedAudio | undefined {
    return this.#audio;
  }

  /** Undefined where it is none that is implemented. */
  get codec(): AudioCodec | undefined {
    return this.#codec;
  }

  /** ms of audio in one packet of ours. */
  get ptime(): number {
    return this.#ptime;
  }

  /** Bytes of payload in one packet of ours; 0 where nothing can be encoded. */
  get frameBytes(): number {
    return this.#frameBytes;
  }

  /** Timestamp units in one packet of ours. */
  get frameTicks(): number {
    return this.#frameTicks;
  }

  /** Something may be sent now, and somebody said where to. */
  get ready(): boolean {
    return this.#sends && this.out.ready;
  }

  payloadTypeOf(encoding: EncodingId): number | undefined {
    if (encoding !== this.#encoding) {
      this.#encoding = encoding;
      this.#payloadType = this.#payloadTypes.get(encoding);
    }
    return this.#payloadType;
  }

  /** The timestamp of what begins at this ms of the clock. */
  begin(at: number): RtpTimestamp {
    return this.sender.begin(at, this.#rate);
  }

  /** The packet before a source still plays: one that comes sooner would put the stream ahead of the clock, and for good. */
  isBusy(due: number): boolean {
    return this.fresh && due < this.sender.busyUntil(this.#rate);
  }

  /** One packet of another stream. @param start of its header */
  forwarded(
    buffer: Uint8Array,
    start: number,
    octets: number,
    payloadType: number,
    marker: boolean,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
    isAudio: boolean,
    now: number,
  ): void {
    const { sender } = this;
    writeRtpHeader(buffer, start, payloadType, marker, sequence, timestamp, sender.state.ssrc);
    const payload = start + rtpHeaderBytes;
    const span = isAudio ? (this.#codec?.ticks(buffer, payload, octets) ?? 0) : 0;
    sender.sent(sequence, timestamp, span, now, octets);
    this.fresh = true;
    this.spoke = false;
    this.out.send(buffer, start, octets + rtpHeaderBytes);
    if (isAudio) this.onSent?.(payloadType, timestamp, buffer, payload, octets);
  }

  /**
   * Audio of our own.
   * @param buffer the payload, with room for its header in front
   * @param ticks of the clock that it plays
   * @param follows right behind the packet before, whatever the clock rounds it to
   */
  packet(buffer: Uint8Array, octets: number, ticks: number, at: number, follows = false): void {
    // The next that can be sent is where the clock is by then.
    if (!this.out.ready) {
      this.fresh = true;
      return;
    }
    const { sender } = this;
    const sequence = sender.nextSequence;
    const timestamp = follows && !this.fresh ? sender.nextTimestamp : this.begin(at);
    const marker = this.fresh || timestamp !== sender.nextTimestamp;
    this.fresh = false;
    this.spoke = true;
    writeRtpHeader(buffer, 0, this.#ownType, marker, sequence, timestamp, sender.state.ssrc);
    sender.sent(sequence, timestamp, ticks, at, octets);
    this.out.send(buffer, 0, rtpHeaderBytes + octets);
    this.onSent?.(this.#ownType, timestamp, buffer, rtpHeaderBytes, octets);
  }

  /**
   * One packet of a telephone-event (RFC 4733 §2.5.1). The timeline stands at the beginning of the press while it lasts;
   * repeated ends leave it where audio went on.
   * @param start of its header @param begins the first of its press
   */
  event(
    buffer: Uint8Array,
    start: number,
    octets: number,
    payloadType: number,
    timestamp: RtpTimestamp,
    begins: boolean,
    at: number,
  ): void {
    const { sender } = this;
    const { state, nextSequence } = sender;
    writeRtpHeader(buffer, start, payloadType, begins, nextSequence, timestamp, state.ssrc);
    if (begins) sender.sent(nextSequence, timestamp, 0, at, octets);
    else sender.sent(nextSequence, state.timestamp, state.span, state.at, octets);
    this.fresh = true;
    this.out.send(buffer, start, rtpHeaderBytes + octets);
  }

  /**
   * Tells the peer that there is silence now, and what it sounds like (RFC 3389): it is none that was lost.
   * @returns false where it did not agree to that
   */
  noise(description: Uint8Array, at: number): boolean {
    const payloadType = this.#payloadTypes.get(noiseEncoding);
    if (payloadType === undefined) return false;
    this.spoke = false;
    if (!this.ready) return true;
    const { sender } = this;
    const { state, nextSequence } = sender;
    const buffer = this.buffers.next(description.length);
    buffer.set(description, rtpHeaderBytes);
    const timestamp = this.begin(at);
    writeRtpHeader(buffer, 0, payloadType, false, nextSequence, timestamp, state.ssrc);
    sender.sent(nextSequence, timestamp, 0, at, description.length);
    this.fresh = true;
    this.out.send(buffer, 0, buffer.length);
    return true;
  }
}
