/**
 * One party's audio on its way into the mix: packets are placed by their timestamps on a line of samples that is read at
 * the beat. The line lags behind just as much as keeps packets in time: it gives way when they come too late again and
 * again, and catches up in a pause.
 */
import { type RtpTimestamp, timestampDiff } from '../rtp/sequence.ts';

/** ms from the next beat to the first packet: so much later may one come that is read at the beat after it. */
const delayMs = 20;
/** ms a packet may be early or late before the line is begun anew. */
const jumpMs = 400;
/** ms by which the line may lag behind for nothing, in a pause and at all. */
const slackMs = 30;
const mostSlackMs = 120;
/** Packets between two looks at the slack. */
const window = 100;
/** A late packet counts as five; at two within five the line gives way. */
const lateWeight = 5;
const lateLimit = 10;

export class ConferenceLine {
  readonly rate: number;
  readonly #line: Int16Array;
  /** Samples read since the beginning. */
  #read = 0;
  /** Behind the last sample that came. */
  #end = 0;
  /** Where `#baseTimestamp` lies on the line; undefined before the first packet. */
  #base: number | undefined;
  #baseTimestamp: RtpTimestamp = 0;
  #late = 0;
  #packets = 0;
  #slack = Number.POSITIVE_INFINITY;

  /** @param rate samples per second of what is written and read */
  constructor(rate: number) {
    this.rate = rate;
    this.#line = new Int16Array(rate);
  }

  /** True while there is something to read. */
  get filled(): boolean {
    return this.#end > this.#read;
  }

  /** The next packet is of another timeline, or comes after a time in which nobody listened. */
  restart(): void {
    this.#base = undefined;
  }

  /**
   * @param timestamp in samples; @param samples at most 250 ms
   * @param pause what was written last and is written now is silence: the line may be shortened unheard
   */
  write(timestamp: RtpTimestamp, samples: Int16Array, pause: boolean): void {
    let at = this.#place(timestamp);
    const early = at - this.#read;
    if (Math.abs(early) > this.#samples(jumpMs)) {
      this.restart();
      at = this.#place(timestamp);
    } else if (early < 0) at += this.#giveWay(-early);
    else at -= this.#catchUp(early, pause);
    const line = this.#line;
    for (let i = Math.max(0, this.#read - at); i < samples.length; i++) line[(at + i) % line.length] = samples[i]!;
    this.#end = Math.max(this.#end, at + samples.length);
  }

  #place(timestamp: RtpTimestamp): number {
    if (this.#base === undefined) {
      this.#base = this.#read + this.#samples(delayMs);
      this.#baseTimestamp = timestamp;
      this.#late = 0;
      this.#packets = 0;
      this.#slack = Number.POSITIVE_INFINITY;
      return this.#base;
    }
    const ahead = timestampDiff(timestamp, this.#baseTimestamp);
    const at = this.#base + ahead;
    if (ahead > this.rate) {
      // Keep the distances small: a timestamp wraps within days.
      this.#base = at;
      this.#baseTimestamp = timestamp;
    }
    return at;
  }

  /** @returns samples by which the line lags behind more from now on */
  #giveWay(late: number): number {
    this.#late += lateWeight;
    if (this.#late < lateLimit || this.#base === undefined) return 0;
    this.#late = 0;
    const more = late + this.#samples(delayMs) / 2;
    this.#base += more;
    return more;
  }

  /** @returns samples by which the line lags behind less from now on */
  #catchUp(early: number, pause: boolean): number {
    this.#late = Math.max(0, this.#late - 1);
    this.#slack = Math.min(this.#slack, early);
    if (++this.#packets < window || this.#base === undefined) return 0;
    const slack = this.#slack;
    if (!pause && slack <= this.#samples(mostSlackMs)) return 0;
    this.#packets = 0;
    this.#slack = Number.POSITIVE_INFINITY;
    if (slack <= this.#samples(slackMs)) return 0;
    const less = slack - this.#samples(delayMs) / 2;
    this.#base -= less;
    return less;
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
  }

  /** Time went by without a reader. */
  skip(count: number): void {
    const line = this.#line;
    const cleared = Math.min(count, line.length);
    for (let i = 0; i < cleared; i++) line[(this.#read + i) % line.length] = 0;
    this.#read += count;
  }

  #samples(ms: number): number {
    return Math.round((this.rate * ms) / 1000);
  }
}
