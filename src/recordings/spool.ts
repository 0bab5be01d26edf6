/**
 * Recordings that something is still to be done with, a few at once. What fails is tried again, after 1 s and up to 60 s,
 * behind the others, until it is done.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

export interface SpoolReport {
  readonly waiting: number;
  /** Of those that wait. */
  readonly bytes: number;
  /** Tries that failed. */
  readonly failed: number;
  /** Why nothing gets through now. */
  readonly problem: string | undefined;
}

export interface SpoolPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Resolves when all is done with it; rejects when it is to be tried again. */
  work(name: string, signal: AbortSignal): Promise<void>;
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

interface Working {
  readonly size: number;
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

export class Spool {
  readonly #ports: SpoolPorts;
  readonly #atOnce: number;
  /** Bytes by name, in the order in which they are taken. */
  readonly #waiting = new Map<string, number>();
  readonly #working = new Map<string, Working>();
  #bytes = 0;
  #failed = 0;
  #problem: string | undefined;
  #retry: Timer | undefined;
  #retryMs = firstRetryMs;
  #closed = false;

  constructor(atOnce: number, ports: SpoolPorts) {
    this.#atOnce = atOnce;
    this.#ports = ports;
  }

  get report(): SpoolReport {
    const waiting = this.#waiting.size + this.#working.size;
    return { waiting, bytes: this.#bytes, failed: this.#failed, problem: this.#problem };
  }

  has(name: string): boolean {
    return this.#waiting.has(name) || this.#working.has(name);
  }

  /** @param size for the report */
  add(name: string, size: number): void {
    if (this.#closed || this.has(name)) return;
    this.#waiting.set(name, size);
    this.#bytes += size;
    this.#next();
  }

  /** Nothing more is done with it. Resolves when nothing is. */
  async drop(name: string): Promise<void> {
    this.#bytes -= this.#waiting.get(name) ?? 0;
    this.#waiting.delete(name);
    const working = this.#working.get(name);
    working?.abort.abort();
    await working?.over;
  }

  /** What waits, waits for the next process. Resolves when nothing is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    const working = [...this.#working.values()];
    for (const { abort } of working) abort.abort();
    await Promise.all(working.map(({ over }) => over));
  }

  #next(): void {
    if (this.#closed || this.#retry) return;
    for (const [name, size] of this.#waiting) {
      if (this.#working.size >= this.#atOnce) return;
      this.#waiting.delete(name);
      const abort = new AbortController();
      this.#working.set(name, { size, abort, over: this.#work(name, size, abort.signal) });
    }
  }

  /** Never rejects. */
  async #work(name: string, size: number, signal: AbortSignal): Promise<void> {
    try {
      // Whoever added it is through first.
      await Promise.resolve();
      await this.#ports.work(name, signal);
      this.#done(name, size);
      if (this.#problem !== undefined)
        this.#ports.logger.info({ waiting: this.report.waiting }, 'recordings are on their way again');
      this.#problem = undefined;
      this.#retryMs = firstRetryMs;
    } catch (error) {
      if (signal.aborted) this.#done(name, size);
      else this.#again(name, size, messageOf(error));
    }
    this.#next();
  }

  #done(name: string, size: number): void {
    this.#working.delete(name);
    this.#bytes -= size;
  }

  #again(name: string, size: number, problem: string): void {
    const { clock, logger } = this.#ports;
    this.#working.delete(name);
    this.#waiting.set(name, size);
    this.#failed++;
    if (this.#problem === undefined)
      logger.warn(
        { recording: name, problem, waiting: this.report.waiting },
        'a recording could not be stored: it is tried again until it is',
      );
    this.#problem = problem;
    if (this.#closed || this.#retry) return;
    this.#retry = clock.setTimer(
      this.#retryMs,
      () => {
        this.#retry = undefined;
        this.#next();
      },
      'recordings',
    );
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
  }
}
