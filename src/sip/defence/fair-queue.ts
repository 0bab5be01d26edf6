/** A queue in which sources take turns: many of one wait for each other, and the few of another not for them. */
export class FairQueue<T> {
  /** In the order of their turns. */
  readonly #lines = new Map<string, Line<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(source: string, item: T): void {
    let line = this.#lines.get(source);
    if (!line) {
      line = new Line();
      this.#lines.set(source, line);
    }
    line.push(item);
    this.#size++;
  }

  /** The next one of the source whose turn it is. */
  take(): T | undefined {
    const [next] = this.#lines;
    if (!next) return undefined;
    const [source, line] = next;
    this.#lines.delete(source);
    const item = line.shift();
    if (line.length > 0) this.#lines.set(source, line);
    this.#size--;
    return item;
  }

  clear(): void {
    this.#lines.clear();
    this.#size = 0;
  }
}

/** First in, first out. `Array.shift` moves all that is behind, which is 20 µs where twenty thousand wait. */
class Line<T> {
  #items: T[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Only while there is one. */
  shift(): T {
    const item = this.#items[this.#taken++] as T;
    if (this.#taken > this.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}
