/** Sources one after the other, without a seam: a packet may hold the end of one and the beginning of the next. */
import type { AudioCodec } from './codec/index.ts';
import type { FrameSource } from './playback.ts';
import type { ItemSnapshot } from './snapshot.ts';

export class PlaylistSource implements FrameSource {
  readonly #items: readonly FrameSource[];
  #index = 0;
  /** ms of the items before the present one. */
  #before = 0;

  constructor(items: readonly FrameSource[]) {
    this.#items = items;
  }

  read(out: Uint8Array, offset: number, count: number): number {
    let filled = 0;
    while (filled < count) {
      const item = this.#items[this.#index];
      if (!item) break;
      filled += item.read(out, offset + filled, count - filled);
      if (filled === count || !item.atEnd || this.#index === this.#items.length - 1) break;
      this.#before += item.position;
      this.#index++;
    }
    return filled;
  }

  get atEnd(): boolean {
    return this.#index >= this.#items.length - 1 && (this.#items[this.#index]?.atEnd ?? true);
  }

  get position(): number {
    return this.#before + (this.#items[this.#index]?.position ?? 0);
  }

  get length(): number | undefined {
    let sum = 0;
    for (const { length } of this.#items) {
      if (length === undefined) return undefined;
      sum += length;
    }
    return sum;
  }

  get seekable(): boolean {
    return this.#items.every(({ seekable }) => seekable);
  }

  /** Does not go back to where a stream was, or would have to be begun again. */
  seek(ms: number): boolean {
    let index = 0;
    let before = 0;
    for (; index < this.#items.length - 1; index++) {
      const { length } = this.#items[index]!;
      if (length === undefined || ms < before + length) break;
      before += length;
    }
    const rest = this.#items.slice(index);
    if (index < this.#index && rest.some(({ seekable, position }) => !seekable && position > 0)) return false;
    this.#index = index;
    this.#before = before;
    const [item, ...later] = rest;
    for (const other of later) other.seek(0);
    return item?.seek(ms - before) ?? true;
  }

  recode(codec: AudioCodec): boolean {
    return this.#items.map((item) => item.recode(codec)).every((fits) => fits);
  }

  get origin() {
    const items: ItemSnapshot[] = [];
    for (const { origin } of this.#items) {
      if (!origin || origin.kind === 'list') return undefined;
      items.push(origin);
    }
    return { kind: 'list', items } as const;
  }
}
