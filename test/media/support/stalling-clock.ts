import type { Clock } from '../../../src/base/clock.ts';

/** A clock whose timers fire late, by as much as the test says. */
export class StallingClock implements Clock {
  time = 0;
  #timers: { due: number; fire: () => void }[] = [];
  now = (): number => this.time;
  wallclock = (): number => this.time;

  setTimer(delay: number, fire: () => void) {
    const timer = { due: this.time + delay, fire };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** Moves to `time` at once, then fires what is due by then. */
  jump(time: number): void {
    this.time = time;
    for (const timer of this.#timers.filter(({ due }) => due <= time)) {
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.fire();
    }
  }
}
