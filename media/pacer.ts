/**
 * The one beat of an engine: every stream is called each 20 ms, at one of 20 slots 1 ms apart, so that
 * a thousand streams are not a thousand packets at once. The schedule is absolute: a slot is due at
 * `origin + n · 20 ms + slot`, whenever the timer really fired, so nothing drifts. A tick that is late
 * by more than 40 ms is not made up: the stream jumps to its present slot and is told how many it missed.
 */
import type { Clock, Timer } from '../src/base/clock.ts';

/** ms between two calls of a stream. */
export const beatMs = 20;
const slots = 20;
const slotMs = beatMs / slots;
const latestMs = 40;

export interface PacedStream {
  /**
   * @param due ms on the clock: when this tick was to happen
   * @param skipped ticks that were left out before it
   * @returns false when the stream wants no more
   */
  tick(due: number, skipped: number): boolean;
}

interface Slot {
  readonly streams: Set<PacedStream>;
  due: number;
}

export class Pacer {
  readonly #clock: Clock;
  readonly #slots: readonly Slot[] = Array.from({ length: slots }, () => ({ streams: new Set<PacedStream>(), due: 0 }));
  readonly #slotOf = new Map<PacedStream, Slot>();
  readonly #onError: (stream: PacedStream, error: unknown) => void;
  readonly #onTurn: () => void;
  #origin: number | undefined;
  #timer: Timer | undefined;
  #timerDue = 0;

  /** @param onError a stream threw; it is no longer called. @param onTurn after each wake-up */
  constructor(clock: Clock, onError: (stream: PacedStream, error: unknown) => void, onTurn: () => void = () => {}) {
    this.#clock = clock;
    this.#onError = onError;
    this.#onTurn = onTurn;
  }

  /** Streams that are called. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** 1 while a timer is set, else 0: an engine with nothing to send has none. */
  get timers(): number {
    return this.#timer ? 1 : 0;
  }

  /** Calls `stream` from its next slot on; the emptiest slot is taken, and of these the one due first. */
  add(stream: PacedStream): void {
    if (this.#slotOf.has(stream)) return;
    const now = this.#clock.now();
    this.#origin ??= now;
    const first = Math.floor((now - this.#origin) / slotMs) + 1;
    let best = first % slots;
    let wait = 0;
    for (let i = 1; i < slots; i++) {
      const index = (first + i) % slots;
      if (this.#slots[index]!.streams.size < this.#slots[best]!.streams.size) {
        best = index;
        wait = i;
      }
    }
    const slot = this.#slots[best]!;
    if (slot.streams.size === 0) slot.due = this.#origin + (first + wait) * slotMs;
    slot.streams.add(stream);
    this.#slotOf.set(stream, slot);
    this.#arm(slot.due);
  }

  remove(stream: PacedStream): void {
    this.#slotOf.get(stream)?.streams.delete(stream);
    if (this.#slotOf.delete(stream) && this.#slotOf.size === 0) this.close();
  }

  has(stream: PacedStream): boolean {
    return this.#slotOf.has(stream);
  }

  /** Sets no more timers until the next `add`. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(due: number): void {
    if (this.#timer && this.#timerDue <= due) return;
    this.#timer?.cancel();
    this.#timerDue = due;
    this.#timer = this.#clock.setTimer(Math.max(0, due - this.#clock.now()), this.#fire, 'pacer');
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#wake();
  };

  #wake(): void {
    const now = this.#clock.now();
    for (const slot of this.#slots) {
      while (slot.streams.size > 0 && slot.due <= now) {
        const late = now - slot.due;
        const skipped = late > latestMs ? Math.floor(late / beatMs) : 0;
        const due = slot.due + skipped * beatMs;
        slot.due = due + beatMs;
        for (const stream of slot.streams) this.#tick(stream, due, skipped);
      }
    }
    this.#onTurn();
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots) if (slot.streams.size > 0 && slot.due < next) next = slot.due;
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }

  #tick(stream: PacedStream, due: number, skipped: number): void {
    try {
      if (!stream.tick(due, skipped)) this.remove(stream);
    } catch (error) {
      this.remove(stream);
      this.#onError(stream, error);
    }
  }
}
