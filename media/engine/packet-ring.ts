/**
 * One direction of a bridge between two workers: packets through a ring in shared memory, without a hop
 * over the main thread. What does not fit is dropped: an engine that stalls finds no queue to work off.
 *
 *     length 2 · kind 1 · flags 1 · sequence 2 · 0 2 · timestamp 4 · SSRC 4 · encoding 4 · payload
 */
import { type RtpView, readUint32, rtpHeaderBytes, rtpView, writeUint32 } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import { ByteRing } from './byte-ring.ts';
import { audioPacket, type EncodingId, eventPacket, type PacketKind } from './encoding.ts';
import type { PacketSink } from './outgoing.ts';

const recordBytes = 20;
const markerFlag = 1;
const restartFlag = 2;
const dtmfFlag = 4;
/** The largest payload that goes through: more than fits an Ethernet frame. */
const longestPayload = 2048;

export class PacketRingSink implements PacketSink {
  readonly #ring: ByteRing;
  readonly #record = new Uint8Array(recordBytes + longestPayload);
  #dropped = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new ByteRing(memory);
  }

  get dropped(): number {
    return this.#dropped;
  }

  forward(
    buffer: Uint8Array,
    view: RtpView,
    kind: PacketKind,
    encoding: EncodingId,
    arrival: Arrival,
    _now: number,
    dtmf: boolean,
  ): void {
    const length = recordBytes + view.payloadLength;
    if (length > this.#record.length || this.#ring.space < length) {
      this.#dropped++;
      return;
    }
    const record = this.#record;
    record[0] = view.payloadLength >> 8;
    record[1] = view.payloadLength;
    record[2] = kind;
    record[3] = (view.marker ? markerFlag : 0) | (arrival === 'restart' ? restartFlag : 0) | (dtmf ? dtmfFlag : 0);
    record[4] = view.sequence >> 8;
    record[5] = view.sequence;
    writeUint32(record, 8, view.timestamp);
    writeUint32(record, 12, view.ssrc);
    writeUint32(record, 16, encoding);
    record.set(buffer.subarray(view.payloadOffset, view.payloadOffset + view.payloadLength), recordBytes);
    this.#ring.push(record, 0, length);
    Atomics.notify(this.#ring.words, 0);
  }
}

/** Takes the packets out as they come and hands them to a leg. */
export class PacketRingSource {
  readonly #ring: ByteRing;
  readonly #sink: PacketSink;
  readonly #now: () => number;
  readonly #onTurn: () => void;
  readonly #record = new Uint8Array(recordBytes);
  readonly #view = rtpView();
  #closed = false;

  /** @param onTurn after each wake-up; @param onError a packet could not be handed over: the source is closed */
  constructor(
    memory: SharedArrayBuffer,
    sink: PacketSink,
    now: () => number,
    onTurn: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#ring = new ByteRing(memory);
    this.#sink = sink;
    this.#now = now;
    this.#onTurn = onTurn;
    this.#run().catch(onError);
  }

  close(): void {
    this.#closed = true;
    Atomics.notify(this.#ring.words, 0);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const seen = Atomics.load(this.#ring.words, 0);
      this.#drain();
      const wait = Atomics.waitAsync(this.#ring.words, 0, seen);
      if (wait.async) await wait.value;
    }
  }

  #drain(): void {
    const view = this.#view;
    const record = this.#record;
    const now = this.#now();
    while (this.#ring.size >= recordBytes && !this.#closed) {
      this.#ring.pull(record, 0, recordBytes);
      const length = (record[0]! << 8) | record[1]!;
      // Of its own: the socket may hold it until the kernel takes it.
      const buffer = new Uint8Array(rtpHeaderBytes + length);
      this.#ring.pull(buffer, rtpHeaderBytes, length);
      const flags = record[3]!;
      view.marker = (flags & markerFlag) !== 0;
      view.sequence = (record[4]! << 8) | record[5]!;
      view.timestamp = readUint32(record, 8);
      view.ssrc = readUint32(record, 12);
      view.payloadOffset = rtpHeaderBytes;
      view.payloadLength = length;
      const kind = record[2] === eventPacket ? eventPacket : audioPacket;
      const arrival: Arrival = (flags & restartFlag) !== 0 ? 'restart' : 'next';
      this.#sink.forward(buffer, view, kind, readUint32(record, 16) | 0, arrival, now, (flags & dtmfFlag) !== 0);
    }
    this.#onTurn();
  }
}
