/** A clock that stands still until a test moves it. Timers fire in the order of their due times. */
import type { Clock, Timer } from '../base/clock.ts';

interface Pending extends Timer {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #epoch: number;
  readonly #pending = new Set<Pending>();

  /** @param epoch Unix milliseconds at the clock's start. */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallclock(): number {
    return this.#epoch + this.#now;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer: Pending = {
      due: this.#now + Math.max(0, delayMs),
      order: this.#order++,
      fire,
      cancel: () => this.#pending.delete(timer),
    };
    this.#pending.add(timer);
    return timer;
  }

  /** How many timers wait: a test that ends with 0 leaks none. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Moves time on by `ms`, firing what falls due, and lets promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#next();
      if (!next || next.due > end) break;
      this.#now = Math.max(this.#now, next.due);
      this.#pending.delete(next);
      next.fire();
      await settle();
    }
    this.#now = end;
  }

  #next(): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#pending) {
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** Lets chains of promises run: one turn of the event loop drains every microtask. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
