/** The producer's side of a `ByteRing` in this thread: pushes everything, waiting for space where it must. */
import { ByteRing, createByteRing } from '../engine/byte-ring.ts';

export class RingFeed {
  readonly memory: SharedArrayBuffer;
  readonly #ring: ByteRing;
  #onSpace: (() => void) | undefined;
  /** Pushes of an earlier one are over. */
  #generation = 0;

  /** @param capacity bytes */
  constructor(capacity: number) {
    this.memory = createByteRing(capacity);
    this.#ring = new ByteRing(this.memory);
  }

  /** The engine says that there is space again. */
  space(): void {
    this.#onSpace?.();
  }

  /** Bytes that were pushed and are not played yet. */
  get size(): number {
    return this.#ring.size;
  }

  /** Names what is pushed until the next `clear`. */
  get generation(): number {
    return this.#generation;
  }

  /** Drops what is not played yet, and what is being pushed. */
  clear(): void {
    this.#generation++;
    this.#ring.discard();
    this.#onSpace?.();
  }

  /**
   * Rejects with the signal's reason when it is aborted.
   * @param generation nothing is pushed once that is over
   * @param onPushed told how many bytes have found their place
   */
  async push(
    bytes: Uint8Array,
    signal: AbortSignal,
    generation = this.#generation,
    onPushed: (count: number) => void = () => {},
  ): Promise<void> {
    let at = 0;
    for (;;) {
      signal.throwIfAborted();
      if (generation !== this.#generation) return;
      const count = this.#ring.push(bytes, at);
      at += count;
      onPushed(count);
      if (at === bytes.length) return;
      await this.#wait(signal);
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#onSpace = undefined;
        resolve();
      };
      this.#onSpace = done;
      signal.addEventListener('abort', done, { once: true });
      this.#ring.wait();
      if (this.#ring.space > 0 || signal.aborted) done();
    });
  }

  end(): void {
    this.#ring.end();
  }
}
