/**
 * What a leg sends: one stream, into which one source at a time is switched. Key presses come before
 * a playback, a playback before what is forwarded; what has to stand back is dropped, never kept.
 */

import { isDeepStrictEqual } from 'node:util';
import { Forwarder } from '../bridge.ts';
import { type AudioCodec, frameBytes } from '../codec/index.ts';
import { eventBytes, writeEvent } from '../dtmf/event.ts';
import { fillKeyTone } from '../dtmf/key-tone.ts';
import { type DtmfSender, type DtmfStep, eventVolume } from '../dtmf/sender.ts';
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import { beatMs } from '../pacer.ts';
import type { EnginePlayback } from '../playback.ts';
import { type RtpView, rtpHeaderBytes, writeRtpHeader } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { SeqNo } from '../rtp/sequence.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import { type ConvertedPorts, ConvertedStream } from './converted-stream.ts';
import {
  audioPacket,
  type EncodingId,
  encodingId,
  eventPacket,
  formatOf,
  noiseEncoding,
  type PacketKind,
  quietNoise,
} from './encoding.ts';
import type { Course, FastPath, PassedSink } from './fast-path.ts';
import { OwnPacketBuffers, type PacketBuffers } from './packet-buffers.ts';
import type { RtpOut } from './rtp-out.ts';
import { transcoderFor } from './transcoder.ts';

/** Where packets of one leg go on to: another leg, or a ring to another worker. */
export interface PacketSink {
  /** May rewrite `buffer` up to the payload and keeps nothing of it beyond a send. */
  forward(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    arrival: Arrival,
    now: number,
    dtmf: boolean,
  ): void;
  /** How audio like the packet that was forwarded last goes on; undefined while each packet is to be looked at. */
  course?(view: RtpView, encoding: EncodingId): Course | undefined;
}

type OnSent = (payloadType: number, timestamp: number, buffer: Uint8Array, offset: number, length: number) => void;

export interface OutgoingPorts {
  readonly onPlayed: (playback: EnginePlayback, end: 'completed' | 'stopped' | 'ended') => void;
  readonly onDigitsSent: (sender: DtmfSender) => void;
  /** Asks for the beat. */
  readonly pace: () => void;
}

export class Outgoing implements PacketSink, PassedSink {
  readonly #sender: RtpSender;
  readonly #out: RtpOut;
  readonly #ports: OutgoingPorts;
  #onSent: OnSent | undefined;
  readonly #jitterBuffer: JitterBufferOptions;
  #forwarder: Forwarder;
  #audio: NegotiatedAudio | undefined;
  /** The payload types of what the peer takes. */
  readonly #payloadTypes = new Map<EncodingId, number>();
  /** Looked up last. */
  #encoding: EncodingId = 0;
  #payloadType: number | undefined;
  #rate = 8000;
  #codec: AudioCodec | undefined;
  #sends = false;
  #playback: EnginePlayback | undefined;
  #dtmf: DtmfSender[] = [];
  readonly #buffers: PacketBuffers;
  /** Bytes of payload in one packet of ours. */
  #frameBytes = 0;
  /** ms of audio that are due and not yet in a packet. */
  #credit = 0;
  #dropped = 0;
  /** What comes in another codec is converted. */
  transcodes = false;
  #converted: { readonly encoding: EncodingId; readonly stream: ConvertedStream | undefined } | undefined;
  #loss = 0;
  /** A source has begun: its first packet is marked. */
  #fresh = true;
  /** Audio of our own was sent, and no noise since. */
  #spoke = false;
  /** Packets of another leg come by this way, beside `forward`. */
  #path: FastPath | undefined;

  /** @param jitterBuffer of what is converted */
  constructor(
    sender: RtpSender,
    out: RtpOut,
    jitterBuffer: JitterBufferOptions,
    ports: OutgoingPorts,
    forwarder = new Forwarder(),
    buffers: PacketBuffers = new OwnPacketBuffers(),
  ) {
    this.#sender = sender;
    this.#out = out;
    this.#jitterBuffer = jitterBuffer;
    this.#ports = ports;
    this.#forwarder = forwarder;
    this.#buffers = buffers;
  }

