/** The 2xx to an INVITE, again and again until its ACK comes (RFC 3261 §13.3.1.4); on TCP as well. */
import type { SipCore } from './core.ts';
import type { SipRequest } from './message.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { QueuedTimer } from './transaction/timer-queue.ts';

/** Where the 2xx is kept. */
export type AnsweredTransaction = Pick<ServerTransaction, 'respondAgain' | 'acknowledged' | 'answer'>;

export interface AckUser {
  onAck(ack: SipRequest): void;
  onAckTimeout(): void;
}

export class AckWaiter {
  /** CSeq number of the INVITE and of its ACK. */
  readonly seq: number;
  readonly #core: SipCore;
  readonly #transaction: AnsweredTransaction;
  readonly #user: AckUser;
  #interval: number;
  #again: QueuedTimer;
  readonly #giveUp: QueuedTimer;

  /** The 2xx has just been sent. */
  constructor(core: SipCore, transaction: AnsweredTransaction, seq: number, user: AckUser) {
    this.#core = core;
    this.#transaction = transaction;
    this.seq = seq;
    this.#user = user;
    this.#interval = core.settings.t1;
    this.#again = core.timers.set(this, 'again', this.#interval);
    this.#giveUp = core.timers.set(this, 'giveUp', 64 * core.settings.t1);
  }

  onTimer(name: 'again' | 'giveUp'): void {
    if (name === 'giveUp') {
      this.stop();
      this.#core.counters.ackTimeouts++;
      this.#user.onAckTimeout();
      return;
    }
    this.#interval = Math.min(2 * this.#interval, this.#core.settings.t2);
    this.#again = this.#core.timers.set(this, 'again', this.#interval);
    this.repeat();
  }

  /** Sends the 2xx once more. */
  repeat(): void {
    this.#transaction.respondAgain();
  }

  /** The 2xx. */
  get answer(): Uint8Array | undefined {
    return this.#transaction.answer;
  }

  acknowledge(ack: SipRequest): void {
    this.stop();
    this.#user.onAck(ack);
  }

  stop(): void {
    this.#core.timers.cancel(this.#again);
    this.#core.timers.cancel(this.#giveUp);
    this.#transaction.acknowledged();
  }
}
