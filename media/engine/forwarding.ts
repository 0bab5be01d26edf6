/**
 * What a leg sends of what other legs received: packets of its own codec as they are, others converted where that is
 * wanted. Those that are like the one before them come by a short way (`FastPath`).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Forwarder } from '../bridge.ts';
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import { type RtpView, rtpHeaderBytes } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import type { SeqNo } from '../rtp/sequence.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import { ConvertedStream } from './converted-stream.ts';
import { audioPacket, type EncodingId, eventPacket, formatOf, noiseEncoding, type PacketKind } from './encoding.ts';
import type { Course, FastPath, PassedSink } from './fast-path.ts';
import type { OutStream } from './out-stream.ts';
import { transcoderFor } from './transcoder.ts';

export class Forwarding implements PassedSink {
  readonly #stream: OutStream;
  readonly forwarder: Forwarder;
  readonly #jitterBuffer: JitterBufferOptions;
  readonly #pace: () => void;
  /** What comes in another codec is converted. */
  transcodes = false;
  #converted: { readonly encoding: EncodingId; readonly stream: ConvertedStream | undefined } | undefined;
  /** Percent of what is sent. */
  #loss = 0;
  #path: FastPath | undefined;

  /** @param jitterBuffer of what is converted @param pace asks for the beat */
  constructor(stream: OutStream, forwarder: Forwarder, jitterBuffer: JitterBufferOptions, pace: () => void) {
    this.#stream = stream;
    this.forwarder = forwarder;
    this.#jitterBuffer = jitterBuffer;
    this.#pace = pace;
  }

  /** There is something to send at the beat. */
  get active(): boolean {
    return this.#converted?.stream?.active === true;
  }

  /** The format of what is sent changes. */
  reconfigure(before: NegotiatedAudio | undefined, audio: NegotiatedAudio): void {
    if (before?.ptime !== audio.ptime || !isDeepStrictEqual(before.codec, audio.codec)) this.#dropConverter();
  }

  /** One packet, while nothing else is sent. @returns false when it is audio that cannot be sent */
  forward(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    arrival: Arrival,
    now: number,
    dtmf: boolean,
  ): boolean {
    const stream = this.#stream;
    const payloadType =
      kind === audioPacket ? stream.payloadTypeOf(encoding) : stream.audio?.telephoneEvent?.sendPayloadType;
    const beside = kind === eventPacket || encoding === noiseEncoding;
    if (beside) {
      if (this.#passesBeside(buffer, view, kind, encoding, now, dtmf)) return true;
    } else if (payloadType === undefined && this.transcodes) {
      if (this.#converts(buffer, view, encoding, arrival, now)) return true;
    } else this.#converted?.stream?.reset();
    const { forwarder } = this;
    if (payloadType === undefined || (kind === eventPacket && !dtmf)) {
      forwarder.leaveOut(view.ssrc, view.sequence);
      return kind === eventPacket;
    }
    const begins = arrival === 'restart' || !forwarder.continues(view.ssrc);
    if (begins)
      forwarder.begin(view.ssrc, view.sequence, view.timestamp, stream.sender.nextSequence, stream.begin(now));
    stream.forwarded(
      buffer,
      view.payloadOffset - rtpHeaderBytes,
      view.payloadLength,
      payloadType,
      view.marker || begins,
      forwarder.sequence(view.sequence),
      forwarder.timestamp(view.timestamp),
      !beside,
      now,
    );
    return true;
  }

  /** Another source speaks: what is forwarded next begins anew. */
  interrupt(): void {
    this.forwarder.reset();
    this.#converted?.stream?.reset();
  }

  // The short way

  /** As `PacketSink`'s. */
  course(view: RtpView, encoding: EncodingId): Course | undefined {
    const { ready, onSent, codec, out, sender } = this.#stream;
    // The span of packets of one length is one and the same but for codecs whose frames vary.
    if (!ready || onSent || codec?.variable) return undefined;
    if (!out.isPlain || !this.forwarder.continues(view.ssrc)) return undefined;
    const { socket, to } = out;
    const payloadType = this.#stream.payloadTypeOf(encoding);
    const { state } = this.forwarder;
    if (payloadType === undefined || !socket || !to || !state) return undefined;
    const { ssrc, span } = sender.state;
    const { sequenceOffset, timestampOffset } = state;
    return { sink: this, socket, to, payloadType, ssrc, sequenceOffset, timestampOffset, span };
  }

  passed(count: number, sequence: SeqNo, timestamp: number, span: number, at: number, octets: number): void {
    this.#stream.sender.passed(count, this.forwarder.passed(sequence), timestamp, span, at, octets);
  }

  joined(path: FastPath): void {
    this.#path = path;
  }

  left(path: FastPath): void {
    if (this.#path === path) this.#path = undefined;
  }

  /** Counts what came by the short way. */
  settle(): void {
    this.#path?.settle();
  }

  /** What is sent from now on may be another stream, or go elsewhere: each packet is to be looked at. */
  release(): void {
    this.#path?.close();
  }

  // Conversion

  /** One beat, while `active`. */
  tick(due: number, skipped: number): void {
    const converted = this.#converted?.stream;
    if (!this.transcodes || !this.#stream.ready) converted?.reset();
    else if (!this.#stream.isBusy(due)) converted?.tick(due, skipped);
  }

  /** An event or noise of the source whose audio is converted. @returns false where it is none of it */
  #passesBeside(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    now: number,
    dtmf: boolean,
  ): boolean {
    const converter = this.#converted?.stream;
    if (!converter?.continues(view.ssrc)) return false;
    if (kind === audioPacket) converter.other('noise', buffer, view, now);
    else if (dtmf) this.#convertEvent(converter, buffer, view, encoding, now);
    else converter.other('event', buffer, view, now);
    return true;
  }

  /** @returns false for audio that cannot be decoded */
  #converts(buffer: Uint8Array, view: RtpView, encoding: EncodingId, arrival: Arrival, now: number): boolean {
    const converter = this.#converterFrom(encoding);
    if (!converter) return false;
    if (!converter.continues(view.ssrc)) {
      this.forwarder.reset();
      this.#stream.fresh = true;
      this.#pace();
    }
    converter.audio(buffer, view, arrival, now);
    return true;
  }

  /** A telephone-event beside converted audio. @param clockRate of the events that come */
  #convertEvent(converter: ConvertedStream, buffer: Uint8Array, view: RtpView, clockRate: number, now: number): void {
    const stream = this.#stream;
    const events = stream.audio?.telephoneEvent;
    if (!events) {
      converter.other('event', buffer, view, now);
      return;
    }
    const out = converter.event(buffer, view, events.clockRate / clockRate, now, () => stream.begin(now));
    if (!out) return;
    const { payloadOffset, payloadLength } = view;
    const start = payloadOffset - rtpHeaderBytes;
    stream.event(buffer, start, payloadLength, events.sendPayloadType, out.timestamp, out.begins, now);
  }

  /** Undefined where one of the two codecs is none that is implemented. */
  #converterFrom(encoding: EncodingId): ConvertedStream | undefined {
    const { audio } = this.#stream;
    if (!audio || !formatOf(encoding)) return undefined;
    if (this.#converted?.encoding === encoding) return this.#converted.stream;
    this.#dropConverter();
    const transcoder = transcoderFor(encoding, audio);
    const stream = transcoder && new ConvertedStream(transcoder, this.#jitterBuffer, this.#stream);
    stream?.expectLoss(this.#loss);
    this.#converted = { encoding, stream };
    return stream;
  }

  #dropConverter(): void {
    this.#converted?.stream?.close();
    this.#converted = undefined;
  }

  /** @param percent of what is sent is lost, says the peer */
  expectLoss(percent: number): void {
    this.#loss = percent;
    this.#converted?.stream?.expectLoss(percent);
  }

  /** Lets go of the coders. */
  close(): void {
    this.release();
    this.#dropConverter();
  }
}
