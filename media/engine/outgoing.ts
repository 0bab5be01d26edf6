/**
 * What a leg sends: one stream, into which one source at a time is switched. Key presses come before
 * a playback, a playback before what is forwarded; what has to stand back is dropped, never kept.
 */

import { Forwarder } from '../bridge.ts';
import type { AudioCodec } from '../codec/index.ts';
import { eventBytes, writeEvent } from '../dtmf/event.ts';
import { fillKeyTone } from '../dtmf/key-tone.ts';
import { type DtmfSender, type DtmfStep, eventVolume } from '../dtmf/sender.ts';
import { beatMs } from '../pacer.ts';
import type { EnginePlayback } from '../playback.ts';
import { type RtpView, rtpHeaderBytes, writeRtpHeader } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import { audioPacket, codecOf, type EncodingId, encodingId, eventPacket, type PacketKind } from './encoding.ts';
import { Transcoder } from './transcoder.ts';

/** Buffers in turn: a datagram the kernel has not taken yet is not overwritten for as many packets. */
const slots = 4;

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
}

export interface OutgoingPorts {
  /** False when nobody said where to. */
  readonly ready: () => boolean;
  readonly send: (buffer: Uint8Array, offset: number, length: number) => void;
  /** Hears every audio payload that goes out. */
  readonly onSent: (payloadType: number, timestamp: number, buffer: Uint8Array, offset: number, length: number) => void;
  readonly onPlayed: (playback: EnginePlayback, end: 'completed' | 'stopped' | 'ended') => void;
  readonly onDigitsSent: (sender: DtmfSender) => void;
}

export class Outgoing implements PacketSink {
  readonly sender: RtpSender;
  readonly #ports: OutgoingPorts;
  #forwarder: Forwarder;
  #audio: NegotiatedAudio | undefined;
  /** The payload types of what the peer takes. */
  readonly #payloadTypes = new Map<EncodingId, number>();
  #rate = 8000;
  #codec: AudioCodec | undefined;
  #sends = false;
  #playback: EnginePlayback | undefined;
  #dtmf: DtmfSender[] = [];
  #buffers: Uint8Array[] = [];
  #slot = 0;
  /** Bytes of payload in one packet of ours. */
  #frameBytes = 0;
  /** ms of audio that are due and not yet in a packet. */
  #credit = 0;
  #dropped = 0;
  /** What comes in another codec is converted. */
  transcodes = false;
  #transcoder: { readonly encoding: EncodingId; readonly work: Transcoder | undefined } | undefined;
  /** A source has begun: its first packet is marked. */
  #fresh = true;

  constructor(sender: RtpSender, ports: OutgoingPorts, forwarder = new Forwarder()) {
    this.sender = sender;
    this.#ports = ports;
    this.#forwarder = forwarder;
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
    return this.#forwarder;
  }

  /** True while the pacer is needed. */
  get active(): boolean {
    return this.#playback !== undefined || this.#dtmf.length > 0;
  }

