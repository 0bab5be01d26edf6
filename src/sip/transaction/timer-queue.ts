/**
 * Many timers on one: a binary heap of due times over a single `Clock` timer. A transaction arms
 * three to five timers and cancels most of them, so they must cost neither a closure nor a Clock
 * timer each.
 */
import type { Clock, Timer } from '../../base/clock.ts';

export interface TimerOwner<Name extends string = string> {
  onTimer(name: Name): void;
}

export class QueuedTimer {
  readonly name: string;
  readonly owner: TimerOwner<never>;
  readonly due: number;
  readonly order: number;
  /** Place in the heap; −1 when it is no longer there. */
  index = -1;

  constructor(name: string, owner: TimerOwner<never>, due: number, order: number) {
    this.name = name;
    this.owner = owner;
    this.due = due;
    this.order = order;
  }
}

export class TimerQueue {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #heap: QueuedTimer[] = [];
  #order = 0;
  #alarm: Timer | undefined;
  #alarmDue = Number.POSITIVE_INFINITY;
  #firing = false;

  /** @param onError told of an owner that threw; the other timers go on. */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Timers that wait. */
  get size(): number {
    return this.#heap.length;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Calls `owner.onTimer(name)` once, `delayMs` from now. Timers due together fire in the order they were set. */
  set<Name extends string>(owner: TimerOwner<Name>, name: Name, delayMs: number): QueuedTimer {
    const timer = new QueuedTimer(name, owner as TimerOwner<never>, this.#clock.now() + delayMs, this.#order++);
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1, timer);
    if (!this.#firing) this.#arm();
    return timer;
  }

  /** Idempotent; also for a timer that has fired. */
  cancel(timer: QueuedTimer | undefined): void {
    if (!timer || timer.index < 0) return;
    this.#remove(timer.index);
    // A later first timer is found when the alarm goes off; only an empty queue must leave nothing behind.
    if (this.#heap.length === 0 && !this.#firing) this.#arm();
  }

  /** Drops every timer. */
  clear(): void {
    for (const timer of this.#heap) timer.index = -1;
    this.#heap.length = 0;
    this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first) {
      this.#alarm?.cancel();
      this.#alarm = undefined;
      this.#alarmDue = Number.POSITIVE_INFINITY;
      return;
    }
    if (first.due >= this.#alarmDue) return;
    this.#alarm?.cancel();
    this.#alarmDue = first.due;
    this.#alarm = this.#clock.setTimer(Math.max(0, first.due - this.#clock.now()), this.#fire);
  }

  readonly #fire = (): void => {
    this.#alarm = undefined;
    this.#alarmDue = Number.POSITIVE_INFINITY;
    // Timers set by the owners below are later ones: they wait for the next alarm, so this loop ends.
    const last = this.#order;
    // Node's timers may be up to a millisecond early against its monotonic clock.
    const now = this.#clock.now() + 1;
    this.#firing = true;
    for (;;) {
      const timer = this.#heap[0];
      if (!timer || timer.due >= now || timer.order >= last) break;
      this.#remove(0);
      try {
        timer.owner.onTimer(timer.name as never);
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#firing = false;
    this.#arm();
  };

  #remove(index: number): void {
    const heap = this.#heap;
    const removed = heap[index] as QueuedTimer;
    removed.index = -1;
    const last = heap.pop() as QueuedTimer;
    if (last === removed) return;
    if (index > 0 && before(last, heap[(index - 1) >> 1] as QueuedTimer)) this.#up(index, last);
    else this.#down(index, last);
  }

  #up(from: number, timer: QueuedTimer): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as QueuedTimer;
      if (!before(timer, parent)) break;
      heap[index] = parent;
      parent.index = index;
      index = parentIndex;
    }
    heap[index] = timer;
    timer.index = index;
  }

  #down(from: number, timer: QueuedTimer): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      if (!child) break;
      const right = heap[childIndex + 1];
      if (right && before(right, child)) {
        child = right;
        childIndex++;
      }
      if (!before(child, timer)) break;
      heap[index] = child;
      child.index = index;
      index = childIndex;
    }
    heap[index] = timer;
    timer.index = index;
  }
}

function before(a: QueuedTimer, b: QueuedTimer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
