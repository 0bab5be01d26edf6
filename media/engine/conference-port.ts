/**
 * Where a party and its conference meet: packets of the leg come in as to the other side of a bridge, and the mix goes
 * out to it as from one.
 */
import { type AudioCodec, codecFor } from '../codec/index.ts';
import type { Party } from '../conference/party.ts';
import { type RtpView, rtpHeaderBytes, rtpView } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import { addSeq, addTimestamp, type Ssrc } from '../rtp/sequence.ts';
import type { Codec } from '../sdp/types.ts';
import {
  audioPacket,
  comfortNoise,
  type EncodingId,
  encodingId,
  formatOf,
  noiseEncoding,
  type PacketKind,
} from './encoding.ts';
import type { PacketSink } from './outgoing.ts';
import { OwnPacketBuffers } from './packet-buffers.ts';

export class ConferencePort implements PacketSink {
  /** The mix goes there. */
  readonly out: PacketSink;
  /** What comes is said by it. */
  party: Party | undefined;
  readonly #view = rtpView();
  #encoding: EncodingId = 0;
  readonly #decoders = new Map<EncodingId, AudioCodec | undefined>();
  readonly #buffers = new OwnPacketBuffers();
  #began = false;
  /** Nothing was sent before: what comes is marked. */
  #paused = false;

  /** @param ssrc names the mix among the sources that the leg is sent */
  constructor(out: PacketSink, ssrc: Ssrc) {
    this.out = out;
    this.#view.ssrc = ssrc;
    this.#view.payloadOffset = rtpHeaderBytes;
  }

  /** The codec of the mix from now on. @returns makes a coder of it */
  configure(codec: Codec): () => AudioCodec {
    const make = (): AudioCodec => {
      const coder = codecFor(codec, { live: true });
      if (!coder) throw new Error(`${codec.name} cannot be mixed`);
      return coder;
    };
    this.#encoding = encodingId(codec);
    this.#began = false;
    return make;
  }

  /** DTMF does not cross: a key press is for the conference, not for its parties. */
  forward(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    arrival: Arrival,
    now: number,
    _dtmf: boolean,
  ): void {
    const { party } = this;
    if (!party?.wanted || arrival === 'duplicate') return;
    const content = kind !== audioPacket ? 'event' : encoding === noiseEncoding ? 'noise' : 'audio';
    const codec = content === 'audio' ? this.#decoder(encoding) : undefined;
    if (content === 'audio' && !codec) return;
    // Of a telephone-event the encoding is its clock rate.
    const rate = codec?.clockRate ?? (content === 'noise' ? comfortNoise.clockRate : encoding);
    const { sequence, timestamp, payloadOffset, payloadLength } = view;
    const restart = arrival === 'restart';
    party.playout.packet(content, codec, rate, sequence, timestamp, buffer, payloadOffset, payloadLength, restart, now);
  }

  /** Undefined where there is none. There are as many encodings as a leg has negotiated. */
  #decoder(encoding: EncodingId): AudioCodec | undefined {
    const known = this.#decoders.get(encoding);
    if (known || this.#decoders.has(encoding)) return known;
    const format = formatOf(encoding);
    const codec = format && codecFor(format);
    this.#decoders.set(encoding, codec);
    return codec;
  }

  close(): void {
    for (const codec of this.#decoders.values()) codec?.close?.();
    this.#decoders.clear();
  }

  /** @param payload is copied @param due ms on the clock @param skipped payloads that were left out before it */
  deliver(payload: Uint8Array, ticks: number, due: number, skipped: number): void {
    const view = this.#view;
    view.timestamp = addTimestamp(view.timestamp, ticks * (1 + skipped));
    if (skipped > 0 || payload.length === 0) this.#paused = true;
    if (payload.length === 0) return;
    const buffer = this.#buffers.next(payload.length);
    buffer.set(payload, rtpHeaderBytes);
    view.marker = this.#paused;
    this.#paused = false;
    view.sequence = addSeq(view.sequence, 1);
    view.payloadLength = payload.length;
    this.out.forward(buffer, view, audioPacket, this.#encoding, this.#began ? 'next' : 'restart', due, false);
    this.#began = true;
  }
}
