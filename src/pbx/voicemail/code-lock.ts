/** Who tries codes one after the other is not let in for a while, whichever of them it tries then. */
import type { Clock } from '../../base/clock.ts';

/** Wrong codes in a row, over all calls, until it is locked. */
const most = 9;
/** ms */
const lockedMs = 15 * 60_000;

export class CodeLock {
  readonly #clock: Clock;
  #wrong = 0;
  #until = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isLocked(): boolean {
    return this.#clock.now() < this.#until;
  }

  /** @returns whether it opens */
  try(code: string, right: string): boolean {
    if (this.isLocked) return false;
    if (code === right) {
      this.#wrong = 0;
      return true;
    }
    if (++this.#wrong >= most) {
      this.#wrong = 0;
      this.#until = this.#clock.now() + lockedMs;
    }
    return false;
  }
}
