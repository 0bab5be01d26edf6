/** The producer's side of a `ByteRing` in this thread: pushes everything, waiting for space where it must. */
import { ByteRing, createByteRing } from '../engine/byte-ring.ts';

export class RingFeed {
  readonly memory: SharedArrayBuffer;
  readonly #ring: ByteRing;
  #onSpace: (() => void) | undefined;

  /** @param capacity bytes */
  constructor(capacity: number) {
    this.memory = createByteRing(capacity);
    this.#ring = new ByteRing(this.memory);
  }

  /** The engine says that there is space again. */
  space(): void {
    this.#onSpace?.();
  }

  /** Rejects with the signal's reason when it is aborted. */
  async push(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    let at = 0;
    for (;;) {
      signal.throwIfAborted();
      at += this.#ring.push(bytes, at);
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
