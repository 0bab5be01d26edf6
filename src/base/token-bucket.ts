/** A token bucket: what may be used up at once, and how fast it comes back. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** Full. @param rate tokens per second @param now ms */
  constructor(rate: number, burst: number, now: number) {
    this.#perMs = rate / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Whether there is a whole token. */
  has(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= 1;
  }

  /** Takes `count`, or all that there is. @returns whether there was as much */
  take(count: number, now: number): boolean {
    this.#refill(now);
    const enough = this.#tokens >= count;
    this.#tokens = Math.max(0, this.#tokens - count);
    return enough;
  }

  give(count: number, now: number): void {
    this.#refill(now);
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }

  #refill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
