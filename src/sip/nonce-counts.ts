/** Which uses of a nonce have been seen (RFC 7616 §3.4.5): each count once, a few of them out of order. */

interface Use {
  readonly issued: number;
  highest: number;
  /** Bit n: `highest` − n was used. */
  seen: number;
}

/** Counts below the highest one that may still come. */
const window = 32;
/** More nonces than this in use: the oldest are given up, and challenged anew. */
const most = 100_000;

export class NonceCounts {
  readonly #lifetime: number;
  /** In the order of their first use. */
  readonly #uses = new Map<string, Use>();
  /** Nonces issued until then are not remembered any more. */
  #forgotten = Number.NEGATIVE_INFINITY;

  /** @param lifetime ms after which nobody asks for a nonce any more */
  constructor(lifetime: number) {
    this.#lifetime = lifetime;
  }

  get size(): number {
    return this.#uses.size;
  }

  /** @returns false when this count was used before, or may have been */
  use(nonce: string, issued: number, count: number, now: number): boolean {
    this.#forget(now);
    if (count < 1) return false;
    const use = this.#uses.get(nonce);
    if (!use) {
      if (issued <= this.#forgotten) return false;
      this.#uses.set(nonce, { issued, highest: count, seen: 1 });
      return true;
    }
    const behind = use.highest - count;
    if (behind >= window) return false;
    if (behind >= 0) {
      const bit = 1 << behind;
      if (use.seen & bit) return false;
      use.seen |= bit;
      return true;
    }
    use.seen = -behind >= window ? 1 : (use.seen << -behind) | 1;
    use.highest = count;
    return true;
  }

  #forget(now: number): void {
    for (const [nonce, { issued }] of this.#uses) {
      const full = this.#uses.size >= most;
      if (!full && now - issued <= this.#lifetime) break;
      this.#uses.delete(nonce);
      if (full) this.#forgotten = Math.max(this.#forgotten, issued);
    }
  }
}
