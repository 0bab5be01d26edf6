/**
 * How far ahead audio is written of where it is read, when the two go by different clocks: a sender's is off by up to some
 * hundred parts per million, which is a second in every few hours. Pure: told of every packet, it says when to move by a
 * sample.
 */

/** Packets over which the lead is averaged: the jitter of the way evens out. */
const averaged = 256;
/** Packets after which the average is worth keeping to. */
const settled = 64;
/** ms that the average may be off. */
const slackMs = 5;

export class Drift {
  readonly #slack: number;
  #packets = 0;
  #mean = 0;
  /** The average at the beginning. */
  #kept: number | undefined;

  /** @param rate samples per second */
  constructor(rate: number) {
    this.#slack = (rate * slackMs) / 1000;
  }

  /** Another timeline begins: it comes to where the one before was, too. */
  reset(): void {
    this.#packets = 0;
  }

  /** @param lead samples between where a packet is written and where is read @returns by how many to move it: −1, 0 or 1 */
  packet(lead: number): -1 | 0 | 1 {
    this.#packets = Math.min(this.#packets + 1, averaged);
    this.#mean += (lead - this.#mean) / this.#packets;
    if (this.#packets <= settled) return 0;
    this.#kept ??= this.#mean;
    const off = this.#mean - this.#kept;
    if (Math.abs(off) <= this.#slack) return 0;
    const move = off > 0 ? -1 : 1;
    this.#mean += move;
    return move;
  }
}
