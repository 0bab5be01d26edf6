/** A queue in which sources take turns: many of one wait for each other, and the few of another not for them. */
export class FairQueue<T> {
  /** In the order of their turns. */
  readonly #queues = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(source: string, item: T): void {
    const queue = this.#queues.get(source);
    if (queue) queue.push(item);
    else this.#queues.set(source, [item]);
    this.#size++;
  }

  /** The next one of the source whose turn it is. */
  take(): T | undefined {
    const [next] = this.#queues;
    if (!next) return undefined;
    const [source, queue] = next;
    this.#queues.delete(source);
    const item = queue.shift();
    if (queue.length > 0) this.#queues.set(source, queue);
    this.#size--;
    return item;
  }

  clear(): void {
    this.#queues.clear();
    this.#size = 0;
  }
}
