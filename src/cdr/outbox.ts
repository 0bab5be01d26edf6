/**
 * Records on their way to one place, in order: one that is not taken is sent again, after 1 s and up to 60 s, until it is.
 * Nothing waits for it but the record itself.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Cdr } from './cdr.ts';

/** Where records go. */
export interface CdrSink {
  readonly name: string;
  /** Resolves when it is there for good; one that comes twice has the same id. */
  send(cdr: Cdr): Promise<void>;
  close?(): Promise<void>;
}

export interface OutboxReport {
  readonly name: string;
  readonly sent: number;
  readonly waiting: number;
  /** Pushed out by newer ones, where no journal has them. */
  readonly dropped: number;
  /** Why nothing is taken now. */
  readonly problem: string | undefined;
}

export interface OutboxPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
const mostWaiting = 10_000;

export class Outbox {
  readonly #sink: CdrSink;
  readonly #ports: OutboxPorts;
  readonly #waiting: { readonly cdr: Cdr; readonly done: () => void }[] = [];
  #working = false;
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

  get report(): OutboxReport {
    const { name } = this.#sink;
    return { name, sent: this.#sent, waiting: this.#waiting.length, dropped: this.#dropped, problem: this.#problem };
  }

  /** @param done called when it is there */
  add(cdr: Cdr, done: () => void): void {
    if (this.#waiting.length >= mostWaiting) {
      // The one that is under way stays.
      this.#waiting.splice(1, 1);
      this.#dropped++;
    }
    this.#waiting.push({ cdr, done });
    if (!this.#retry) void this.#work();
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let first = this.#waiting[0]; first && !this.#closed; first = this.#waiting[0]) {
      try {
        await this.#sink.send(first.cdr);
      } catch (error) {
        this.#failed(first.cdr, messageOf(error));
        break;
      }
      this.#waiting.shift();
      this.#sent++;
      this.#problem = undefined;
      this.#retryMs = firstRetryMs;
      first.done();
    }
    this.#working = false;
  }

  #failed({ id }: Cdr, problem: string): void {
    const { clock, logger } = this.#ports;
    if (this.#closed) return;
    const fields = { sink: this.#sink.name, id, problem, waiting: this.#waiting.length };
    if (this.#problem === undefined) logger.warn(fields, 'a record of a call was not taken: it is sent again');
    this.#problem = problem;
    this.#retry = clock.setTimer(
      this.#retryMs,
      () => {
        this.#retry = undefined;
        void this.#work();
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
