/** Incoming audio for user code: frames out of a shared ring, pulled when they are asked for. */
import { createFrameRing, FrameRing } from '../engine/frame-ring.ts';
import { beatMs } from '../pacer.ts';
import type { EngineLink } from './link.ts';
import type { AudioReader } from './types.ts';

/** Half a second: a reader that is slower hears the newest, not the oldest. */
const frames = 25;

export class LegReader implements AudioReader {
  readonly sampleRate: number;
  readonly #ring: FrameRing;
  readonly #waiting: ((frame: Int16Array | null) => void)[] = [];
  readonly #open: () => void;
  readonly #close: () => void;
  #closed = false;

  /** @param onClosed called once */
  constructor(link: EngineLink, leg: string, tap: string, sampleRate: number, onClosed: () => void) {
    this.sampleRate = sampleRate;
    const memory = createFrameRing(frames, Math.floor((sampleRate * beatMs) / 1000));
    this.#ring = new FrameRing(memory);
    this.#open = () => link.send({ type: 'tap.open', leg, tap, ring: memory, sampleRate });
    this.#open();
    this.#close = () => {
      link.send({ type: 'tap.close', leg, tap });
      onClosed();
    };
  }

  /** The leg is in another engine. */
  revive(): void {
    if (!this.#closed) this.#open();
  }

  get dropped(): number {
    return this.#ring.dropped;
  }

  read(): Promise<Int16Array | null> {
    const frame = this.#waiting.length === 0 ? this.#next() : undefined;
    if (frame !== undefined) return Promise.resolve(frame);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Undefined: none yet, and the engine will call `ready`. */
  #next(): Int16Array | null | undefined {
    const frame = this.#ring.pull();
    if (frame) return frame;
    if (this.#closed) return null;
    this.#ring.wait();
    return this.#ring.pull() ?? (this.#ring.ended ? null : undefined);
  }

  /** The engine has pushed a frame, or the end. */
  ready(): void {
    while (this.#waiting.length > 0) {
      const frame = this.#next();
      if (frame === undefined) return;
      this.#waiting.shift()!(frame);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#close();
    this.ended();
  }

  /** Nothing more will come; what is in the ring can still be read. */
  ended(): void {
    this.#closed = true;
    this.ready();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Int16Array, void, void> {
    try {
      for (;;) {
        const frame = await this.read();
        if (frame === null) return;
        yield frame;
      }
    } finally {
      this.close();
    }
  }
}
