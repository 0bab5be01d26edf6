/**
 * Timers by the second, for as many calls as there are: setting and cancelling cost the same with one and with a
 * hundred thousand. The clock has one timer, for the second that comes next.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { type Due, DueHeap } from '../base/due-heap.ts';

/** All that falls due in one second. */
class Second implements Due {
  readonly due: number;
  readonly order = 0;
  index = -1;
  readonly timers = new Set<Waiting>();

  constructor(due: number) {
    this.due = due;
  }
}

export interface WheelTimer {
  /** Idempotent. */
  cancel(): void;
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #seconds = new Map<number, Second>();
  readonly #due = new DueHeap<Second>();
  #timer: Timer | undefined;
  #armedFor = 0;
  #closed = false;

  /** @param name of its timer in the clock */
  constructor(clock: Clock, name: string) {
    this.#clock = clock;
    this.#name = name;
  }

  /** Calls `fire` after so many seconds, at most one later. */
  set(seconds: number, fire: () => void): WheelTimer {
    const due = Math.ceil(this.#clock.now() / 1000 + seconds);
    let second = this.#seconds.get(due);
    if (!second) {
      second = new Second(due);
      this.#seconds.set(due, second);
      this.#due.add(second);
      this.#arm();
    }
    return new Waiting(second, fire, this.#onEmpty);
  }

  /** Nothing fires any more, neither what is set after this. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#seconds.clear();
    this.#due.clear();
  }

  readonly #onEmpty = (second: Second): void => {
    this.#drop(second);
    this.#arm();
  };

  #arm(): void {
    const { first } = this.#due;
    if (this.#timer && first?.due === this.#armedFor) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!first || this.#closed) return;
    this.#armedFor = first.due;
    const delay = Math.max(0, first.due * 1000 - this.#clock.now());
    this.#timer = this.#clock.setTimer(delay, () => this.#run(), this.#name);
  }

  #run(): void {
    this.#timer = undefined;
    for (let first = this.#due.first; first && first.due * 1000 <= this.#clock.now(); first = this.#due.first) {
      this.#drop(first);
      for (const timer of first.timers) timer.fire();
    }
    this.#arm();
  }

  #drop(second: Second): void {
    if (this.#due.remove(second)) this.#seconds.delete(second.due);
  }
}

class Waiting implements WheelTimer {
  readonly #second: Second;
  readonly #fire: () => void;
  readonly #onEmpty: (second: Second) => void;

  constructor(second: Second, fire: () => void, onEmpty: (second: Second) => void) {
    this.#second = second;
    this.#fire = fire;
    this.#onEmpty = onEmpty;
    second.timers.add(this);
  }

  fire(): void {
    this.#second.timers.delete(this);
    this.#fire();
  }

  cancel(): void {
    const { timers } = this.#second;
    if (timers.delete(this) && timers.size === 0) this.#onEmpty(this.#second);
  }
}