  get sender(): RtpSender {
    this.#path?.settle();
    return this.#sender;
  }

  /** Hears every audio payload that goes out. */
  set onSent(onSent: OnSent | undefined) {
    this.release();
    this.#onSent = onSent;
  }

  /** Packets that could not be sent on: nobody to send to, another codec, something else being played. */
  get dropped(): number {
    return this.#dropped;
  }

  get playback(): EnginePlayback | undefined {
    return this.#playback;
  }

  get digits(): DtmfSender | undefined {
    return this.#dtmf[0];
  }

  get forwarder(): Forwarder {
    this.#path?.settle();
    return this.#forwarder;
  }

  /** Something of our own is sent. */
  get active(): boolean {
    return this.#playback !== undefined || this.#dtmf.length > 0;
  }

  /** True while the pacer is needed. */
  get paced(): boolean {
    return this.active || this.#converted?.stream?.active === true;
  }

  configure(audio: NegotiatedAudio, codec: AudioCodec | undefined): void {
    this.release();
    const before = this.#audio;
    if (before?.ptime !== audio.ptime || !isDeepStrictEqual(before.codec, audio.codec)) {
      this.#converted?.stream?.close();
      this.#converted = undefined;
    }
    this.#audio = audio;
    if (codec && this.#codec && codec.key !== this.#codec.key) this.#playback?.recode(codec);
    this.#codec = codec;
    this.#payloadTypes.clear();
    this.#encoding = 0;
    this.#payloadType = undefined;
    for (const other of audio.receivePayloadTypes) this.#payloadTypes.set(encodingId(other), other.payloadType);
    this.#payloadTypes.set(encodingId(audio.codec), audio.codec.payloadType);
    if (audio.comfortNoise) this.#payloadTypes.set(noiseEncoding, audio.comfortNoise.sendPayloadType);
    this.#rate = audio.codec.clockRate;
    this.#sends = audio.direction === 'sendrecv' || audio.direction === 'sendonly';
    this.#frameBytes = codec ? frameBytes(codec, audio.ptime) : 0;
  }

  forward(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    arrival: Arrival,
    now: number,
    dtmf: boolean,
  ): void {
    this.release();
    const audio = this.#audio;
    if (!audio || !this.#sends || this.active || !this.#out.ready) {
      this.#interrupt();
      this.#dropped++;
      return;
    }
    const payloadType = kind === audioPacket ? this.#payloadTypeOf(encoding) : audio.telephoneEvent?.sendPayloadType;
    const beside = kind === eventPacket || encoding === noiseEncoding;
    if (beside || (payloadType === undefined && this.transcodes)) {
      if (this.#converts(buffer, view, kind, encoding, arrival, now, dtmf)) return;
    } else this.#converted?.stream?.reset();
    if (payloadType === undefined || (kind === eventPacket && !dtmf)) {
      this.#forwarder.leaveOut(view.ssrc, view.sequence);
      if (kind === audioPacket) this.#dropped++;
      return;
    }
    const sender = this.#sender;
    const begins = arrival === 'restart' || !this.#forwarder.continues(view.ssrc);
    if (begins) {
      const timestamp = sender.begin(now, this.#rate);
      this.#forwarder.begin(view.ssrc, view.sequence, view.timestamp, sender.nextSequence, timestamp);
    }
    const sequence = this.#forwarder.sequence(view.sequence);
    const timestamp = this.#forwarder.timestamp(view.timestamp);
    const { payloadOffset, payloadLength } = view;
    const start = payloadOffset - rtpHeaderBytes;
    writeRtpHeader(buffer, start, payloadType, view.marker || begins, sequence, timestamp, sender.state.ssrc);
    const isAudio = kind === audioPacket && encoding !== noiseEncoding;
    const span = isAudio ? (this.#codec?.ticks(buffer, payloadOffset, payloadLength) ?? 0) : 0;
    sender.sent(sequence, timestamp, span, now, payloadLength);
    this.#fresh = true;
    this.#spoke = false;
    this.#out.send(buffer, start, payloadLength + rtpHeaderBytes);
    if (isAudio) this.#onSent?.(payloadType, timestamp, buffer, payloadOffset, payloadLength);
  }

  course(view: RtpView, encoding: EncodingId): Course | undefined {
    // The span of packets of one length is one and the same but for codecs whose frames vary.
    if (!this.#sends || this.active || this.#onSent || this.#codec?.variable) return undefined;
    if (!this.#out.isPlain || !this.#forwarder.continues(view.ssrc)) return undefined;
    const { socket, to } = this.#out;
    const payloadType = this.#payloadTypeOf(encoding);
    const { state } = this.#forwarder;
    if (payloadType === undefined || !socket || !to || !state) return undefined;
    const { ssrc, span } = this.#sender.state;
    const { sequenceOffset, timestampOffset } = state;
    return { sink: this, socket, to, payloadType, ssrc, sequenceOffset, timestampOffset, span };
  }

  passed(count: number, sequence: SeqNo, timestamp: number, span: number, at: number, octets: number): void {
    this.#sender.passed(count, this.#forwarder.passed(sequence), timestamp, span, at, octets);
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

  #payloadTypeOf(encoding: EncodingId): number | undefined {
    if (encoding !== this.#encoding) {
      this.#encoding = encoding;
      this.#payloadType = this.#payloadTypes.get(encoding);
    }
    return this.#payloadType;
  }

  /** Converts audio that we can decode, and what is beside it. @returns false when it is neither */
  #converts(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    arrival: Arrival,
    now: number,
    dtmf: boolean,
  ): boolean {
    const running = this.#converted?.stream?.continues(view.ssrc) ? this.#converted.stream : undefined;
    if (kind === eventPacket || encoding === noiseEncoding) {
      if (kind === eventPacket && running && dtmf) this.#convertEvent(running, buffer, view, encoding, now);
      else running?.other(kind === eventPacket ? 'event' : 'noise', buffer, view, now);
      return running !== undefined;
    }
    const stream = this.#streamFrom(encoding);
    if (!stream) return false;
    if (!stream.continues(view.ssrc)) {
      this.#forwarder.reset();
      this.#fresh = true;
      this.#ports.pace();
    }
    stream.audio(buffer, view, arrival, now);
    return true;
  }

  /** A packet that is converted goes out. */
  readonly #convertedPorts: ConvertedPorts = {
    send: (packet, octets, ticks, at, follows) => this.#packet(packet, octets, at, ticks, follows && !this.#fresh),
    sendNoise: (description, at) => this.#sendNoise(description, at),
  };

  /** A telephone-event beside converted audio. @param clockRate of the events that come */
  #convertEvent(stream: ConvertedStream, buffer: Uint8Array, view: RtpView, clockRate: number, now: number): void {
    const events = this.#audio?.telephoneEvent;
    if (!events) {
      stream.other('event', buffer, view, now);
      return;
    }
    const sender = this.#sender;
    const out = stream.event(buffer, view, events.clockRate / clockRate, now, () => sender.begin(now, this.#rate));
    if (!out) return;
    const { timestamp, begins } = out;
    const sequence = sender.nextSequence;
    const start = view.payloadOffset - rtpHeaderBytes;
    writeRtpHeader(buffer, start, events.sendPayloadType, begins, sequence, timestamp, sender.state.ssrc);
    // The timeline stands at the beginning of the press while it lasts; repeated ends leave it where audio went on.
    if (begins) sender.sent(sequence, timestamp, 0, now, view.payloadLength);
    else sender.sent(sequence, sender.state.timestamp, sender.state.span, sender.state.at, view.payloadLength);
    this.#fresh = true;
    this.#out.send(buffer, start, view.payloadLength + rtpHeaderBytes);
  }

  #convert(stream: ConvertedStream, due: number, skipped: number): void {
    if (!this.transcodes || !this.#sends || !this.#out.ready) {
      stream.reset();
      return;
    }
    // As a playback: the packet before still plays.
    if (this.#fresh && due < this.#sender.busyUntil(this.#rate)) return;
    stream.tick(due, skipped);
  }

  /** Undefined where one of the two codecs is none that is implemented. */
  #streamFrom(encoding: EncodingId): ConvertedStream | undefined {
    if (!this.#audio || !formatOf(encoding)) return undefined;
    if (this.#converted?.encoding === encoding) return this.#converted.stream;
    this.#converted?.stream?.close();
    const transcoder = transcoderFor(encoding, this.#audio);
    const stream = transcoder && new ConvertedStream(transcoder, this.#jitterBuffer, this.#convertedPorts);
    stream?.expectLoss(this.#loss);
    this.#converted = { encoding, stream };
    return stream;
  }

  /** Another source spoke: what is forwarded next begins anew. */
  #interrupt(): void {
    this.#forwarder.reset();
    this.#converted?.stream?.reset();
  }

  /** The new source takes over at the next beat; the old one is stopped. */
  play(playback: EnginePlayback): void {
    this.release();
    this.stop('stopped');
    this.#playback = playback;
    this.#fresh = true;
    this.#credit = 0;
    this.#interrupt();
  }

  /** Ends the playback, if there is one. */
  stop(end: 'stopped' | 'ended'): void {
    const playback = this.#playback;
    this.#playback = undefined;
    if (playback) this.#ports.onPlayed(playback, end);
  }

  sendDigits(sender: DtmfSender): void {
    this.release();
    this.#dtmf.push(sender);
    this.#interrupt();
  }

  /** What was to be sent is given up. @returns the senders that are not done */
  stopDigits(): readonly DtmfSender[] {
    const left = this.#dtmf;
    this.#dtmf = [];
    return left;
  }

  /** One beat. */
  tick(due: number, skipped: number): void {
    this.release();
    if (skipped > 0) this.#sender.state.skippedTicks += skipped;
    const digits = this.#dtmf[0];
    if (digits) this.#press(digits, due, skipped);
    else if (this.#playback) this.#play(this.#playback, due);
    else if (this.#converted?.stream?.active) this.#convert(this.#converted.stream, due, skipped);
    else if (this.#spoke) this.#sendNoise(quietNoise, due);
  }

  #press(digits: DtmfSender, due: number, skipped: number): void {
    if (skipped > 0) digits.skip(skipped);
    const step = digits.next();
    if (digits.state.inband) this.#sound(step, due);
    else this.#pressEvent(digits, step, due);
    if (!digits.done) return;
    this.#dtmf.shift();
    this.#ports.onDigitsSent(digits);
  }

  /** One beat of a key as a tone; silence between two. */
  #sound(step: DtmfStep | undefined, due: number): void {
    const codec = this.#codec;
    if (!codec || !this.#sends || !this.#out.ready) return;
    const { sampleRate } = codec;
    const samples = new Int16Array((sampleRate * beatMs) / 1000);
    if (step && step.beat < step.beats)
      fillKeyTone(samples, step.event, step.beat * samples.length, step.beats * samples.length, sampleRate);
    const bytes = frameBytes(codec, beatMs);
    const buffer = this.#buffers.next(bytes);
    codec.encode(samples, buffer.subarray(rtpHeaderBytes));
    this.#packet(buffer, bytes, due);
  }

  #pressEvent(digits: DtmfSender, step: DtmfStep | undefined, due: number): void {
    const payloadType = this.#audio?.telephoneEvent?.sendPayloadType;
    if (step) {
      const sender = this.#sender;
      if (step.begins) digits.state.timestamp = sender.begin(due, this.#rate);
      if (payloadType !== undefined && this.#sends && this.#out.ready) {
        const buffer = this.#buffers.next(eventBytes);
        const { timestamp } = digits.state;
        const sequence = sender.nextSequence;
        writeRtpHeader(buffer, 0, payloadType, step.begins, sequence, timestamp, sender.state.ssrc);
        writeEvent(buffer, rtpHeaderBytes, step.event, step.end, eventVolume, step.duration);
        // The timeline stands at the beginning of the press while it lasts.
        sender.sent(sequence, timestamp, 0, step.begins ? due : sender.state.at, eventBytes);
        this.#out.send(buffer, 0, buffer.length);
      }
      this.#fresh = true;
    }
  }

  #play(playback: EnginePlayback, due: number): void {
    const ptime = this.#audio?.ptime ?? beatMs;
    // The packet before still plays: one that comes sooner would put the stream ahead of the clock, and for good.
    if (this.#fresh && due < this.#sender.busyUntil(this.#rate)) return;
    this.#credit += beatMs;
    while (this.#credit >= ptime && this.#playback === playback) {
      this.#credit -= ptime;
      this.#frame(playback, due - this.#credit);
    }
  }

  #frame(playback: EnginePlayback, at: number): void {
    // On hold the music stands still; it goes on where it stopped.
    if (!this.#sends || !this.#out.ready || !this.#audio || this.#frameBytes === 0) return;
    const buffer = this.#buffers.next(this.#frameBytes);
    const frame = playback.frame(buffer, rtpHeaderBytes, this.#frameBytes);
    if (frame === 'audio') this.#packet(buffer, this.#frameBytes, at);
    if (!playback.finished) return;
    this.#playback = undefined;
    this.#ports.onPlayed(playback, 'completed');
  }

  /**
   * Sends audio of our own.
   * @param ticks of the clock that it plays
   * @param follows right behind the packet before, whatever the clock rounds it to
   */
  #packet(
    buffer: Uint8Array,
    bytes: number,
    at: number,
    ticks = bytes / (this.#codec?.bytesPerTick ?? 1),
    follows = false,
  ): void {
    // The next that can be sent is where the clock is by then.
    if (!this.#out.ready) {
      this.#fresh = true;
      return;
    }
    const sender = this.#sender;
    const sequence = sender.nextSequence;
    const timestamp = follows ? sender.nextTimestamp : sender.begin(at, this.#rate);
    const marker = this.#fresh || timestamp !== sender.nextTimestamp;
    this.#fresh = false;
    this.#spoke = true;
    const payloadType = this.#audio?.codec.payloadType ?? 0;
    writeRtpHeader(buffer, 0, payloadType, marker, sequence, timestamp, sender.state.ssrc);
    sender.sent(sequence, timestamp, ticks, at, bytes);
    this.#out.send(buffer, 0, rtpHeaderBytes + bytes);
    this.#onSent?.(payloadType, timestamp, buffer, rtpHeaderBytes, bytes);
  }

  /**
   * Tells the peer that there is silence now, and what it sounds like (RFC 3389): it is none that was lost.
   * @returns false where it did not agree to that
   */
  #sendNoise(description: Uint8Array, at: number): boolean {
    const payloadType = this.#payloadTypes.get(noiseEncoding);
    if (payloadType === undefined) return false;
    this.#spoke = false;
    if (!this.#sends || !this.#out.ready) return true;
    const sender = this.#sender;
    const buffer = this.#buffers.next(description.length);
    buffer.set(description, rtpHeaderBytes);
    const sequence = sender.nextSequence;
    const timestamp = sender.begin(at, this.#rate);
    writeRtpHeader(buffer, 0, payloadType, false, sequence, timestamp, sender.state.ssrc);
    sender.sent(sequence, timestamp, 0, at, description.length);
    this.#fresh = true;
    this.#out.send(buffer, 0, buffer.length);
    return true;
  }

  /** @param percent of what is sent is lost, says the peer */
  expectLoss(percent: number): void {
    this.#loss = percent;
    this.#converted?.stream?.expectLoss(percent);
  }

  /** Lets go of the coders. */
  close(): void {
    this.release();
    this.#converted?.stream?.close();
    this.#converted = undefined;
  }
}
