/** What one party, or all that hear the same, gets of the mix: resampled to its codec's rate and encoded, once a beat. */
import { clamp16, Resampler } from '../audio/index.ts';
import { type AudioCodec, frameTicks } from '../codec/index.ts';
import { frameMs } from './party.ts';

/** More than 20 ms of any codec. */
const mostBytes = 4096;
/** ms in which one rate of the mix goes over into another. */
const stepMs = 5;

export class Listener {
  readonly codec: AudioCodec;
  readonly #samples: Int16Array;
  readonly #buffer = new Uint8Array(mostBytes);
  #payload = this.#buffer.subarray(0, 0);
  #resampler: Resampler | undefined;
  /** Of the mix, at the last beat, and its last sample as it was heard. */
  #rate = 0;
  #last = 0;
  /** What the next sample would jump by; it fades away. */
  #step = 0;
  /** The last beats that were prepared and encoded. */
  #prepared = 0;
  #encoded = 0;

  constructor(codec: AudioCodec) {
    this.codec = codec;
    this.#samples = new Int16Array((codec.sampleRate * frameMs) / 1000);
  }

  /** How far the RTP clock goes on with each payload. */
  get ticks(): number {
    return frameTicks(this.codec, frameMs);
  }

  close(): void {
    this.codec.close?.();
  }

  /**
   * Before anything of the beat is encoded. Once per beat; more often changes nothing.
   * @param before what was heard in the beat before, where this is not it: the sound goes on from there
   */
  prepare(beat: number, rate: number, before: Listener | undefined): void {
    if (this.#prepared === beat) return;
    const goesOn = this.#prepared === beat - 1;
    this.#prepared = beat;
    // A resampler begins with silence.
    this.#step = before && before.#rate !== rate ? before.#last : 0;
    this.#rate = rate;
    const { sampleRate } = this.codec;
    if (rate === sampleRate) this.#resampler = undefined;
    else if (this.#resampler?.from !== rate) this.#resampler = new Resampler(rate, sampleRate);
    else if (goesOn) return;
    const other = before === undefined || before === this ? undefined : before.#resampler;
    if (other?.from === rate && other.to === sampleRate) this.#resampler?.takeOver(other);
    else this.#resampler?.reset();
  }

  /** The payload of this beat, of which only the first call makes it. */
  encode(mix: Int16Array, beat: number): Uint8Array {
    if (this.#encoded === beat) return this.#payload;
    this.#encoded = beat;
    const samples = this.#samples;
    if (this.#resampler) this.#resampler.process(mix, samples);
    else samples.set(mix);
    if (this.#step !== 0) this.#smooth();
    this.#last = samples.at(-1) ?? 0;
    const bytes = this.codec.encode(samples, this.#buffer);
    this.#payload = this.#buffer.subarray(0, bytes);
    return this.#payload;
  }

  #smooth(): void {
    const samples = this.#samples;
    const count = (this.codec.sampleRate * stepMs) / 1000;
    const step = this.#step - samples[0]!;
    for (let i = 0; i < count; i++) samples[i] = clamp16(samples[i]! + step * (1 - i / count));
    this.#step = 0;
  }
}
