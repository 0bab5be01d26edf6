/**
 * One stream under one key as its sender counts it. Where its state is kept so that another process can go on from it, it
 * has a mark: whoever goes on begins there, so nothing is sent at or above it until a state with a higher one is safe.
 */
import { type IndexState, skipIndices } from './packet-index.ts';

/** Indices from where a stream stands to a new mark. */
export const reservedIndices = 1000;
/** With fewer left, a new mark is asked for. */
const fewIndices = reservedIndices / 2;

/** Plain data: part of a leg's snapshot. */
export interface SentState extends IndexState {
  /** The first index for whoever goes on from this state; undefined where none is reserved. */
  mark?: number;
}

export class SentStream {
  readonly state: SentState;
  /** The first index that must not be sent yet. */
  limit = Number.POSITIVE_INFINITY;
  /** From here on a new mark is needed. */
  low = Number.POSITIVE_INFINITY;
  /** Where the stream would stand, had it been let. */
  #wanted: number;

  constructor(state: SentState) {
    this.state = state;
    this.#wanted = state.highest;
  }

  /** Nothing may be sent. */
  get full(): boolean {
    return Math.max(this.#wanted, this.state.highest) + 1 >= this.limit;
  }

  refused(index: number): void {
    this.#wanted = Math.max(this.#wanted, index);
  }

  /** Nothing is sent before a state of it is safe: there is another, from which somebody may go on here. */
  hold(): void {
    this.limit = this.state.highest + 1;
    this.low = Number.POSITIVE_INFINITY;
  }

  /**
   * Its state is about to be told. @param waiting for a mark that is not safe yet: there is no other meanwhile
   * @returns whether it has a mark now that has to be safe before it counts
   */
  reserve(waiting: boolean): boolean {
    const at = Math.max(this.#wanted, this.state.highest);
    if (this.limit === Number.POSITIVE_INFINITY) {
      // No state of before speaks of this stream: nobody can go on below.
      this.state.mark = at + reservedIndices;
      this.safe();
      return false;
    }
    if (waiting || at < this.limit - fewIndices) return false;
    this.state.mark = at + reservedIndices;
    return true;
  }

  /** A state with its mark is safe. */
  safe(): void {
    if (this.state.mark === undefined) return;
    this.limit = this.state.mark;
    this.low = this.limit - fewIndices;
  }

  /**
   * Leaves out what may have been sent since its state was taken.
   * @param guess for a state without a mark. @returns how many indices
   */
  leaveOut(guess: number): number {
    const { mark, highest } = this.state;
    const count = mark === undefined ? guess : mark - 1 - highest;
    skipIndices(this.state, count);
    this.#wanted = this.state.highest;
    return count;
  }
}
