/**
 * A clock that stands still until a test moves it. It fires timers in the order of their due times, one by one,
 * and lets everything that a timer set off run to its end before the next. Time does not move while the process
 * waits for something outside of it: work that was announced by `work`, files and host names.
 */
// Not the global ones: a test may have put fakes in their place.
import { setImmediate, setTimeout } from 'node:timers';
import type { Clock, Timer } from '../base/clock.ts';
import { type Due, DueHeap } from '../base/due-heap.ts';
import { TandemError } from '../base/errors.ts';

class PendingTimer implements Timer, Due {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
  readonly label: string;
  readonly #heap: DueHeap<PendingTimer>;
  index = -1;

  constructor(heap: DueHeap<PendingTimer>, due: number, order: number, fire: () => void, label: string) {
    this.#heap = heap;
    this.due = due;
    this.order = order;
    this.fire = fire;
    this.label = label;
  }

  cancel(): void {
    this.#heap.remove(this);
  }
}

/** Somebody who waits for time to move. */
interface Waiter {
  /** Undefined: for the time alone. */
  readonly done: (() => boolean) | undefined;
  readonly until: number;
  readonly resolve: (met: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Work whose result is handed over when all that was asked for before is. */
interface OpenWork {
  readonly what: string;
  deliver: (() => void) | undefined;
}

/** Real time, for how long to wait; bound now, before a test puts a fake in its place. */
const realNow = performance.now.bind(performance);
/** Turns in one round of the event loop: each lets all promises settle, and a round costs a system call. */
const turnsPerRound = 16;
/** Timers at one instant, after which it is a loop. */
const mostAtOnce = 100_000;
/** Real ms that work outside the process may take. */
const workLimitMs = 10_000;
/**
 * Real ms to wait where no timer is left, in case that something outside is under way that nobody announced (a
 * module that is loaded, say): after that it is taken for granted that nothing will ever happen.
 */
const graceMs = 250;
/** Rounds of the event loop before waiting for work outside the process costs no more CPU. */
const busyRounds = 200;
/** What Node calls requests to the file system and for host names. Anything else outside must be announced. */
const outside = /^(FSReq|CloseReq|GetAddrInfo|GetNameInfo)/;

export class FakeClock implements Clock {
  /** Told of every timer that fires, before it does. */
  onFire: ((label: string) => void) | undefined;
  #now = 0;
  #order = 0;
  #epoch: number;
  readonly #pending = new DueHeap<PendingTimer>();
  #waiters: Waiter[] = [];
  readonly #work: OpenWork[] = [];
  #running = false;
  /** Turns of the present round that are still to come. */
  #turns = 0;
  #atOnce = 0;
  /** While time stands still: for how long it may and since when it does, in real ms, and for how many rounds. */
  #still: { readonly limitMs: number; readonly since: number; rounds: number } | undefined;

  /** @param epoch Unix milliseconds at the clock's start */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallclock(): number {
    return this.#epoch + this.#now;
  }

  /** The time of day jumps, as by NTP or by hand; no timer notices. @param ms back if negative */
  jumpWallclock(ms: number): void {
    this.#epoch += ms;
  }

  setTimer(delayMs: number, fire: () => void, label = 'timer'): Timer {
    const timer = new PendingTimer(this.#pending, this.#now + positive(delayMs), this.#order++, fire, label);
    this.#pending.add(timer);
    return timer;
  }

  /** How many timers wait: a test that ends with 0 leaks none. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The timers that wait, the next one first. `in`: milliseconds from now. */
  pendingTimers(): readonly { readonly label: string; readonly in: number }[] {
    return [...this.#pending]
      .sort((a, b) => a.due - b.due || a.order - b.order)
      .map(({ label, due }) => ({ label, in: due - this.#now }));
  }

  /**
   * Announces work outside the process (a file, a look-up, a database). Time stands still until it is done, and
   * results come in the order in which they were asked for, however fast each of them was.
   * @param what it is, for the error if it takes longer than ten real seconds
   */
  work<T>(start: () => Promise<T>, what = 'work'): Promise<T> {
    const entry: OpenWork = { what, deliver: undefined };
    this.#work.push(entry);
    return new Promise<T>((resolve, reject) => {
      const done = (deliver: () => void): void => {
        entry.deliver = deliver;
        while (this.#work[0]?.deliver) this.#work.shift()?.deliver?.();
      };
      const started = async (): Promise<T> => start();
      started().then(
        (value) => done(() => resolve(value)),
        (error: unknown) => done(() => reject(error)),
      );
    });
  }

  /**
   * Moves time on by `ms`, firing what falls due.
   * @throws what a timer threw; TandemError ERR_LAB_STUCK when time cannot move
   */
  async advance(ms: number): Promise<void> {
    await this.#wait(undefined, ms);
  }

  /**
   * Moves time from timer to timer until `done` says so, as looked at after each of them.
   * @param limitMs how far at the most
   * @returns false when the limit was reached, or no timer is left that could change anything
   * @throws as `advance`
   */
  runUntil(done: () => boolean, limitMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#wait(done, limitMs);
  }

  #wait(done: (() => boolean) | undefined, limitMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ done, until: this.#now + positive(limitMs), resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Turns of the last wait may still be to come.
      if (this.#turns === 0) this.#round(1);
    });
  }

  #round(turns: number): void {
    this.#turns = turns;
    for (let i = 0; i < turns; i++) setImmediate(this.#turn);
  }

  /** Between two turns all promises settle. */
  readonly #turn = (): void => {
    this.#turns--;
    if (!this.#running) return;
    if (this.#isOutside()) this.#standStill(workLimitMs);
    else if (this.#tell()) this.#still = undefined;
    else if (this.#waiters.length === 0) this.#running = false;
    else if (this.#pending.size > 0 || this.#waiters.some(({ done }) => !done)) this.#step();
    else this.#standStill(graceMs);
    if (this.#running && this.#turns === 0) this.#round(turnsPerRound);
  };

  #isOutside(): boolean {
    return this.#work.length > 0 || process.getActiveResourcesInfo().some((name) => outside.test(name));
  }

  /** Nothing can go on in here: waits in real time for what is outside, once the turns of this round are over. */
  #standStill(limitMs: number): void {
    if (this.#turns > 0) return;
    if (this.#still?.limitMs !== limitMs) this.#still = { limitMs, since: realNow(), rounds: 0 };
    if (realNow() - this.#still.since < limitMs) {
      if (this.#still.rounds++ < busyRounds) {
        this.#round(1);
        return;
      }
      this.#turns = 1;
      setTimeout(this.#turn, 1);
    } else if (this.#isOutside()) {
      const what = this.#work[0]?.what ?? 'a request to the file system or the resolver';
      this.#fail(stuck(`time cannot move: ${what} is not done after ${limitMs / 1000} s`));
    } else this.#step();
  }

  /** Lets those go on whose wait is over. @returns whether there were any: what they do comes before time moves */
  #tell(): boolean {
    return this.#drop((waiter) => this.#isOver(waiter)).length > 0;
  }

  #isOver(waiter: Waiter): boolean {
    try {
      if (!waiter.done?.()) return false;
      waiter.resolve(true);
    } catch (error) {
      waiter.reject(error);
    }
    return true;
  }

  /** Fires the next timer, or moves to the end of the shortest wait. */
  #step(): void {
    this.#still = undefined;
    let end = Number.POSITIVE_INFINITY;
    for (const { until } of this.#waiters) if (until < end) end = until;
    const next = this.#pending.first;
    if (next && next.due <= end) {
      this.#fire(next);
      return;
    }
    if (end < Number.POSITIVE_INFINITY) this.#moveTo(end);
    for (const waiter of this.#drop(({ until }) => until === end)) if (!this.#isOver(waiter)) waiter.resolve(false);
  }

  #fire(timer: PendingTimer): void {
    this.#moveTo(timer.due);
    this.#pending.remove(timer);
    if (++this.#atOnce > mostAtOnce) {
      this.#fail(stuck(`time cannot move: "${timer.label}" is set again and again for the same instant`));
      return;
    }
    try {
      this.onFire?.(timer.label);
      timer.fire();
    } catch (error) {
      this.#fail(error);
    }
  }

  #moveTo(now: number): void {
    if (now <= this.#now) return;
    this.#now = now;
    this.#atOnce = 0;
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#drop(() => true)) reject(error);
    this.#running = false;
    this.#still = undefined;
    this.#atOnce = 0;
  }

  /** Takes out those for whom it is true; who joins meanwhile stays. */
  #drop(which: (waiter: Waiter) => boolean): Waiter[] {
    const dropped = this.#waiters.filter(which);
    if (dropped.length > 0) this.#waiters = this.#waiters.filter((waiter) => !dropped.includes(waiter));
    return dropped;
  }
}

/** What is not a number or lies in the past is at once, as Node has it. */
function positive(ms: number): number {
  return ms > 0 ? ms : 0;
}

function stuck(message: string): TandemError {
  return new TandemError('ERR_LAB_STUCK', message);
}
