/** A cache of work in progress and of its results, bounded by their bytes. */

/** What an entry costs beside its result, so that empty results are bounded too. */
const overheadBytes = 512;

interface Entry<T> {
  readonly result: Promise<T>;
  /** 0 until the work is done. */
  bytes: number;
}

export class LruCache<T> {
  readonly #maxBytes: number;
  /** In order of last use, oldest first. */
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the results held. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The result under `key`; made once, however many ask for it meanwhile. A failure is not kept. */
  get(key: string, make: () => Promise<{ readonly value: T; readonly bytes: number }>): Promise<T> {
    const known = this.find(key);
    if (known) return known;
    const entry: Entry<T> = {
      bytes: 0,
      result: make().then(
        ({ value, bytes }) => {
          if (this.#entries.get(key) === entry) {
            entry.bytes = bytes + overheadBytes;
            this.#bytes += entry.bytes;
            if (entry.bytes > this.#maxBytes) this.#remove(key, entry);
            else this.#trim();
          }
          return value;
        },
        (error: unknown) => {
          if (this.#entries.get(key) === entry) this.#entries.delete(key);
          throw error;
        },
      ),
    };
    this.#entries.set(key, entry);
    return entry.result;
  }

  /** The result under `key`, if it was made or is being made. */
  find(key: string): Promise<T> | undefined {
    const known = this.#entries.get(key);
    if (!known) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, known);
    return known.result;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** What others still hold lives on; the cache only forgets it. Work that is not done is never forgotten. */
  #trim(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      if (entry.bytes === 0) continue;
      this.#remove(key, entry);
    }
  }

  #remove(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
