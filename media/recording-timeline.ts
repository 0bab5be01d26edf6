/**
 * One direction of a call on its way into a recording: packets are placed by their timestamps on a line
 * of samples that is read at the beat, so reordered packets find their place and what is missing is silence.
 */
import { Resampler } from './audio/index.ts';
import { Drift } from './drift.ts';
import { type RtpTimestamp, timestampDiff } from './rtp/sequence.ts';

/** ms a packet may be late, and by which the recording lags behind. */
const delayMs = 60;
/** ms a packet may be early before the line is begun anew. */
const earlyMs = 400;
/** Packets in a row that come too late before the line is begun anew: one may be a straggler. */
const mostLate = 5;

export class RecordingTimeline {
  readonly #rate: number;
  readonly #line: Int16Array;
  /** Samples read since the beginning. */
  #read = 0;
  /** Samples that lie ahead of `#read`. */
  #ahead = 0;
  /** Where `#baseTimestamp` lies on the line; undefined before the first packet. */
  #base: number | undefined;
  #baseTimestamp: RtpTimestamp = 0;
  #late = 0;
  readonly #drift: Drift;
  #resampler: Resampler | undefined;
  #scratch = new Int16Array(0);

  /** @param rate samples per second of the recording */
  constructor(rate: number) {
    this.#rate = rate;
    this.#line = new Int16Array(rate);
    this.#drift = new Drift(rate);
  }

  /** @param samples decoded audio at `rate`, which is also the RTP clock */
  write(timestamp: RtpTimestamp, samples: Int16Array, rate: number): void {
    const audio = this.#convert(samples, rate);
    let at = this.#place(timestamp, rate);
    const early = at - this.#read;
    if (early + audio.length > 0) this.#late = 0;
    else if (++this.#late < mostLate) return;
    if (this.#late > 0 || early > (this.#rate * earlyMs) / 1000) {
      this.restart();
      at = this.#place(timestamp, rate);
    }
    const line = this.#line;
    const move = this.#drift.packet(at - this.#read);
    this.#base! += move;
    at += move;
    // The sample that is too few in the line.
    if (move > 0 && at > this.#read) line[(at - 1) % line.length] = audio[0] ?? 0;
    for (let i = Math.max(0, this.#read - at); i < audio.length; i++) line[(at + i) % line.length] = audio[i]!;
    this.#ahead = Math.max(this.#ahead, at + audio.length - this.#read);
  }

  /** Audio that follows what was written before, or begins now. What is more than the line holds is left out. */
  append(samples: Int16Array, rate: number): void {
    const audio = this.#convert(samples, rate);
    const line = this.#line;
    const at = this.#read + this.#ahead;
    const count = Math.min(audio.length, line.length - this.#ahead);
    for (let i = 0; i < count; i++) line[(at + i) % line.length] = audio[i]!;
    this.#ahead += count;
  }

  /** The next packet is of another timeline. */
  restart(): void {
    this.#base = undefined;
    this.#late = 0;
    this.#drift.reset();
  }

  #place(timestamp: RtpTimestamp, rate: number): number {
    if (this.#base === undefined) {
      this.#base = this.#read + Math.round((this.#rate * delayMs) / 1000);
      this.#baseTimestamp = timestamp;
      return this.#base;
    }
    const ahead = timestampDiff(timestamp, this.#baseTimestamp);
    const at = this.#base + Math.round((ahead * this.#rate) / rate);
    if (ahead > rate) {
      // Keep the distances small: a timestamp wraps within days.
      this.#base = at;
      this.#baseTimestamp = timestamp;
    }
    return at;
  }

  #convert(samples: Int16Array, rate: number): Int16Array {
    if (rate === this.#rate) return samples;
    if (this.#resampler?.from !== rate) this.#resampler = new Resampler(rate, this.#rate);
    const length = this.#resampler.outputLength(samples.length);
    if (this.#scratch.length < length) this.#scratch = new Int16Array(length);
    return this.#scratch.subarray(0, this.#resampler.process(samples, this.#scratch));
  }

  /** Reads the next `out.length` samples, silence where nothing came. */
  read(out: Int16Array): void {
    const line = this.#line;
    for (let i = 0; i < out.length; i++) {
      const at = (this.#read + i) % line.length;
      out[i] = line[at]!;
      line[at] = 0;
    }
    this.#read += out.length;
    this.#ahead = Math.max(0, this.#ahead - out.length);
  }

  /** Samples that came and were not read yet. */
  get pending(): number {
    return this.#ahead;
  }
}
