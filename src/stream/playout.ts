/** What a stream plays to the caller: a queue of audio with marks in it, which can be emptied at any moment. */
import type { AudioWriter } from '../../media/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { MarkAnswer } from './dialect.ts';

/** ms between two looks at how far it has come. */
const lookMs = 20;
/** ms of audio that are kept; more is refused. */
export const mostQueuedMs = 600_000;
/** ms of audio at which whoever sends should wait, and may go on again. */
const fullMs = 18_000;
const roomMs = 16_000;

export interface PlayoutEvents {
  /** What was queued before it has been sent, or was dropped. */
  onMark(answer: MarkAnswer): void;
  onFull(on: boolean): void;
  onDrained(): void;
}

interface Mark {
  readonly answer: MarkAnswer;
  /** ms of audio that are queued before it, from the beginning. */
  readonly at: number;
}

export class Playout {
  readonly #writer: AudioWriter;
  readonly #clock: Clock;
  readonly #events: PlayoutEvents;
  #marks: Mark[] = [];
  /** ms that were ever queued. */
  #queued = 0;
  #full = false;
  #reportDrained = false;
  #paused = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(writer: AudioWriter, clock: Clock, events: PlayoutEvents) {
    this.#writer = writer;
    this.#clock = clock;
    this.#events = events;
  }

  /** ms of audio that wait. */
  get queuedMs(): number {
    return this.#writer.buffered;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** @returns false when there is no room for it; nothing is queued then */
  play(samples: Int16Array): boolean {
    if (samples.length === 0 || this.#closed) return true;
    const ms = (samples.length * 1000) / this.#writer.sampleRate;
    if (this.queuedMs + ms > mostQueuedMs) return false;
    this.#queued += ms;
    // Rejects when the call ends; there is nobody left to play to.
    this.#writer.write(samples).catch(() => {});
    if (!this.#full && this.queuedMs > fullMs) {
      this.#full = true;
      this.#events.onFull(true);
    }
    this.#watch();
    return true;
  }

  mark(answer: MarkAnswer): void {
    if (this.#closed) return;
    this.#marks.push({ answer, at: this.#queued });
    this.#look();
  }

  /** Drops what is queued. @returns the marks in it, in order; they are forgotten */
  clear(): readonly MarkAnswer[] {
    const answers = this.#marks.map(({ answer }) => answer);
    this.#marks = [];
    this.#writer.clear();
    this.#queued = 0;
    this.#look();
    return answers;
  }

  pause(on: boolean): void {
    this.#paused = on;
    if (on) this.#writer.pause();
    else this.#writer.resume();
  }

  /** `onDrained` is called once, when nothing is queued. */
  reportDrained(): void {
    this.#reportDrained = true;
    this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#marks = [];
    this.#writer.close();
  }

  readonly #look = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#closed) return;
    const left = this.queuedMs;
    if (left <= 0) this.#queued = 0;
    while (this.#marks[0] && (left <= 0 || this.#marks[0].at <= this.#queued - left)) {
      const { answer } = this.#marks.shift() as Mark;
      this.#events.onMark(answer);
    }
    if (this.#full && left < roomMs) {
      this.#full = false;
      this.#events.onFull(false);
    }
    if (this.#reportDrained && left <= 0) {
      this.#reportDrained = false;
      this.#events.onDrained();
    }
    this.#watch();
  };

  #watch(): void {
    if (this.#closed || this.#timer) return;
    if (this.#marks.length > 0 || this.#full || this.#reportDrained)
      this.#timer = this.#clock.setTimer(lookMs, this.#look, 'media stream');
  }
}
