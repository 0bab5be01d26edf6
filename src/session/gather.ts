/** Collecting digits: how many, until which key, for how long. */
import type { Clock, Timer } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';

export interface GatherOptions {
  /** Most digits to take; default no limit. */
  readonly digits?: number;
  /** Keys that end the input and are not part of it; default `#`. */
  readonly terminators?: string;
  /** Milliseconds to wait for the first digit, from the end of `play`; default 5000. */
  readonly timeout?: number;
  /** Milliseconds to wait for each further digit; default 3000. */
  readonly interDigitTimeout?: number;
}

export interface GatherResult {
  readonly digits: string;
  readonly end: 'digits' | 'terminator' | 'timeout' | 'speech';
  /** What was said, where `speech` was asked for and it came before any key. */
  readonly speech?: string;
}

/** Takes digits one by one and says when the input is complete. One use; `stop` ends it unheard. */
export class DigitCollector {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #terminators: string;
  readonly #timeout: number;
  readonly #interDigitTimeout: number;
  readonly #done: (result: GatherResult) => void;
  #digits = '';
  #timer: Timer | undefined;
  #open = true;

  constructor(clock: Clock, options: GatherOptions, done: (result: GatherResult) => void) {
    this.#clock = clock;
    this.#most = options.digits ?? Number.POSITIVE_INFINITY;
    this.#terminators = options.terminators ?? '#';
    this.#timeout = options.timeout ?? 5000;
    this.#interDigitTimeout = options.interDigitTimeout ?? 3000;
    this.#done = done;
    if (!(this.#most >= 1))
      throw new TandemError('ERR_ARGUMENT', `gather: digits must be 1 or more, not ${options.digits}`);
    for (const [name, value] of [
      ['timeout', this.#timeout],
      ['interDigitTimeout', this.#interDigitTimeout],
    ] as const) {
      if (!(value >= 0)) throw new TandemError('ERR_ARGUMENT', `gather: ${name} must be milliseconds, not ${value}`);
    }
  }

  get open(): boolean {
    return this.#open;
  }

  /** Starts waiting for the first digit, unless one has come already. */
  wait(): void {
    if (this.#open && this.#digits === '') this.#arm(this.#timeout);
  }

  push(digit: string): void {
    if (!this.#open) return;
    if (this.#terminators.includes(digit)) {
      this.#end('terminator');
      return;
    }
    this.#digits += digit;
    if (this.#digits.length >= this.#most) this.#end('digits');
    else this.#arm(this.#interDigitTimeout);
  }

  stop(): void {
    this.#open = false;
    this.#timer?.cancel();
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(ms, () => this.#end('timeout'), 'gather');
  }

  #end(end: GatherResult['end']): void {
    this.stop();
    this.#done({ digits: this.#digits, end });
  }
}
