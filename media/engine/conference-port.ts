/**
 * Where a party and its conference meet: packets of the leg come in as to the other side of a bridge, and the mix goes
 * out to it as from one.
 */
import type { AudioCodec } from '../codec/index.ts';
import { codecFor } from '../codec/index.ts';
import { type RtpView, rtpHeaderBytes, rtpView } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import { addSeq, addTimestamp, type Ssrc } from '../rtp/sequence.ts';
import type { Codec } from '../sdp/types.ts';
import { audioPacket, codecOf, type EncodingId, encodingId, type PacketKind } from './encoding.ts';
import type { PacketSink } from './outgoing.ts';

/** Buffers in turn: a datagram the kernel has not taken yet is not overwritten for as many packets. */
const slots = 4;

/** Takes a packet of audio into the mix. */
type Hear = (payload: Uint8Array, timestamp: number, restart: boolean, codec: AudioCodec) => void;

export class ConferencePort implements PacketSink {
  /** The mix goes there. */
  readonly out: PacketSink;
  readonly #hear: Hear;
  readonly #view = rtpView();
  #encoding: EncodingId = 0;
  #decoder: { readonly encoding: EncodingId; readonly codec: AudioCodec | undefined } | undefined;
  #buffers: Uint8Array[] = [];
  #slot = 0;
  #began = false;

  /** @param ssrc names the mix among the sources that the leg is sent */
  constructor(out: PacketSink, ssrc: Ssrc, hear: Hear) {
    this.out = out;
    this.#hear = hear;
    this.#view.ssrc = ssrc;
    this.#view.payloadOffset = rtpHeaderBytes;
  }

  /** The codec of the mix from now on. @returns makes a coder of it */
  configure(codec: Codec): () => AudioCodec {
    const make = (): AudioCodec => {
      const coder = codecFor(codec);
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
    _now: number,
    _dtmf: boolean,
  ): void {
    if (kind !== audioPacket || arrival === 'duplicate') return;
    if (this.#decoder?.encoding !== encoding) this.#decoder = { encoding, codec: codecOf(encoding) };
    const { codec } = this.#decoder;
    const { payloadOffset, payloadLength, timestamp } = view;
    if (codec)
      this.#hear(
        buffer.subarray(payloadOffset, payloadOffset + payloadLength),
        timestamp,
        arrival === 'restart',
        codec,
      );
  }

  /** @param payload is copied @param due ms on the clock @param skipped payloads that were left out before it */
  deliver(payload: Uint8Array, samples: number, due: number, skipped: number): void {
    const view = this.#view;
    const buffer = this.#buffer(payload.length);
    buffer.set(payload, rtpHeaderBytes);
    view.marker = skipped > 0;
    view.sequence = addSeq(view.sequence, 1);
    view.timestamp = addTimestamp(view.timestamp, samples * (1 + skipped));
    view.payloadLength = payload.length;
    this.out.forward(buffer, view, audioPacket, this.#encoding, this.#began ? 'next' : 'restart', due, false);
    this.#began = true;
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
