/**
 * The latest events, in order, each with a number. Whoever follows it has a place in it and reads on from there at its
 * own pace, so that a slow reader costs nothing but what it misses. Bounded by count and by size.
 */
import type { Clock } from '../../base/clock.ts';
import type { Unsubscribe } from '../../base/events.ts';

export interface LoggedEvent {
  /** Rises from event to event, and from one run of the server to the next as long as its clock does not go back. */
  readonly seq: number;
  /** `call:ended` */
  readonly name: string;
  /** Of the call that it is about. */
  readonly callId: string | undefined;
  /** The whole event as it is sent: `{"seq":…,"event":"call:ended","at":…,"data":{…}}`. */
  readonly json: string;
}

export interface EventLogLimits {
  /** Default 10,000. */
  readonly maxEvents?: number;
  /** Characters of all events together; default 8,388,608. */
  readonly maxLength?: number;
}

export interface EventPage {
  readonly events: readonly LoggedEvent[];
  /** Where to read on. */
  readonly next: number;
}

/** Numbers of this run begin at its start in ms, times this: no run has as many events in a ms. */
const perMs = 1000;

export class EventLog {
  readonly #clock: Clock;
  readonly #maxEvents: number;
  readonly #maxLength: number;
  readonly #start: number;
  readonly #listeners = new Set<(event: LoggedEvent) => void>();
  /** A ring: the event `seq` is at `seq % maxEvents`. */
  readonly #ring: (LoggedEvent | undefined)[];
  #oldest: number;
  #next: number;
  #length = 0;

  constructor(clock: Clock, { maxEvents = 10_000, maxLength = 8_388_608 }: EventLogLimits = {}) {
    this.#clock = clock;
    this.#maxEvents = maxEvents;
    this.#maxLength = maxLength;
    this.#ring = new Array<undefined>(maxEvents).fill(undefined);
    this.#start = Math.floor(clock.wallclock()) * perMs;
    this.#oldest = this.#start;
    this.#next = this.#start;
  }

  /** Before the first event of this run. */
  get beginning(): number {
    return this.#start - 1;
  }

  /** The number of the latest event. */
  get last(): number {
    return this.#next - 1;
  }

  /** Events that are kept. */
  get size(): number {
    return this.#next - this.#oldest;
  }

  /** @param data plain; what cannot be written as JSON is thrown */
  append(name: string, data: object): void {
    const seq = this.#next;
    const json = JSON.stringify({ seq, event: name, at: this.#clock.wallclock(), data });
    const { callId } = data as { readonly callId?: unknown };
    const event = { seq, name, callId: typeof callId === 'string' ? callId : undefined, json };
    if (this.size === this.#maxEvents) this.#forgetOldest();
    this.#ring[seq % this.#maxEvents] = event;
    this.#next++;
    this.#length += json.length;
    while (this.#length > this.#maxLength) this.#forgetOldest();
    for (const listener of this.#listeners) listener(event);
  }

  /** How much a reader at this place has missed: `Infinity` when the place is of another run. */
  missed(after: number): number {
    if (after < this.beginning || after > this.last) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#oldest - 1 - after);
  }

  /** What is kept behind a place, so many at the most. */
  read(after: number, most: number): EventPage {
    const from = after > this.last ? this.#oldest : Math.max(after + 1, this.#oldest);
    const to = Math.min(from + most, this.#next);
    const events: LoggedEvent[] = [];
    for (let seq = from; seq < to; seq++) events.push(this.#ring[seq % this.#maxEvents] as LoggedEvent);
    return { events, next: to - 1 };
  }

  /** Hears of every event as it comes; must not throw. */
  onAppend(listener: (event: LoggedEvent) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #forgetOldest(): void {
    const at = this.#oldest++ % this.#maxEvents;
    this.#length -= this.#ring[at]?.json.length ?? 0;
    this.#ring[at] = undefined;
  }
}
