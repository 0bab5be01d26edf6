/** A binary heap of what falls due: the earliest first, and of those due together the one added first. */

export interface Due {
  readonly due: number;
  /** Rises with each one added. */
  readonly order: number;
  /** Place in the heap; −1 outside of it. */
  index: number;
}

export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The next to fall due. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** In no particular order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }

  add(item: T): void {
    this.#items.push(item);
    this.#up(this.#items.length - 1, item);
  }

  /** @returns false for one that is not in the heap (any more) */
  remove(item: T): boolean {
    const { index } = item;
    if (index < 0) return false;
    const items = this.#items;
    item.index = -1;
    const last = items.pop() as T;
    if (last === item) return true;
    if (index > 0 && before(last, items[(index - 1) >> 1] as T)) this.#up(index, last);
    else this.#down(index, last);
    return true;
  }

  clear(): void {
    for (const item of this.#items) item.index = -1;
    this.#items.length = 0;
  }

  #up(from: number, item: T): void {
    const items = this.#items;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex] as T;
      if (!before(item, parent)) break;
      items[index] = parent;
      parent.index = index;
      index = parentIndex;
    }
    items[index] = item;
    item.index = index;
  }

  #down(from: number, item: T): void {
    const items = this.#items;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = items[childIndex];
      if (!child) break;
      const right = items[childIndex + 1];
      if (right && before(right, child)) {
        child = right;
        childIndex++;
      }
      if (!before(child, item)) break;
      items[index] = child;
      child.index = index;
      index = childIndex;
    }
    items[index] = item;
    item.index = index;
  }
}

function before(a: Due, b: Due): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
