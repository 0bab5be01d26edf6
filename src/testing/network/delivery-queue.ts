/** What is under way in the network, on one timer of the clock. */
import type { Clock, Timer } from '../../base/clock.ts';
import { type Due, DueHeap } from '../../base/due-heap.ts';

interface Delivery extends Due {
  readonly arrive: () => void;
}

export class DeliveryQueue {
  readonly #clock: Clock;
  readonly #heap = new DueHeap<Delivery>();
  #order = 0;
  #timer: Timer | undefined;
  #timerDue = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `arrive` at `due`, never from within this call. What arrives at one instant arrives in one turn. */
  add(due: number, arrive: () => void): void {
    this.#heap.add({ due, order: this.#order++, index: -1, arrive });
    this.#arm();
  }

  #arm(): void {
    const { first } = this.#heap;
    if (!first || (this.#timer && this.#timerDue <= first.due)) return;
    this.#timer?.cancel();
    this.#timerDue = first.due;
    this.#timer = this.#clock.setTimer(first.due - this.#clock.now(), this.#deliver, 'network');
  }

  readonly #deliver = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    // What is sent by those below arrives in a later turn, even if it takes no time.
    const last = this.#order;
    try {
      for (;;) {
        const { first } = this.#heap;
        if (!first || first.due > now || first.order >= last) break;
        this.#heap.remove(first);
        first.arrive();
      }
    } finally {
      this.#arm();
    }
  };

  /** What is under way is lost. */
  clear(): void {
    this.#heap.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
