/**
 * Answers of DNS that are used again for a few seconds: a call asks several times, and a busy server the same names
 * all day. What is being asked is asked once. The system's resolver may keep answers longer, by their own times.
 */
import type { Clock } from '../base/clock.ts';
import type { Resolver } from '../base/io.ts';

const keepMs = 10_000;
const maxEntries = 10_000;
/** Of one answer; who a peer's URI is looked up at may have thousands. */
export const maxRecords = 32;

interface Entry {
  readonly until: number;
  readonly answer: Promise<readonly unknown[]>;
}

export class DnsCache implements Resolver {
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(resolver: Resolver, clock: Clock) {
    this.#resolver = resolver;
    this.#clock = clock;
  }

  /** Answers that are kept. */
  get size(): number {
    return this.#entries.size;
  }

  lookup(host: string): ReturnType<Resolver['lookup']> {
    return this.#ask(`A ${host}`, () => this.#resolver.lookup(host));
  }

  srv(name: string): ReturnType<NonNullable<Resolver['srv']>> {
    return this.#ask(`SRV ${name}`, async () => (await this.#resolver.srv?.(name)) ?? []);
  }

  naptr(name: string): ReturnType<NonNullable<Resolver['naptr']>> {
    return this.#ask(`NAPTR ${name}`, async () => (await this.#resolver.naptr?.(name)) ?? []);
  }

  #ask<T>(key: string, ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
    const now = this.#clock.now();
    const known = this.#entries.get(key);
    if (known && now < known.until) return known.answer as Promise<readonly T[]>;
    // The oldest go first: they were put in first.
    this.#entries.delete(key);
    if (this.#entries.size >= maxEntries) this.#entries.delete(this.#entries.keys().next().value as string);
    const answer = ask().then((records) => records.slice(0, maxRecords));
    const entry: Entry = { until: now + keepMs, answer };
    this.#entries.set(key, entry);
    // A failure may be over the next moment.
    answer.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return answer;
  }
}
