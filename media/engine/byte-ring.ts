/**
 * A single-producer single-consumer ring of bytes in shared memory: audio on its way from a writer
 * or a stream to the pacer, packets on their way from one worker to another. Never blocks; a side
 * that has to wait says so by a flag and is told by the other.
 *
 * Header, Int32: 0 bytes written · 1 bytes read (both wrap at 2^32) · 2 producer waits · 3 ended ·
 * 4 discards asked for · 5 discards done · 6 bytes written at the last discard.
 */
const headerBytes = 32;
const written = 0;
const read = 1;
const producerWaits = 2;
const ended = 3;
const discards = 4;
const discardsDone = 5;
const discardedTo = 6;

/** @param capacity least number of bytes it must hold; rounded up to a power of two. */
export function createByteRing(capacity: number): SharedArrayBuffer {
  const size = 2 ** Math.ceil(Math.log2(Math.max(64, capacity)));
  return new SharedArrayBuffer(headerBytes + size);
}

export class ByteRing {
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #data: Uint8Array;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, headerBytes / 4);
    this.#data = new Uint8Array(memory, headerBytes);
    this.#mask = this.#data.length - 1;
  }

  /** The word that moves with every `push`: `Atomics.waitAsync(ring.words, 0, …)`. */
  get words(): Int32Array<SharedArrayBuffer> {
    return this.#header;
  }

  /** Bytes that can be pulled. */
  get size(): number {
    return (Atomics.load(this.#header, written) - this.#from) | 0;
  }

  /** Where the next byte to be pulled is: behind what was discarded, whether the consumer knows of it yet or not. */
  get #from(): number {
    const at = Atomics.load(this.#header, read);
    if (Atomics.load(this.#header, discards) === Atomics.load(this.#header, discardsDone)) return at;
    const to = Atomics.load(this.#header, discardedTo);
    return ((to - at) | 0) > 0 ? to : at;
  }

  /** Bytes that were pulled, or discarded, so far. */
  get pulled(): number {
    return Atomics.load(this.#header, read) >>> 0;
  }

  /** Bytes that can be pushed. */
  get space(): number {
    return this.#data.length - this.size;
  }

  get capacity(): number {
    return this.#data.length;
  }

  get ended(): boolean {
    return Atomics.load(this.#header, ended) === 1;
  }

  /** Nothing more will be pushed. */
  end(): void {
    Atomics.store(this.#header, ended, 1);
  }

  /** Pushes as much of `bytes` from `start` on as there is space for. @returns how many bytes. */
  push(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const count = Math.min(end - start, this.space);
    if (count <= 0) return 0;
    const at = Atomics.load(this.#header, written);
    const from = at & this.#mask;
    const first = Math.min(count, this.#data.length - from);
    this.#data.set(bytes.subarray(start, start + first), from);
    if (first < count) this.#data.set(bytes.subarray(start + first, start + count), 0);
    Atomics.store(this.#header, written, (at + count) | 0);
    return count;
  }

  /** Producer: what was pushed and not pulled yet is left out. */
  discard(): void {
    Atomics.store(this.#header, discardedTo, Atomics.load(this.#header, written));
    Atomics.add(this.#header, discards, 1);
  }

  /** Pulls up to `count` bytes into `out` at `offset`. @returns how many. */
  pull(out: Uint8Array, offset: number, count: number): number {
    // The count before the place: what is discarded meanwhile is left out by the next pull.
    const asked = Atomics.load(this.#header, discards);
    const at = this.#from;
    Atomics.store(this.#header, read, at);
    Atomics.store(this.#header, discardsDone, asked);
    const n = Math.min(count, (Atomics.load(this.#header, written) - at) | 0);
    if (n <= 0) return 0;
    const from = at & this.#mask;
    const first = Math.min(n, this.#data.length - from);
    out.set(this.#data.subarray(from, from + first), offset);
    if (first < n) out.set(this.#data.subarray(0, n - first), offset + first);
    Atomics.store(this.#header, read, (at + n) | 0);
    return n;
  }

  /** Producer: says that it waits for space. Look at `space` once more after it. */
  wait(): void {
    Atomics.store(this.#header, producerWaits, 1);
  }

  /** Consumer: true once when the producer waits and half the ring is free again. */
  takeWaiter(): boolean {
    if (Atomics.load(this.#header, producerWaits) === 0 || this.space * 2 < this.#data.length) return false;
    return Atomics.exchange(this.#header, producerWaits, 0) === 1;
  }
}
