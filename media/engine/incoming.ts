/** What a leg receives: which datagrams count, whose they are, and who hears them. */
import type { AudioCodec } from '../codec/index.ts';
import { Coders } from '../codec/index.ts';
import type { DtmfReceiver } from '../dtmf/receiver.ts';
import type { Playout } from '../jitter/playout.ts';
import { accept, isSame, type LatchState, type Source } from '../rtp/latch.ts';
import { type RtpView, readRtp } from '../rtp/packet.ts';
import type { RtpReceiver } from '../rtp/receiver.ts';
import type { Ssrc } from '../rtp/sequence.ts';
import type { Codec, NegotiatedAudio } from '../sdp/types.ts';
import {
  audioPacket,
  comfortNoise,
  type EncodingId,
  encodingId,
  eventPacket,
  noiseEncoding,
  type PacketKind,
} from './encoding.ts';
import type { FastPath } from './fast-path.ts';
import type { PacketSink } from './outgoing.ts';

/** What a payload type is, as negotiated. */
interface PayloadFormat {
  readonly kind: PacketKind;
  readonly encoding: EncodingId;
  readonly rate: number;
  readonly codec: AudioCodec | undefined;
  /** A description of comfort noise. */
  readonly noise: boolean;
}

export interface IncomingPorts {
  readonly onDigit: (digit: string) => void;
  /** Another source begins. */
  readonly onSource: (ssrc: Ssrc, address: string) => void;
  /** Packets go to another place now. */
  readonly onLatched: () => void;
  /** Nothing stands between the socket and what comes in: no keys, no checks. */
  readonly isPlain: () => boolean;
}

/** How many packets of a call count as its first. */
const firstPackets = 10;

export class Incoming {
  readonly #receiver: RtpReceiver;
  readonly #latch: LatchState;
  readonly #fast: FastPath | undefined;
  readonly dtmf: DtmfReceiver;
  readonly #ports: IncomingPorts;
  readonly #view: RtpView;
  readonly #coders = new Coders();
  readonly #formats = new Map<number, PayloadFormat>();
  /** The payload type that came last, and what it is. */
  #payloadType = -1;
  #format: PayloadFormat | undefined;
  #receives = false;
  #playout: Playout | undefined;
  #sink: PacketSink | undefined;
  /** Telephone-events go on, too. */
  forwardDtmf = true;
  #heardAt = Number.NEGATIVE_INFINITY;

  /**
   * @param view scratch of whoever calls `datagram`: shared, so that it is at hand whose packet ever comes
   * @param fast the short way of packets of this receiver; without, all go the long one
   */
  constructor(
    receiver: RtpReceiver,
    latch: LatchState,
    dtmf: DtmfReceiver,
    view: RtpView,
    ports: IncomingPorts,
    fast?: FastPath,
  ) {
    this.#view = view;
    this.#receiver = receiver;
    this.#latch = latch;
    this.dtmf = dtmf;
    this.#ports = ports;
    this.#fast = fast;
  }

  get receiver(): RtpReceiver {
    this.#fast?.settle();
    return this.#receiver;
  }

  get latch(): LatchState {
    this.#fast?.settle();
    return this.#latch;
  }

  /** Where packets are decoded, while somebody listens. */
  get playout(): Playout | undefined {
    return this.#playout;
  }

  set playout(playout: Playout | undefined) {
    this.#fast?.close();
    this.#playout = playout;
  }

  /** Where packets go on to. */
  get sink(): PacketSink | undefined {
    return this.#sink;
  }

  set sink(sink: PacketSink | undefined) {
    this.#fast?.close();
    this.#sink = sink;
  }

