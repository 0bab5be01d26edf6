/** Tells once when nothing has been received for a while. One timer, that looks again when it could be so. */
import type { Clock, Timer } from '../../src/base/clock.ts';

export class SilenceWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #heardAt: () => number;
  readonly #onSilence: (silentMs: number) => void;
  #timer: Timer | undefined;

  /** @param limitMs 0 = never; @param heardAt ms on the clock, −∞ before the first packet */
  constructor(clock: Clock, limitMs: number, heardAt: () => number, onSilence: (silentMs: number) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#heardAt = heardAt;
    this.#onSilence = onSilence;
  }

  get timers(): number {
    return this.#timer ? 1 : 0;
  }

  /** Begins anew: silence counts from now. @param listening false on hold, where silence is no fault */
  restart(listening: boolean): void {
    this.close();
    if (this.#limitMs === 0 || !listening) return;
    this.#look(this.#limitMs, this.#clock.now());
  }

  #look(delayMs: number, since: number): void {
    const look = (): void => {
      this.#timer = undefined;
      const silent = this.#clock.now() - Math.max(this.#heardAt(), since);
      if (silent < this.#limitMs) this.#look(this.#limitMs - silent, since);
      else this.#onSilence(Math.round(silent));
    };
    this.#timer = this.#clock.setTimer(delayMs, look, 'rtp timeout');
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
