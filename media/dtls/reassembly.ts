/**
 * Handshake messages of the peer, whole and in order, whatever their fragments did on the way (RFC 6347 §4.2.2–4.2.3).
 *
 *    0      1        4             6                 9                 12
 *   +------+--------+-------------+-----------------+-----------------+------
 *   | type | length | message_seq | fragment_offset | fragment_length | body
 *   +------+--------+-------------+-----------------+-----------------+------
 */
import { type ByteReader, concat, u8, u16, u24 } from './bytes.ts';

export const handshakeHeaderBytes = 12;
/** Bytes of all messages that are begun: a chain of certificates is 5 kB. */
const maxBytes = 16_384;
/** Messages that may come before the one that is next: more than the longest flight has. */
const maxAhead = 8;
/** Pieces of a message with gaps between them. */
const maxPieces = 32;

export interface HandshakeMessage {
  readonly type: number;
  readonly body: Uint8Array;
  /** With its header, as if it were not in fragments: what hashes and signatures are over. */
  readonly whole: Uint8Array;
}

/** A message of ours, as hashes and signatures have it. */
export function wholeMessage(type: number, sequence: number, body: Uint8Array): Uint8Array {
  return concat(u8(type), u24(body.length), u16(sequence), u24(0), u24(body.length), body);
}

interface Pending {
  readonly type: number;
  readonly whole: Uint8Array;
  /** What is there: from and to, in order, with gaps between. */
  pieces: [from: number, to: number][];
}

/** What a fragment was good for. `answered`: the peer sends again what we answered already. */
export type FragmentUse = 'used' | 'answered' | 'bad';

export class Reassembly {
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #answered = 0;
  #bytes = 0;

  /** One fragment from what the reader is at. @param fits whether a message of this type may be here */
  add(reader: ByteReader, fits: (type: number) => boolean): FragmentUse {
    const type = reader.u8();
    const length = reader.u24();
    const sequence = reader.u16();
    const offset = reader.u24();
    const fragment = reader.vector24();
    if (!reader.ok || offset + fragment.length > length || length > maxBytes || !fits(type)) return 'bad';
    if (sequence < this.#answered) return 'answered';
    if (sequence < this.#next) return 'used'; // a copy: the rest of its flight is still to come
    if (sequence >= this.#next + maxAhead) return 'bad';
    const pending = this.#begun(sequence, type, length);
    if (!pending) return 'bad';
    return put(pending, offset, fragment) ? 'used' : 'bad';
  }

  /** The message that is next, when all of it is there. */
  take(): HandshakeMessage | undefined {
    const pending = this.#pending.get(this.#next);
    if (!pending) return undefined;
    const { type, whole, pieces } = pending;
    const end = whole.length - handshakeHeaderBytes;
    if (pieces[0]?.[0] !== 0 || pieces[0][1] !== end) return undefined;
    this.#drop(this.#next);
    this.#next++;
    return { type, body: whole.subarray(handshakeHeaderBytes), whole };
  }

  /** What was taken so far has an answer now. */
  answer(): void {
    this.#answered = this.#next;
  }

  clear(): void {
    for (const sequence of this.#pending.keys()) this.#drop(sequence);
  }

  #begun(sequence: number, type: number, length: number): Pending | undefined {
    const begun = this.#pending.get(sequence);
    if (begun && begun.type === type && begun.whole.length === handshakeHeaderBytes + length) return begun;
    // Two that contradict each other: a forged one must not keep the true one out for good.
    if (begun) this.#drop(sequence);
    if (this.#bytes + length > maxBytes) {
      if (sequence !== this.#next) return undefined;
      this.clear();
    }
    const whole = wholeMessage(type, sequence, new Uint8Array(length));
    const pending: Pending = { type, whole, pieces: [] };
    this.#pending.set(sequence, pending);
    this.#bytes += length;
    return pending;
  }

  #drop(sequence: number): void {
    const pending = this.#pending.get(sequence);
    if (!pending) return;
    this.#bytes -= pending.whole.length - handshakeHeaderBytes;
    this.#pending.delete(sequence);
  }
}

function put(pending: Pending, offset: number, fragment: Uint8Array): boolean {
  const merged: [number, number] = [offset, offset + fragment.length];
  const apart: [number, number][] = [];
  for (const piece of pending.pieces) {
    if (piece[1] < merged[0] || piece[0] > merged[1]) apart.push(piece);
    else {
      merged[0] = Math.min(merged[0], piece[0]);
      merged[1] = Math.max(merged[1], piece[1]);
    }
  }
  if (apart.length >= maxPieces) return false;
  pending.pieces = [...apart, merged].sort((a, b) => a[0] - b[0]);
  pending.whole.set(fragment, handshakeHeaderBytes + offset);
  return true;
}