  /** ms on the clock when a packet last counted. */
  get heardAt(): number {
    return Math.max(this.#heardAt, this.#fast?.at ?? Number.NEGATIVE_INFINITY);
  }

  /** False on hold: what comes is counted and goes nowhere. */
  get receives(): boolean {
    return this.#receives;
  }

  configure(audio: NegotiatedAudio): void {
    this.#fast?.close();
    this.#formats.clear();
    this.#payloadType = -1;
    // A list that is empty says no more than the codec we send.
    const codecs = audio.receivePayloadTypes.length > 0 ? audio.receivePayloadTypes : [audio.codec];
    this.#coders.configure(codecs);
    for (const codec of codecs) this.#formats.set(codec.payloadType, formatOf(codec, this.#coders.of(codec)));
    if (audio.telephoneEvent)
      this.#formats.set(audio.telephoneEvent.receivePayloadType, {
        kind: eventPacket,
        encoding: audio.telephoneEvent.clockRate,
        rate: audio.telephoneEvent.clockRate,
        codec: undefined,
        noise: false,
      });
    if (audio.comfortNoise) this.#formats.set(audio.comfortNoise.receivePayloadType, noiseFormat);
    // Told to or not, there are peers that send it; what it says is bounded.
    if (audio.codec.clockRate === comfortNoise.clockRate && !this.#formats.has(comfortNoise.payloadType))
      this.#formats.set(comfortNoise.payloadType, noiseFormat);
    this.#receives = audio.direction === 'sendrecv' || audio.direction === 'recvonly';
    if (!this.#receives) this.#playout?.reset();
  }

  /** True while the first packets of a call have nowhere to go. */
  get unwired(): boolean {
    return this.#sink === undefined && !this.#playout && this.#receiver.state.packets < firstPackets;
  }

  /** One datagram; nothing in it is trusted. */
  datagram(buffer: Uint8Array, offset: number, length: number, from: Source, now: number): void {
    this.#fast?.close();
    const view = this.#view;
    const receiver = this.#receiver;
    const latch = this.#latch;
    if (!readRtp(buffer, offset, length, view)) {
      receiver.invalid();
      return;
    }
    const format = this.#formatOf(view.payloadType);
    const { latchedAt, source } = latch;
    if (!format || !accept(latch, now, from, view.ssrc, view.sequence)) {
      receiver.invalid();
      return;
    }
    if (latchedAt !== latch.latchedAt || (latch.source && !isSame(source, latch.source))) this.#ports.onLatched();
    const { kind } = format;
    const octets = view.payloadLength;
    const rate = kind === audioPacket ? format.rate : 0;
    const arrival = receiver.packet(view.sequence, view.timestamp, view.ssrc, octets, now, rate);
    if (arrival === 'bad') return;
    if (arrival === 'restart') this.#ports.onSource(view.ssrc, from.address);
    this.#heardAt = now;
    if (!this.#receives) return;
    if (kind === eventPacket) {
      const digit = this.dtmf.packet(view.ssrc, view.timestamp, buffer, view.payloadOffset, octets);
      if (digit !== undefined) this.#ports.onDigit(digit);
    }
    const content = kind === eventPacket ? 'event' : format.noise ? 'noise' : 'audio';
    if (this.#playout && arrival !== 'duplicate' && (format.codec || content !== 'audio')) {
      const { sequence, timestamp, payloadOffset } = view;
      const restart = arrival === 'restart';
      this.#playout.packet(
        content,
        format.codec,
        format.rate,
        sequence,
        timestamp,
        buffer,
        payloadOffset,
        octets,
        restart,
        now,
      );
    }
    this.#sink?.forward(buffer, view, kind, format.encoding, arrival, now, this.forwardDtmf);
    if (this.#fast && arrival === 'next' && content === 'audio' && !this.#playout && this.#ports.isPlain()) {
      const course = this.#sink?.course?.(view, format.encoding);
      if (course) this.#fast.open(view, length, from, rate, course);
    }
  }

  #formatOf(payloadType: number): PayloadFormat | undefined {
    if (payloadType !== this.#payloadType) {
      this.#payloadType = payloadType;
      this.#format = this.#formats.get(payloadType);
    }
    return this.#format;
  }

  /** Lets go of the coders. */
  close(): void {
    this.#fast?.close();
    this.#coders.close();
    this.#formats.clear();
    this.#payloadType = -1;
  }
}

function formatOf(codec: Codec, coder: AudioCodec | undefined): PayloadFormat {
  return { kind: audioPacket, encoding: encodingId(codec), rate: codec.clockRate, codec: coder, noise: false };
}

const noiseFormat: PayloadFormat = {
  kind: audioPacket,
  encoding: noiseEncoding,
  rate: comfortNoise.clockRate,
  codec: undefined,
  noise: true,
};
