/**
 * How long a packet has to be kept so that those that come later than the fastest are still in time: the spread of
 * transit times (arrival minus timestamp) over the last seconds. The fastest packets are the reference, so that a drift
 * between the two clocks moves it; one straggler in a window does not count.
 */

/** How long audio is kept before it is played, ms. */
export interface JitterBufferOptions {
  /** `adaptive`: as long as the stream needs, from `min` to `max`; `fixed`: always `min`. */
  readonly mode: 'adaptive' | 'fixed';
  readonly min: number;
  readonly max: number;
}

export const defaultJitterBuffer: JitterBufferOptions = { mode: 'adaptive', min: 40, max: 200 };

/** ms; the last two windows count. */
const windowMs = 4000;

interface Window {
  low: number;
  high: number;
  /** The highest but one. */
  second: number;
}

const emptyWindow = (): Window => ({
  low: Number.POSITIVE_INFINITY,
  high: Number.NEGATIVE_INFINITY,
  second: Number.NEGATIVE_INFINITY,
});

export class DelayEstimate {
  readonly #options: JitterBufferOptions;
  #current = emptyWindow();
  #before = emptyWindow();
  #since = Number.NaN;
  /** What was needed before a new start. */
  #learnt = 0;

  constructor(options: JitterBufferOptions) {
    this.#options = options;
  }

  /** @param transit ms, against any origin that stays; @param now ms on the same clock as the arrival */
  packet(transit: number, now: number): void {
    if (Number.isNaN(this.#since)) this.#since = now;
    const age = now - this.#since;
    if (age >= windowMs) {
      this.#before = age >= 2 * windowMs ? emptyWindow() : this.#current;
      this.#current = emptyWindow();
      this.#since = now;
      this.#learnt = 0;
    }
    const window = this.#current;
    if (transit < window.low) window.low = transit;
    if (transit > window.high) {
      window.second = window.high;
      window.high = transit;
    } else if (transit > window.second) window.second = transit;
  }

  /** Transit of the fastest packets, ms; NaN before the first. */
  get base(): number {
    const low = Math.min(this.#current.low, this.#before.low);
    return low === Number.POSITIVE_INFINITY ? Number.NaN : low;
  }

  /** ms that a packet as fast as any is to be kept. */
  get target(): number {
    const { mode, min, max } = this.#options;
    if (mode === 'fixed') return min;
    const spread = Math.max(this.#current.second, this.#before.second) - this.base;
    return Math.min(max, Math.max(min, this.#learnt, spread || 0));
  }

  /** Another timeline begins; the network is taken to be the same. */
  restart(): void {
    this.#learnt = this.target;
    this.#current = emptyWindow();
    this.#before = emptyWindow();
    this.#since = Number.NaN;
  }
}
