/** What a leg receives: which datagrams count, whose they are, and who hears them. */
import type { AudioCodec } from '../codec/index.ts';
import { Coders, sampleRateOf, sampleTime } from '../codec/index.ts';
import type { DtmfReceiver } from '../dtmf/receiver.ts';
import { accept, type LatchState } from '../rtp/latch.ts';
import { readRtp, rtpView } from '../rtp/packet.ts';
import type { Arrival, RtpReceiver } from '../rtp/receiver.ts';
import type { Codec, NegotiatedAudio } from '../sdp/types.ts';
import { audioPacket, type EncodingId, encodingId, eventPacket, type PacketKind } from './encoding.ts';
import type { PacketSink } from './outgoing.ts';

/** What a payload type is, as negotiated. */
interface PayloadFormat {
  readonly kind: PacketKind;
  readonly encoding: EncodingId;
  readonly rate: number;
  readonly codec: AudioCodec | undefined;
}

export interface IncomingPorts {
  readonly onDigit: (digit: string) => void;
  /** Decoded audio, once per packet, only while `listens` says so. The timestamp is in samples. */
  readonly onAudio: (timestamp: number, samples: Int16Array, rate: number, arrival: Arrival) => void;
}

/** How many packets of a call count as its first. */
const firstPackets = 10;

/** ms of one packet that are decoded; nobody sends longer ones. */
const longestMs = 250;

export class Incoming {
  readonly receiver: RtpReceiver;
  readonly latch: LatchState;
  readonly dtmf: DtmfReceiver;
  readonly #ports: IncomingPorts;
  readonly #view = rtpView();
  readonly #coders = new Coders();
  readonly #formats: (PayloadFormat | undefined)[] = [];
  #receives = false;
  /** Samples of the longest packet, and room for them once somebody listens. */
  #longest = 0;
  #samples = new Int16Array(0);
  /** Somebody wants decoded audio. */
  listens = false;
  /** Where packets go on to. */
  sink: PacketSink | undefined;
  /** Telephone-events go on, too. */
  forwardDtmf = true;
  /** ms on the clock when a packet last counted. */
  heardAt = Number.NEGATIVE_INFINITY;

  constructor(receiver: RtpReceiver, latch: LatchState, dtmf: DtmfReceiver, ports: IncomingPorts) {
    this.receiver = receiver;
    this.latch = latch;
    this.dtmf = dtmf;
    this.#ports = ports;
  }

  /** False on hold: what comes is counted and goes nowhere. */
  get receives(): boolean {
    return this.#receives;
  }

  configure(audio: NegotiatedAudio): void {
    this.#formats.length = 0;
    // A list that is empty says no more than the codec we send.
    const codecs = audio.receivePayloadTypes.length > 0 ? audio.receivePayloadTypes : [audio.codec];
    this.#coders.configure(codecs);
    for (const codec of codecs) this.#formats[codec.payloadType] = formatOf(codec, this.#coders.of(codec));
    if (audio.telephoneEvent)
      this.#formats[audio.telephoneEvent.receivePayloadType] = {
        kind: eventPacket,
        encoding: audio.telephoneEvent.clockRate,
        rate: audio.telephoneEvent.clockRate,
        codec: undefined,
      };
    this.#receives = audio.direction === 'sendrecv' || audio.direction === 'recvonly';
    const rate = Math.max(...codecs.map(sampleRateOf));
    this.#longest = Math.ceil((rate * longestMs) / 1000);
  }

  /** True while the first packets of a call have nowhere to go. */
  get unwired(): boolean {
    return this.sink === undefined && !this.listens && this.receiver.state.packets < firstPackets;
  }

  /** One datagram; nothing in it is trusted. */
  datagram(buffer: Uint8Array, offset: number, length: number, address: string, port: number, now: number): void {
    const view = this.#view;
    const { receiver } = this;
    if (!readRtp(buffer, offset, length, view)) {
      receiver.invalid();
      return;
    }
    const format = this.#formats[view.payloadType];
    if (!format || !accept(this.latch, now, address, port, view.ssrc, view.sequence)) {
      receiver.invalid();
      return;
    }
    const { kind } = format;
    const octets = view.payloadLength;
    const rate = kind === audioPacket ? format.rate : 0;
    const arrival = receiver.packet(view.sequence, view.timestamp, view.ssrc, octets, now, rate);
    if (arrival === 'bad') return;
    this.heardAt = now;
    if (!this.#receives) return;
    if (kind === eventPacket) {
      const digit = this.dtmf.packet(view.ssrc, view.timestamp, buffer, view.payloadOffset, octets);
      if (digit !== undefined) this.#ports.onDigit(digit);
    } else if (this.listens && arrival !== 'duplicate' && format.codec) {
      if (this.#samples.length !== this.#longest) this.#samples = new Int16Array(this.#longest);
      const payload = buffer.subarray(view.payloadOffset, view.payloadOffset + octets);
      const count = format.codec.decode(payload, this.#samples);
      const at = sampleTime(format.codec, view.timestamp);
      this.#ports.onAudio(at, this.#samples.subarray(0, count), format.codec.sampleRate, arrival);
    }
    this.sink?.forward(buffer, view, kind, format.encoding, arrival, now, this.forwardDtmf);
  }

  /** Lets go of the coders. */
  close(): void {
    this.#coders.close();
    this.#formats.length = 0;
  }
}

function formatOf(codec: Codec, coder: AudioCodec | undefined): PayloadFormat {
  return { kind: audioPacket, encoding: encodingId(codec), rate: codec.clockRate, codec: coder };
}
