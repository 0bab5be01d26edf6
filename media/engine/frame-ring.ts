/**
 * A ring of audio frames in shared memory from an engine to one reader, which is never waited for:
 * the oldest frames are overwritten, and the reader sees by the counter how many it missed.
 *
 * Header, Int32: 0 frames written · 1 reader waits · 2 ended · 3 samples per frame.
 */
const headerBytes = 16;

export function createFrameRing(frames: number, samplesPerFrame: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(headerBytes + frames * samplesPerFrame * 2);
  new Int32Array(memory)[3] = samplesPerFrame;
  return memory;
}

export class FrameRing {
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #samples: Int16Array;
  readonly #frames: number;
  #next = 0;
  #dropped = 0;
  readonly samplesPerFrame: number;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, headerBytes / 4);
    this.#samples = new Int16Array(memory, headerBytes);
    this.samplesPerFrame = this.#header[3]!;
    this.#frames = this.#samples.length / this.samplesPerFrame;
  }

  /** Engine: adds one frame. @returns true when the reader waits and is to be woken. */
  push(frame: Int16Array): boolean {
    const at = Atomics.load(this.#header, 0);
    this.#samples.set(frame, (at % this.#frames) * this.samplesPerFrame);
    Atomics.store(this.#header, 0, at + 1);
    return this.#takeWaiter();
  }

  /** Engine: no frame will follow. @returns true when the reader waits. */
  end(): boolean {
    Atomics.store(this.#header, 2, 1);
    return this.#takeWaiter();
  }

  get ended(): boolean {
    return Atomics.load(this.#header, 2) === 1;
  }

  /** Reader: frames that were overwritten before they were read. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Reader: the oldest frame that is still there. The newest slot is left out: it may be written just now. */
  pull(): Int16Array | undefined {
    for (;;) {
      const count = Atomics.load(this.#header, 0);
      const oldest = Math.max(0, count - this.#frames + 1);
      if (this.#next < oldest) {
        this.#dropped += oldest - this.#next;
        this.#next = oldest;
      }
      if (this.#next >= count) return undefined;
      const from = (this.#next % this.#frames) * this.samplesPerFrame;
      const frame = this.#samples.slice(from, from + this.samplesPerFrame);
      // Overtaken while copying: the copy may be torn, so it counts as dropped.
      if (Atomics.load(this.#header, 0) - this.#next >= this.#frames) continue;
      this.#next++;
      return frame;
    }
  }

  /** Reader: says that it waits. Call `pull` once more after it. */
  wait(): void {
    Atomics.store(this.#header, 1, 1);
  }

  #takeWaiter(): boolean {
    return Atomics.load(this.#header, 1) === 1 && Atomics.exchange(this.#header, 1, 0) === 1;
  }
}
