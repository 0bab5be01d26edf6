/**
 * Records on their way to one place: one that is not taken is sent again, after 1 s and up to 60 s, until it is. Nothing
 * waits for it but the record itself.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Cdr } from './cdr.ts';

/** Where records go. */
export interface CdrSink {
  /** The same in every process: the journal says by it who has what. */
  readonly name: string;
  /** How many may be under way; default 1. */
  readonly atOnce?: number;
  /** Resolves when it is there for good; one that comes twice has the same id. */
  send(cdr: Cdr): Promise<void>;
  close?(): Promise<void>;
}

export interface OutboxReport {
  readonly name: string;
  readonly sent: number;
  readonly waiting: number;
  /** Pushed out by newer ones: with a journal the next process sends them, without they are lost. */
  readonly dropped: number;
  /** Why nothing is taken now. */
  readonly problem: string | undefined;
}

export interface OutboxPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiting {
  readonly cdr: Cdr;
  readonly done: (isTaken: boolean) => void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
export const mostWaiting = 10_000;

export class Outbox {
  readonly #sink: CdrSink;
  readonly #ports: OutboxPorts;
  /** In the order in which they are sent. */
  readonly #waiting = new Map<string, Waiting>();
  #sending = 0;
  #retry: Timer | undefined;
  #retryMs = firstRetryMs;
  #sent = 0;
  #dropped = 0;
  #problem: string | undefined;
  #closed = false;

  constructor(sink: CdrSink, ports: OutboxPorts) {
    this.#sink = sink;
    this.#ports = ports;
  }

  get name(): string {
    return this.#sink.name;
  }

  get report(): OutboxReport {
    const waiting = this.#waiting.size + this.#sending;
    return { name: this.name, sent: this.#sent, waiting, dropped: this.#dropped, problem: this.#problem };
  }

  /** @param done called when it is there, or will not be any more */
  add(cdr: Cdr, done: (isTaken: boolean) => void): void {
    const [oldest] = this.#waiting.values();
    if (oldest && this.#waiting.size >= mostWaiting) {
      this.#waiting.delete(oldest.cdr.id);
      this.#dropped++;
      oldest.done(false);
    }
    this.#waiting.set(cdr.id, { cdr, done });
    this.#work();
  }

  #work(): void {
    if (this.#closed || this.#retry) return;
    const { atOnce = 1 } = this.#sink;
    for (const [id, one] of this.#waiting) {
      if (this.#sending >= atOnce) return;
      this.#waiting.delete(id);
      this.#sending++;
      void this.#send(one);
    }
  }

  /** Never rejects. */
  async #send(one: Waiting): Promise<void> {
    try {
      await this.#sink.send(one.cdr);
      this.#sending--;
      this.#sent++;
      this.#problem = undefined;
      this.#retryMs = firstRetryMs;
      one.done(true);
    } catch (error) {
      this.#sending--;
      // Behind the others: one that is never taken is in nobody's way.
      this.#waiting.set(one.cdr.id, one);
      this.#failed(one.cdr, messageOf(error));
    }
    this.#work();
  }

  #failed({ id }: Cdr, problem: string): void {
    const { clock, logger } = this.#ports;
    if (this.#closed || this.#retry) return;
    const fields = { sink: this.name, id, problem, waiting: this.report.waiting };
    if (this.#problem === undefined) logger.warn(fields, 'a record of a call was not taken: it is sent again');
    this.#problem = problem;
    this.#retry = clock.setTimer(
      this.#retryMs,
      () => {
        this.#retry = undefined;
        this.#work();
      },
      'records of calls',
    );
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
  }

  /** What waits stays where it is. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#sink.close?.();
  }
}
