/** Audio at any rate on its way to the detectors: at 8 kHz, in frames of 20 ms. */
import { Resampler } from '../audio/index.ts';

const rate = 8000;
const frameSamples = 160;

export class FrameCutter {
  readonly #onFrame: (samples: Int16Array, known: boolean) => void;
  readonly #frame = new Int16Array(frameSamples);
  #filled = 0;
  #known = true;
  #resampler: Resampler | undefined;
  #scratch = new Int16Array(0);

  /** @param onFrame the frame is valid until it returns */
  constructor(onFrame: (samples: Int16Array, known: boolean) => void) {
    this.#onFrame = onFrame;
  }

  /** @param known false when they were made up for what was lost */
  write(samples: Int16Array, from: number, known: boolean): void {
    const audio = this.#convert(samples, from);
    for (let at = 0; at < audio.length; ) {
      const count = Math.min(audio.length - at, frameSamples - this.#filled);
      for (let i = 0; i < count; i++) this.#frame[this.#filled + i] = audio[at + i]!;
      this.#filled += count;
      this.#known &&= known;
      at += count;
      if (this.#filled < frameSamples) return;
      this.#onFrame(this.#frame, this.#known);
      this.#filled = 0;
      this.#known = true;
    }
  }

  #convert(samples: Int16Array, from: number): Int16Array {
    if (from === rate) return samples;
    if (this.#resampler?.from !== from) this.#resampler = new Resampler(from, rate);
    const length = this.#resampler.outputLength(samples.length);
    if (this.#scratch.length < length) this.#scratch = new Int16Array(length);
    return this.#scratch.subarray(0, this.#resampler.process(samples, this.#scratch));
  }
}
