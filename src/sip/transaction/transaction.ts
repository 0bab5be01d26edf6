/** Runs a machine: holds its state and its timers, and lets the client or server side do the rest. */
import type { Counters } from '../counters.ts';
import type { SipMessage } from '../message.ts';
import type { PeerFlow } from '../transport/flow.ts';
import type { Effect, Machine } from './machine.ts';
import type { QueuedTimer, TimerOwner, TimerQueue } from './timer-queue.ts';
import { type TimerName, type TimerSettings, timerDelay } from './timers.ts';

/** What the transactions of one endpoint share. */
export interface TransactionContext {
  readonly timers: TimerQueue;
  readonly settings: TimerSettings;
  readonly counters: Counters;
  /** The flow of responses to a request that came by `flow`. @param port of the peer. */
  readonly replyFlow: (flow: PeerFlow, port: number) => PeerFlow;
  /** Told of the final response to a new request outside a dialog. */
  readonly onAnswered: (status: number, flow: PeerFlow) => void;
  /** Told of every message that goes out for the first time. */
  readonly onSend: (message: SipMessage, flow: PeerFlow) => void;
  /** Told of every message that goes out, copies too. @param begins an INVITE of ours */
  readonly onTransmit: (callId: string, bytes: Uint8Array, flow: PeerFlow, begins: boolean) => void;
  /** Told of every timer that fires, before it does what it is for. */
  readonly onTimer: (timer: FiredTimer) => void;
}

/** A timer of RFC 3261 table 4, or one of our own, that fired. */
export interface FiredTimer {
  readonly timer: TimerName;
  readonly method: string;
  readonly role: 'client' | 'server';
  readonly callId: string;
}

/** Timers whose length depends on how often they fired. A machine has one of them. */
const doubling: ReadonlySet<TimerName> = new Set(['A', 'E', 'G']);

type AnyMachine = Machine<string, string>;

export abstract class Transaction implements TimerOwner<TimerName> {
  abstract readonly role: 'client' | 'server';
  abstract readonly method: string;
  abstract readonly callId: string;
  protected readonly context: TransactionContext;
  readonly #machine: AnyMachine;
  readonly #reliable: boolean;
  #state = 'initial';
  #pending: QueuedTimer[] = [];
  #fired = 0;

  constructor(context: TransactionContext, machine: AnyMachine, reliable: boolean) {
    this.context = context;
    this.#machine = machine;
    this.#reliable = reliable;
  }

  get state(): string {
    return this.#state;
  }

  onTimer(name: TimerName): void {
    this.#pending = this.#pending.filter((timer) => timer.name !== name);
    if (doubling.has(name)) this.#fired++;
    const { method, role, callId } = this;
    this.context.onTimer({ timer: name, method, role, callId });
    this.input(name === 'trying' ? 'timerTrying' : `timer${name}`);
  }

  /** Feeds the machine. An input that the state does not list does nothing. @returns whether it was listed. */
  protected input(input: string, message?: SipMessage, error?: Error): boolean {
    const step = this.#machine[this.#state]?.[input];
    if (!step) return false;
    const entered = step.to !== this.#state;
    this.#state = step.to;
    let instant: TimerName | undefined;
    if (step.to === 'terminated') this.#disarmAll();
    for (const effect of step.effects) {
      if (effect.do === 'arm') {
        const delay = timerDelay(effect.timer, this.context.settings, this.#reliable, this.#fired);
        if (delay === 0) instant = effect.timer;
        else if (delay !== undefined) this.#pending.push(this.context.timers.set(this, effect.timer, delay));
      } else if (effect.do === 'disarm') this.#disarm(effect.timer);
      else this.perform(effect, message, error);
    }
    if (entered) this.entered(step.to);
    // On a reliable transport the waiting states last no time at all.
    if (instant) this.input(`timer${instant}`);
    return true;
  }

  /** Drops the timers and the state without a word: the endpoint closes. */
  protected abandon(): void {
    this.#disarmAll();
    this.#state = 'terminated';
  }

  protected abstract perform(effect: Effect, message: SipMessage | undefined, error: Error | undefined): void;

  /** A state was entered: what it does not need any more can go. */
  protected abstract entered(state: string): void;

  #disarm(name: TimerName): void {
    const pending = this.#pending;
    for (let i = 0; i < pending.length; i++) {
      const timer = pending[i] as QueuedTimer;
      if (timer.name !== name) continue;
      this.context.timers.cancel(timer);
      pending.splice(i, 1);
      return;
    }
  }

  #disarmAll(): void {
    for (const timer of this.#pending) this.context.timers.cancel(timer);
    this.#pending = [];
  }
}