  configure(audio: NegotiatedAudio, codec: AudioCodec | undefined): void {
    this.#audio = audio;
    if (codec && this.#codec && encodingId(codec) !== encodingId(this.#codec)) this.#playback?.recode(codec);
    this.#codec = codec;
    this.#transcoder = undefined;
    this.#payloadTypes.clear();
    for (const other of audio.receivePayloadTypes) this.#payloadTypes.set(encodingId(other), other.payloadType);
    this.#payloadTypes.set(encodingId(audio.codec), audio.codec.payloadType);
    this.#rate = audio.codec.clockRate;
    this.#sends = audio.direction === 'sendrecv' || audio.direction === 'sendonly';
    const samples = Math.floor((this.#rate * audio.ptime) / 1000);
    this.#frameBytes = codec ? samples * codec.bytesPerSample : 0;
    this.#buffers = [];
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
    const audio = this.#audio;
    if (!audio || !this.#sends || this.active || !this.#ports.ready()) {
      this.#forwarder.reset();
      this.#dropped++;
      return;
    }
    const payloadType = kind === audioPacket ? this.#payloadTypes.get(encoding) : audio.telephoneEvent?.sendPayloadType;
    if (payloadType === undefined && kind === audioPacket && this.transcodes) {
      this.#transcode(buffer, view, encoding, arrival, now);
      return;
    }
    if (payloadType === undefined || (kind === eventPacket && !dtmf)) {
      this.#forwarder.leaveOut(view.ssrc, view.sequence);
      if (kind === audioPacket) this.#dropped++;
      return;
    }
    const { sender } = this;
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
    const span = kind === audioPacket && this.#codec ? payloadLength / this.#codec.bytesPerSample : 0;
    sender.sent(sequence, timestamp, span, now, payloadLength);
    this.#fresh = true;
    this.#ports.send(buffer, start, payloadLength + rtpHeaderBytes);
    if (kind === audioPacket) this.#ports.onSent(payloadType, timestamp, buffer, payloadOffset, payloadLength);
  }

  #transcode(buffer: Uint8Array, view: RtpView, encoding: EncodingId, arrival: Arrival, now: number): void {
    const transcoder = this.#transcoderFor(encoding);
    const { payloadOffset, payloadLength, ssrc, marker } = view;
    if (!transcoder || !this.#audio) {
      this.#forwarder.leaveOut(ssrc, view.sequence);
      this.#dropped++;
      return;
    }
    const { sender } = this;
    const begins = arrival === 'restart' || !this.#forwarder.continues(ssrc) || !transcoder.begun;
    if (begins) {
      const timestamp = sender.begin(now, this.#rate);
      this.#forwarder.begin(ssrc, view.sequence, view.timestamp, sender.nextSequence, timestamp);
      transcoder.begin(view.timestamp, timestamp);
    }
    const sequence = this.#forwarder.sequence(view.sequence);
    const timestamp = transcoder.timestamp(view.timestamp);
    const bytes = transcoder.outputBytes(payloadLength);
    const out = this.#buffer(bytes);
    transcoder.convert(buffer.subarray(payloadOffset, payloadOffset + payloadLength), out.subarray(rtpHeaderBytes));
    const { payloadType } = this.#audio.codec;
    writeRtpHeader(out, 0, payloadType, marker || begins, sequence, timestamp, sender.state.ssrc);
    sender.sent(sequence, timestamp, bytes / transcoder.to.bytesPerSample, now, bytes);
    this.#fresh = true;
    this.#ports.send(out, 0, out.length);
    this.#ports.onSent(payloadType, timestamp, out, rtpHeaderBytes, bytes);
  }

  /** Undefined where one of the two codecs is none that is implemented. */
  #transcoderFor(encoding: EncodingId): Transcoder | undefined {
    if (this.#transcoder?.encoding !== encoding) {
      const from = codecOf(encoding);
      this.#transcoder = { encoding, work: from && this.#codec && new Transcoder(from, this.#codec) };
    }
    return this.#transcoder.work;
  }

  /** The new source takes over at the next beat; the old one is stopped. */
  play(playback: EnginePlayback): void {
    this.stop('stopped');
    this.#playback = playback;
    this.#fresh = true;
    this.#credit = 0;
    this.#forwarder.reset();
  }

  /** Ends the playback, if there is one. */
  stop(end: 'stopped' | 'ended'): void {
    const playback = this.#playback;
    this.#playback = undefined;
    if (playback) this.#ports.onPlayed(playback, end);
  }

  sendDigits(sender: DtmfSender): void {
    this.#dtmf.push(sender);
    this.#forwarder.reset();
  }

  /** What was to be sent is given up. @returns the senders that are not done */
  stopDigits(): readonly DtmfSender[] {
    const left = this.#dtmf;
    this.#dtmf = [];
    return left;
  }

  /** One beat. */
  tick(due: number, skipped: number): void {
    this.sender.state.skippedTicks += skipped;
    const digits = this.#dtmf[0];
    if (digits) this.#press(digits, due, skipped);
    else if (this.#playback) this.#play(this.#playback, due);
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
    if (!codec || !this.#sends || !this.#ports.ready()) return;
    const samples = new Int16Array((codec.clockRate * beatMs) / 1000);
    if (step && step.beat < step.beats)
      fillKeyTone(samples, step.event, step.beat * samples.length, step.beats * samples.length, codec.clockRate);
    const bytes = samples.length * codec.bytesPerSample;
    const buffer = this.#buffer(bytes);
    codec.encode(samples, buffer.subarray(rtpHeaderBytes));
    this.#packet(buffer, bytes, due);
  }

  #pressEvent(digits: DtmfSender, step: DtmfStep | undefined, due: number): void {
    const payloadType = this.#audio?.telephoneEvent?.sendPayloadType;
    if (step) {
      const { sender } = this;
      if (step.begins) digits.state.timestamp = sender.begin(due, this.#rate);
      if (payloadType !== undefined && this.#sends && this.#ports.ready()) {
        const buffer = this.#buffer(eventBytes);
        const { timestamp } = digits.state;
        const sequence = sender.nextSequence;
        writeRtpHeader(buffer, 0, payloadType, step.begins, sequence, timestamp, sender.state.ssrc);
        writeEvent(buffer, rtpHeaderBytes, step.event, step.end, eventVolume, step.duration);
        // The timeline stands at the beginning of the press while it lasts.
        sender.sent(sequence, timestamp, 0, step.begins ? due : sender.state.at, eventBytes);
        this.#ports.send(buffer, 0, buffer.length);
      }
      this.#fresh = true;
    }
  }

  #play(playback: EnginePlayback, due: number): void {
    const ptime = this.#audio?.ptime ?? beatMs;
    // The packet before still plays: one that comes sooner would put the stream ahead of the clock, and for good.
    if (this.#fresh && due < this.sender.busyUntil(this.#rate)) return;
    this.#credit += beatMs;
    while (this.#credit >= ptime && this.#playback === playback) {
      this.#credit -= ptime;
      this.#frame(playback, due - this.#credit);
    }
  }

  #frame(playback: EnginePlayback, at: number): void {
    // On hold the music stands still; it goes on where it stopped.
    if (!this.#sends || !this.#ports.ready() || !this.#audio || this.#frameBytes === 0) return;
    const buffer = this.#buffer(this.#frameBytes);
    const frame = playback.frame(buffer, rtpHeaderBytes, this.#frameBytes);
    if (frame === 'audio') this.#packet(buffer, this.#frameBytes, at);
    if (!playback.finished) return;
    this.#playback = undefined;
    this.#ports.onPlayed(playback, 'completed');
  }

  /** Sends audio of our own. */
  #packet(buffer: Uint8Array, bytes: number, at: number): void {
    const { sender } = this;
    const sequence = sender.nextSequence;
    const timestamp = sender.begin(at, this.#rate);
    const marker = this.#fresh || timestamp !== sender.nextTimestamp;
    this.#fresh = false;
    const payloadType = this.#audio?.codec.payloadType ?? 0;
    writeRtpHeader(buffer, 0, payloadType, marker, sequence, timestamp, sender.state.ssrc);
    sender.sent(sequence, timestamp, bytes / (this.#codec?.bytesPerSample ?? 1), at, bytes);
    this.#ports.send(buffer, 0, buffer.length);
    this.#ports.onSent(payloadType, timestamp, buffer, rtpHeaderBytes, bytes);
  }

  #buffer(payload: number): Uint8Array {
    const length = payload + rtpHeaderBytes;
    const slot = this.#slot++ % slots;
    const buffer = this.#buffers[slot];
    if (buffer?.length === length) return buffer;
    const fresh = new Uint8Array(length);
    this.#buffers[slot] = fresh;
    return fresh;
  }
}
