/**
 * Provisional responses of ours that must arrive (RFC 3262 §3): numbered, and sent again until their PRACK, one at a
 * time.
 */
import type { SipCore } from './core.ts';
import { header, type SipRequest, type SipResponse } from './message.ts';
import type { QueuedTimer, TimerOwner } from './transaction/timer-queue.ts';

export interface ReliableUser {
  /** @param first false: it goes out again */
  send(response: SipResponse, first: boolean): void;
  /** No PRACK in 64·T1. */
  onNoPrack(): void;
}

export class ReliableResponses implements TimerOwner<'again' | 'giveUp'> {
  readonly #core: SipCore;
  readonly #user: ReliableUser;
  /** CSeq number of the INVITE. */
  readonly #seq: number;
  /** Of the last response that was sent. */
  #rseq: number;
  #current: SipResponse | undefined;
  #waiting: SipResponse[] = [];
  #interval = 0;
  #again: QueuedTimer | undefined;
  #giveUp: QueuedTimer | undefined;
  #onSettled: (() => void)[] = [];

  constructor(core: SipCore, seq: number, user: ReliableUser) {
    this.#core = core;
    this.#seq = seq;
    this.#user = user;
    // Room to count up in, below 2^31.
    this.#rseq = core.random.uint32() >>> 2;
  }

  /** Sends it when all before it are acknowledged. */
  add(response: SipResponse): void {
    this.#waiting.push(response);
    if (!this.#current) this.#next();
  }

  /** Whether a 2xx may go out: no SDP waits for its PRACK (RFC 3262 §3). */
  get settled(): boolean {
    return !this.#current?.body.length && this.#waiting.every(({ body }) => body.length === 0);
  }

  /** Resolves when it is `settled`; never, when that does not come about. */
  whenSettled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.settled) resolve();
      else this.#onSettled.push(resolve);
    });
  }

  /** @returns false when this PRACK acknowledges nothing that was sent */
  acknowledge(prack: SipRequest): boolean {
    const [rseq, seq, method, ...more] = (header(prack, 'rack') ?? '').split(/[ \t]+/);
    const matches = rseq === String(this.#rseq) && seq === String(this.#seq) && method === 'INVITE';
    if (!this.#current || !matches || more.length > 0) return false;
    this.#disarm();
    this.#next();
    if (this.settled) for (const settled of this.#onSettled.splice(0)) settled();
    return true;
  }

  onTimer(name: 'again' | 'giveUp'): void {
    if (name === 'giveUp') {
      this.stop();
      this.#user.onNoPrack();
      return;
    }
    if (!this.#current) return;
    this.#interval *= 2;
    this.#again = this.#core.timers.set(this, 'again', this.#interval);
    this.#core.counters.retransmissionsSent++;
    this.#user.send(this.#current, false);
  }

  /** The INVITE has its final response: nothing is sent any more, but a PRACK of the last response still counts. */
  stop(): void {
    this.#disarm();
    this.#waiting = [];
  }

  #next(): void {
    const response = this.#waiting.shift();
    this.#current = response;
    if (!response) return;
    const { other } = response.headers;
    other.set('require', [...(other.get('require') ?? []), '100rel']);
    other.set('rseq', [String(++this.#rseq)]);
    this.#interval = this.#core.settings.t1;
    this.#again = this.#core.timers.set(this, 'again', this.#interval);
    this.#giveUp = this.#core.timers.set(this, 'giveUp', 64 * this.#interval);
    this.#user.send(response, true);
  }

  #disarm(): void {
    this.#core.timers.cancel(this.#again);
    this.#core.timers.cancel(this.#giveUp);
  }
}
