/** Decoded incoming audio on its way to one reader: resampled, cut into frames of 20 ms, never waited for. */
import { Resampler } from '../audio/index.ts';
import { FrameRing } from './frame-ring.ts';

export class AudioTap {
  readonly #ring: FrameRing;
  readonly #rate: number;
  readonly #onReady: () => void;
  readonly #frame: Int16Array;
  #filled = 0;
  #resampler: Resampler | undefined;
  #scratch = new Int16Array(0);

  /** @param rate of the reader; @param onReady the reader waits and there is a frame */
  constructor(ring: SharedArrayBuffer, rate: number, onReady: () => void) {
    this.#ring = new FrameRing(ring);
    this.#rate = rate;
    this.#onReady = onReady;
    this.#frame = new Int16Array(this.#ring.samplesPerFrame);
  }

  write(samples: Int16Array, rate: number): void {
    let audio = samples;
    if (rate !== this.#rate) {
      if (this.#resampler?.from !== rate) this.#resampler = new Resampler(rate, this.#rate);
      const length = this.#resampler.outputLength(samples.length);
      if (this.#scratch.length < length) this.#scratch = new Int16Array(length);
      audio = this.#scratch.subarray(0, this.#resampler.process(samples, this.#scratch));
    }
    for (let at = 0; at < audio.length; ) {
      const count = Math.min(audio.length - at, this.#frame.length - this.#filled);
      this.#frame.set(audio.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < this.#frame.length) break;
      this.#filled = 0;
      if (this.#ring.push(this.#frame)) this.#onReady();
    }
  }

  close(): void {
    if (this.#ring.end()) this.#onReady();
  }
}
