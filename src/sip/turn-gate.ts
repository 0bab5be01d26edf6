/**
 * Several messages may be worked on in one turn of the event loop, but the user of a new dialog sets its
 * callbacks after a promise has settled. What comes before waits here for the next turn.
 */
import type { SipCore } from './core.ts';

export class TurnGate {
  readonly #core: SipCore;
  #waiting: (() => void)[] | undefined;

  constructor(core: SipCore) {
    this.#core = core;
  }

  /** Holds back everything until the next turn. */
  shut(): void {
    if (this.#waiting) return;
    this.#waiting = [];
    this.#core.nextTurn(() => {
      const calls = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const call of calls) this.#core.guard(call);
    });
  }

  /** Calls the user now, or on the next turn. */
  run(call: () => void): void {
    if (this.#waiting) this.#waiting.push(call);
    else this.#core.guard(call);
  }
}
