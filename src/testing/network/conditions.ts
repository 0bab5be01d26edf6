/** What a way from one host to another does to datagrams, decided by a seed. */
import type { Random } from '../../base/random.ts';
import { chance, fraction } from '../seeded-random.ts';

/** Times in milliseconds, shares from 0 to 1. */
export interface Conditions {
  /** From one end to the other; default 1. */
  readonly delayMs: number;
  /** Up to so much more, different for each datagram; their order stays. Default 0. */
  readonly jitterMs: number;
  /** Share that never arrives. On a stream it arrives later. Default 0. */
  readonly loss: number;
  /** Share that is held up for `reorderMs`, so that what was sent behind it arrives before. Default 0. */
  readonly reorder: number;
  /** Default 30, more than the time between two RTP packets. */
  readonly reorderMs: number;
  /** Share that arrives twice. Default 0. */
  readonly duplicate: number;
  /** Share of the writes to a stream that arrive in pieces. Default 0. */
  readonly split: number;
}

export const fineConditions: Conditions = {
  delayMs: 1,
  jitterMs: 0,
  loss: 0,
  reorder: 0,
  reorderMs: 30,
  duplicate: 0,
  split: 0,
};

/** One direction between two hosts. */
export class Way {
  conditions: Conditions;
  /** Nothing gets through. */
  cut = false;
  readonly #random: Random;
  /** When the latest datagram in order arrives. */
  #latest = 0;

  constructor(random: Random, conditions: Conditions) {
    this.#random = random;
    this.conditions = conditions;
  }

  /** When a datagram that is sent now arrives: once, twice, or never. */
  arrivals(now: number): readonly number[] {
    const { loss, reorder, reorderMs, duplicate } = this.conditions;
    if (chance(this.#random, loss)) return [];
    const inOrder = this.#inOrder(now);
    const late = chance(this.#random, reorder);
    const first = late ? inOrder + reorderMs : inOrder;
    if (!late) this.#latest = inOrder;
    return chance(this.#random, duplicate) ? [first, first + fraction(this.#random) * reorderMs] : [first];
  }

  /** When bytes of a stream arrive, not before `after`: what is lost is sent again. */
  streamArrival(now: number, after: number): number {
    let resent = 0;
    let timeout = firstTimeoutMs;
    while (resent < mostResent && chance(this.#random, this.conditions.loss)) {
      resent += timeout;
      timeout *= 2;
    }
    return Math.max(after, this.#inOrder(now) + resent);
  }

  /** How many of `length` bytes of a stream arrive as a piece of their own; undefined: all. */
  cutAt(length: number): number | undefined {
    if (!chance(this.#random, this.conditions.split)) return undefined;
    return 1 + Math.floor(fraction(this.#random) * (length - 1));
  }

  #inOrder(now: number): number {
    const { delayMs, jitterMs } = this.conditions;
    const jitter = jitterMs > 0 ? fraction(this.#random) * jitterMs : 0;
    return Math.max(this.#latest, now + delayMs + jitter);
  }
}

/** TCP's first timeout (RFC 6298 lets it be as short as a system likes; Linux: 200 ms). */
const firstTimeoutMs = 200;
const mostResent = 10_000;
