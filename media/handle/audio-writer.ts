/** Audio of user code on its way to the pacer: resampled to the codec's clock, as fast as it is sent. */
import { TandemError } from '../../src/base/errors.ts';
import { Resampler } from '../audio/index.ts';
import type { LoadedSource, Playback } from './playback.ts';
import { RingFeed } from './ring-feed.ts';
import type { AudioWriter } from './types.ts';

/** ms of audio that `write` may be ahead. */
const aheadMs = 400;

export class LegWriter implements AudioWriter {
  readonly sampleRate: number;
  readonly #codecRate: () => number;
  readonly #feed: RingFeed;
  readonly #over = new AbortController();
  #resampler: Resampler | undefined;
  #playback: Playback | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** Bytes that wait for their turn to be pushed. */
  #waiting = 0;
  #ended: Promise<void> | undefined;

  constructor(sampleRate: number, codecRate: () => number) {
    this.sampleRate = sampleRate;
    this.#codecRate = codecRate;
    this.#feed = new RingFeed((codecRate() * 2 * aheadMs) / 1000);
  }

  get source(): LoadedSource {
    return {
      source: { kind: 'ring', ring: this.#feed.memory, raw: false },
      onSpace: () => this.#feed.space(),
    };
  }

  /** The playback that sends what is written. */
  attach(playback: Playback): void {
    this.#playback = playback;
    const over = (): void =>
      this.#over.abort(new TandemError('ERR_MEDIA_CLOSED', 'nothing written is played any more: the writer ended'));
    playback.done.then(over, over);
  }

  write(samples: Int16Array): Promise<void> {
    if (this.#ended) return Promise.reject(new TandemError('ERR_MEDIA_CLOSED', 'the writer was ended'));
    // What the caller does with its buffer after this call is its own business.
    const audio = this.#convert(samples);
    const bytes = new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength);
    const { generation } = this.#feed;
    let left = bytes.length;
    const placed = (count: number): void => {
      left -= count;
      this.#waiting -= count;
    };
    this.#waiting += left;
    const written = this.#writing
      .then(() => this.#feed.push(bytes, this.#over.signal, generation, placed))
      .finally(() => placed(left));
    this.#writing = written.catch(() => {});
    return written;
  }

  get buffered(): number {
    return ((this.#feed.size + this.#waiting) * 1000) / (this.#codecRate() * 2);
  }

  clear(): void {
    this.#feed.clear();
  }

  pause(): void {
    this.#playback?.pause();
  }

  resume(): void {
    this.#playback?.resume();
  }

  #convert(samples: Int16Array): Int16Array {
    const rate = this.#codecRate();
    if (rate === this.sampleRate) return samples.slice();
    if (this.#resampler?.to !== rate) this.#resampler = new Resampler(this.sampleRate, rate);
    const out = new Int16Array(this.#resampler.outputLength(samples.length));
    return out.subarray(0, this.#resampler.process(samples, out));
  }

  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    await this.#writing;
    this.#feed.end();
    await this.#playback?.done;
  }

  close(): void {
    this.#ended ??= Promise.resolve();
    this.#playback?.stop();
  }
}
