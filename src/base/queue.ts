/**
 * The async edge of a synchronous stream: a bounded queue that drops the oldest and counts,
 * read with `for await`. One reader at a time.
 */
export class BoundedQueue<T> implements AsyncIterableIterator<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #waiting: ((result: IteratorResult<T>) => void) | undefined;
  #closed = false;
  #dropped = 0;
  readonly #onReturn: (() => void) | undefined;

  /** @param limit most items held; @param onReturn called once when the reader leaves the loop. */
  constructor(limit: number, onReturn?: () => void) {
    this.#limit = limit;
    this.#onReturn = onReturn;
  }

  /** How many items the reader was too slow for. */
  get dropped(): number {
    return this.#dropped;
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    if (this.#closed) return;
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting({ done: false, value: item });
      return;
    }
    if (this.#items.length === this.#limit) {
      this.#items.shift();
      this.#dropped++;
    }
    this.#items.push(item);
  }

  /** What is queued can still be read; then the loop ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift() as T });
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<T>> {
    const first = !this.#closed;
    this.close();
    this.#items.length = 0;
    if (first) this.#onReturn?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
