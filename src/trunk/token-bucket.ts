/** So many a second, and as many at once after a pause. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #size: number;
  #tokens: number;
  #at: number;

  /** @param now milliseconds, monotonic */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#size = Math.max(1, perSecond);
    this.#tokens = this.#size;
    this.#at = now();
  }

  /** @returns false when there is none left for now */
  take(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(this.#size, this.#tokens + ((now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
