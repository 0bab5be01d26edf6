/** A caller's place in a queue, from its entry until it has left. */
import type { Clock, Timer } from '../base/clock.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';
import type { QueueEndReason } from '../session/pbx-events.ts';
import type { QueueAgent } from './queue-agents.ts';

/** Why a place was given up. */
export interface PlaceEnd {
  readonly end: Exclude<QueueEndReason, 'answered' | 'full'>;
  readonly key?: string;
}

/** Agents that are kept for this caller. */
export interface Turn {
  readonly agents: readonly QueueAgent[];
  /** They are free again, but those that talk now. Idempotent. */
  release(): void;
}

export class QueuePlace {
  readonly call: DialogServerSession;
  readonly priority: number;
  /** ms of the clock; before it came where it had waited in an earlier process. */
  readonly since: number;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #end: PlaceEnd | undefined;
  #turn: PromiseWithResolvers<Turn | undefined> | undefined;
  #ringing: readonly QueueAgent[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, call: DialogServerSession, priority: number, waitedMs: number) {
    this.#clock = clock;
    this.call = call;
    this.priority = priority;
    this.since = clock.now() - waitedMs;
    void call.ended.then(() => this.leave({ end: 'abandoned' }));
  }

  get waitedMs(): number {
    return Math.round(this.#clock.now() - this.since);
  }

  /** Aborted when the caller is to wait no longer, whoever rings for it. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get end(): PlaceEnd | undefined {
    return this.#end;
  }

  /** It waits for agents; while some ring for it, it does not. */
  get wantsAgents(): boolean {
    return this.#turn !== undefined && !this.#end;
  }

  get ringing(): readonly QueueAgent[] {
    return this.#ringing;
  }

  /** Waits no longer than so many ms from its entry. */
  limit(ms: number): void {
    const left = Math.max(0, ms - (this.#clock.now() - this.since));
    this.#timer = this.#clock.setTimer(left, () => this.leave({ end: 'timeout' }), 'queue');
  }

  /** The next agents for it, as soon as there are some; undefined when it is to leave. One at a time. */
  turn(): Promise<Turn | undefined> {
    if (this.#end) return Promise.resolve(undefined);
    this.#turn = Promise.withResolvers<Turn | undefined>();
    return this.#turn.promise;
  }

  give(turn: Turn): void {
    this.#ringing = turn.agents;
    this.#settle(turn);
  }

  /** The agents that rang for it do so no more. */
  rangOut(): void {
    this.#ringing = [];
  }

  /** Once; the first reason counts. */
  leave(end: PlaceEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#timer?.cancel();
    this.#settle(undefined);
    this.#over.abort();
  }

  /** It was answered: nothing takes it out of the queue any more. @returns false when something has already */
  settle(): boolean {
    if (this.#end) return false;
    this.#timer?.cancel();
    return true;
  }

  #settle(turn: Turn | undefined): void {
    this.#turn?.resolve(turn);
    this.#turn = undefined;
  }
}
