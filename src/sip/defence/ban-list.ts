/** Who is banned, why and until when. A source that is banned again stays away for twice as long. */
import type { Clock } from '../../base/clock.ts';
import { BoundedMap } from './sources.ts';

export type BanReason = 'scanner' | 'malformed' | 'refused' | 'credentials' | 'manual';

export interface Ban {
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly address: string;
  readonly reason: BanReason;
  /** Unix milliseconds. */
  readonly since: number;
  readonly until: number;
}

interface Entry {
  readonly ban: Ban;
  /** Of the monotonic clock: a wall clock that is set frees nobody. */
  readonly end: number;
  /** How long the next one is, ms. */
  readonly next: number;
}

const limit = 10_000;
const longestMs = 86_400_000;
/** A source that gives no cause for so long after its ban is as good as new, ms. */
const forgetMs = 86_400_000;

export class BanList {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #entries = new BoundedMap<Entry>(limit);

  /** @param firstMs how long the first ban of a source is */
  constructor(clock: Clock, firstMs: number) {
    this.#clock = clock;
    this.#firstMs = firstMs;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  has(source: string): boolean {
    const entry = this.#entries.get(source);
    if (!entry) return false;
    const left = entry.end - this.#clock.now();
    if (left > 0) return true;
    if (left < -forgetMs) this.#entries.delete(source);
    return false;
  }

  /** @param forMs default: as long as the first one, doubled with each further ban, a day at most */
  add(source: string, reason: BanReason, forMs?: number): Ban {
    const now = this.#clock.now();
    const since = this.#clock.wallclock();
    const before = this.#entries.get(source);
    const known = before && now - before.end < forgetMs ? before.next : this.#firstMs;
    const duration = forMs ?? known;
    const ban = { address: source, reason, since, until: since + duration };
    // Longer bans on order stay as they are; only those of our own grow.
    const next = forMs === undefined ? Math.min(longestMs, Math.max(known, 1) * 2) : known;
    this.#entries.set(source, { ban, end: now + duration, next });
    return ban;
  }

  /** @returns whether it was banned */
  remove(source: string): boolean {
    const banned = this.has(source);
    this.#entries.delete(source);
    return banned;
  }

  /** Those that hold now, the oldest first. */
  get active(): Ban[] {
    const now = this.#clock.now();
    return [...this.#entries.entries()].filter(([, { end }]) => end > now).map(([, { ban }]) => ban);
  }
}
