/**
 * Many timers on one: a heap of due times over a single `Clock` timer. A transaction arms
 * three to five timers and cancels most of them, so they must cost neither a closure nor a Clock
 * timer each.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { type Due, DueHeap } from '../../base/due-heap.ts';

export interface TimerOwner<Name extends string = string> {
  onTimer(name: Name): void;
}

export class QueuedTimer implements Due {
  readonly name: string;
  readonly owner: TimerOwner<never>;
  readonly due: number;
  readonly order: number;
  index = -1;

  constructor(name: string, owner: TimerOwner<never>, due: number, order: number) {
    this.name = name;
    this.owner = owner;
    this.due = due;
    this.order = order;
  }
}

/** An alarm that goes off so many milliseconds late tells that the process stood still. */
const lateMs = 50;

export class TimerQueue {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #heap = new DueHeap<QueuedTimer>();
  #order = 0;
  #alarm: Timer | undefined;
  #alarmDue = Number.POSITIVE_INFINITY;
  #firing = false;
  /** The alarm was late, and is put off until what came meanwhile has been read. */
  #putOff = false;

  /** @param onError told of an owner that threw; the other timers go on. */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Timers that wait. */
  get size(): number {
    return this.#heap.size;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Calls `owner.onTimer(name)` once, `delayMs` from now. Timers due together fire in the order they were set. */
  set<Name extends string>(owner: TimerOwner<Name>, name: Name, delayMs: number): QueuedTimer {
    const timer = new QueuedTimer(name, owner as TimerOwner<never>, this.#clock.now() + delayMs, this.#order++);
    this.#heap.add(timer);
    if (!this.#firing) this.#arm();
    return timer;
  }

  /** Idempotent; also for a timer that has fired. */
  cancel(timer: QueuedTimer | undefined): void {
    if (!timer || !this.#heap.remove(timer)) return;
    // A later first timer is found when the alarm goes off; only an empty queue must leave nothing behind.
    if (this.#heap.size === 0 && !this.#firing) this.#arm();
  }

  /** Drops every timer. */
  clear(): void {
    this.#heap.clear();
    this.#arm();
  }

  #arm(): void {
    const { first } = this.#heap;
    if (!first) {
      this.#alarm?.cancel();
      this.#alarm = undefined;
      this.#alarmDue = Number.POSITIVE_INFINITY;
      this.#putOff = false;
      return;
    }
    if (first.due >= this.#alarmDue) return;
    this.#alarm?.cancel();
    this.#alarmDue = first.due;
    this.#alarm = this.#clock.setTimer(Math.max(0, first.due - this.#clock.now()), this.#fire, 'sip');
  }

  readonly #fire = (): void => {
    // Timers go off before sockets are read: without this turn, what was answered long ago would be sent again.
    if (!this.#putOff && this.#clock.now() - this.#alarmDue > lateMs) {
      this.#putOff = true;
      this.#alarm = this.#clock.setTimer(0, this.#fire, 'sip');
      return;
    }
    this.#putOff = false;
    this.#alarm = undefined;
    this.#alarmDue = Number.POSITIVE_INFINITY;
    // Timers set by the owners below are later ones: they wait for the next alarm, so this loop ends.
    const last = this.#order;
    // Node's timers may be up to a millisecond early against its monotonic clock.
    const now = this.#clock.now() + 1;
    this.#firing = true;
    for (;;) {
      const timer = this.#heap.first;
      if (!timer || timer.due >= now || timer.order >= last) break;
      this.#heap.remove(timer);
      try {
        timer.owner.onTimer(timer.name as never);
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#firing = false;
    this.#arm();
  };
}
