/** Where messages come from, and what is kept of each source: flat memory, whoever sends from however many addresses. */
import { addressBytes, isMapped } from '../cidr.ts';

/**
 * What limits and bans are for: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address of it has
 * them all (RFC 6177).
 * @param address numeric; other text stands for itself
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const bytes = addressBytes(address);
  if (!bytes) return address;
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups = [0, 2, 4, 6].map((i) => (((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  return `${groups.join(':')}::/64`;
}

/** A map that forgets what was put in first when it is full. */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** Puts it last: what is set again and again stays. */
  set(key: string, value: V): void {
    if (!this.#entries.delete(key) && this.#entries.size >= this.#limit) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest as string);
    }
    this.#entries.set(key, value);
  }

  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  /** The oldest first. */
  entries(): IterableIterator<[string, V]> {
    return this.#entries.entries();
  }
}

/** How many of something each source has at the moment. As large as what it counts. */
export class Shares {
  readonly #counts = new Map<string, number>();

  of(source: string): number {
    return this.#counts.get(source) ?? 0;
  }

  add(source: string): void {
    this.#counts.set(source, this.of(source) + 1);
  }

  remove(source: string): void {
    const left = this.of(source) - 1;
    if (left > 0) this.#counts.set(source, left);
    else this.#counts.delete(source);
  }
}
