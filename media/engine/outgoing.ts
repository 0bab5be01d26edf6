/**
 * What a leg sends: one stream, into which one source at a time is switched. Key presses come before
 * a playback, a playback before what is forwarded; what has to stand back is dropped, never kept.
 */
import { Forwarder } from '../bridge.ts';
import type { AudioCodec } from '../codec/index.ts';
import type { DtmfSender } from '../dtmf/sender.ts';
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import type { EnginePlayback } from '../playback.ts';
import type { RtpView } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import { type EncodingId, type PacketKind, quietNoise } from './encoding.ts';
import type { Course } from './fast-path.ts';
import { Forwarding } from './forwarding.ts';
import { type OnSent, OutStream } from './out-stream.ts';
import { type OwnSourcePorts, OwnSources } from './own-sources.ts';
import { OwnPacketBuffers, type PacketBuffers } from './packet-buffers.ts';
import type { RtpOut } from './rtp-out.ts';

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

export interface OutgoingPorts extends OwnSourcePorts {
  /** Asks for the beat. */
  readonly pace: () => void;
}

export class Outgoing implements PacketSink {
  readonly #stream: OutStream;
  readonly #own: OwnSources;
  readonly #forwarding: Forwarding;
  #dropped = 0;

  /** @param jitterBuffer of what is converted */
  constructor(
    sender: RtpSender,
    out: RtpOut,
    jitterBuffer: JitterBufferOptions,
    ports: OutgoingPorts,
    forwarder = new Forwarder(),
    buffers: PacketBuffers = new OwnPacketBuffers(),
  ) {
    this.#stream = new OutStream(sender, out, buffers);
    this.#own = new OwnSources(this.#stream, ports);
    this.#forwarding = new Forwarding(this.#stream, forwarder, jitterBuffer, ports.pace);
  }

  /** What was negotiated. */
  get audio(): NegotiatedAudio | undefined {
    return this.#stream.audio;
  }

  /** Undefined where it is none that is implemented. */
  get codec(): AudioCodec | undefined {
    return this.#stream.codec;
  }

  get sender(): RtpSender {
    this.#forwarding.settle();
    return this.#stream.sender;
  }

  get forwarder(): Forwarder {
    this.#forwarding.settle();
    return this.#forwarding.forwarder;
  }

  /** Hears every audio payload that goes out. */
  set onSent(onSent: OnSent | undefined) {
    this.#forwarding.release();
    this.#stream.onSent = onSent;
  }

  /** Packets that could not be sent on: nobody to send to, another codec, something else being played. */
  get dropped(): number {
    return this.#dropped;
  }

  get playback(): EnginePlayback | undefined {
    return this.#own.playback;
  }

  get digits(): DtmfSender | undefined {
    return this.#own.digits;
  }

  /** Something of our own is sent. */
  get active(): boolean {
    return this.#own.active;
  }

  /** True while the pacer is needed. */
  get paced(): boolean {
    return this.#own.active || this.#forwarding.active;
  }

  /** What comes in another codec is converted. */
  set transcodes(transcodes: boolean) {
    this.#forwarding.transcodes = transcodes;
  }

  configure(audio: NegotiatedAudio, codec: AudioCodec | undefined): void {
    const stream = this.#stream;
    this.#forwarding.release();
    this.#forwarding.reconfigure(stream.audio, audio);
    if (codec && stream.codec && codec.key !== stream.codec.key) this.#own.playback?.recode(codec);
    stream.configure(audio, codec);
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
    const forwarding = this.#forwarding;
    forwarding.release();
    if (this.#own.active || !this.#stream.ready) {
      forwarding.interrupt();
      this.#dropped++;
    } else if (!forwarding.forward(buffer, view, kind, encoding, arrival, now, dtmf)) this.#dropped++;
  }

  course(view: RtpView, encoding: EncodingId): Course | undefined {
    return this.#own.active ? undefined : this.#forwarding.course(view, encoding);
  }

  /** Counts what came by the short way. */
  settle(): void {
    this.#forwarding.settle();
  }

  /** What is sent from now on may be another stream, or go elsewhere: each packet is to be looked at. */
  release(): void {
    this.#forwarding.release();
  }

  /** The new source takes over at the next beat; the old one is stopped. */
  play(playback: EnginePlayback): void {
    this.#takeOver();
    this.#own.play(playback);
  }

  /** Ends the playback, if there is one. */
  stop(end: 'stopped' | 'ended'): void {
    this.#own.stop(end);
  }

  sendDigits(sender: DtmfSender): void {
    this.#takeOver();
    this.#own.sendDigits(sender);
  }

  /** What was to be sent is given up. @returns the senders that are not done */
  stopDigits(): readonly DtmfSender[] {
    return this.#own.stopDigits();
  }

  /** A source of our own begins. */
  #takeOver(): void {
    this.#forwarding.release();
    this.#forwarding.interrupt();
  }

  /** One beat. */
  tick(due: number, skipped: number): void {
    this.#forwarding.release();
    const stream = this.#stream;
    if (skipped > 0) stream.sender.state.skippedTicks += skipped;
    if (this.#own.active) this.#own.tick(due, skipped);
    else if (this.#forwarding.active) this.#forwarding.tick(due, skipped);
    else if (stream.spoke) stream.noise(quietNoise, due);
  }

  /** @param percent of what is sent is lost, says the peer */
  expectLoss(percent: number): void {
    this.#forwarding.expectLoss(percent);
  }

  /** Lets go of the coders. */
  close(): void {
    this.#forwarding.close();
  }
}
