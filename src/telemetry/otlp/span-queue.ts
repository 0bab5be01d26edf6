/**
 * Spans on their way to the collector: a batch that is not taken is sent again, after 1 s and up to 30 s, until it is.
 * What waits is bounded: the oldest go first, and are counted. Nothing waits for it.
 */
import type { Attributes } from '@opentelemetry/api';
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Fetch } from '../../base/io.ts';
import type { Logger } from '../../base/log.ts';
import { exportRequest } from './encode.ts';
import type { FinishedSpan } from './span.ts';

export interface SpanQueueSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Attributes;
  /** Spans that wait at once. */
  readonly maxQueue: number;
  readonly maxBatch: number;
  /** ms that a span waits for others. */
  readonly delay: number;
  /** ms that the collector may take. */
  readonly timeout: number;
}

export interface SpanQueuePorts {
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly logger: Logger;
}

export interface SpanReport {
  /** Spans that the collector took. */
  readonly sent: number;
  readonly waiting: number;
  /** Pushed out by newer ones, refused for good, or left at the end. */
  readonly dropped: number;
  /** Why nothing is taken now. */
  readonly problem: string | undefined;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;
/** Of those that cannot be taken now, but may be later (OTLP §"Retryable response codes"). */
const retryable = new Set([429, 502, 503, 504]);

export class SpanQueue {
  readonly #settings: SpanQueueSettings;
  readonly #ports: SpanQueuePorts;
  readonly #abort = new AbortController();
  #waiting: FinishedSpan[] = [];
  /** Where `#waiting` begins: to shift an array of thousands for each span costs more than to cut it now and then. */
  #first = 0;
  /** How many are under way. */
  #sending = 0;
  #timer: Timer | undefined;
  #retryMs = firstRetryMs;
  #isRetrying = false;
  #sent = 0;
  #dropped = 0;
  #problem: string | undefined;
  #closed = false;
  #onIdle: (() => void)[] = [];

  constructor(settings: SpanQueueSettings, ports: SpanQueuePorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  get report(): SpanReport {
    const waiting = this.#length + this.#sending;
    return { sent: this.#sent, waiting, dropped: this.#dropped, problem: this.#problem };
  }

  get #length(): number {
    return this.#waiting.length - this.#first;
  }

  add(span: FinishedSpan): void {
    if (this.#closed) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(span);
    this.#trim();
    if (this.#length >= this.#settings.maxBatch && this.#sending === 0 && !this.#isRetrying) this.#send();
    else this.#timer ??= this.#arm(this.#settings.delay);
  }

  /** Sends what waits now, and resolves when that is taken or was refused once. */
  flush(): Promise<void> {
    if (this.#length + this.#sending === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle.push(resolve);
    if (this.#sending === 0) this.#send();
    return promise;
  }

  /** Takes none any more; what is not taken within `ms` is lost. Idempotent. */
  async close(ms: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const timer = this.#ports.clock.setTimer(ms, () => this.#abort.abort(), 'last spans');
    await this.flush();
    timer.cancel();
    this.#timer?.cancel();
    this.#abort.abort();
    const lost = this.#length;
    if (lost > 0) this.#ports.logger.warn({ spans: lost }, 'spans were not taken by the collector');
    this.#dropped += lost;
    this.#waiting = [];
    this.#first = 0;
  }

  #arm(ms: number): Timer {
    return this.#ports.clock.setTimer(
      ms,
      () => {
        this.#timer = undefined;
        if (this.#sending === 0) this.#send();
      },
      'spans',
    );
  }

  #trim(): void {
    while (this.#length + this.#sending > this.#settings.maxQueue && this.#length > 0) {
      this.#first++;
      this.#dropped++;
    }
    if (this.#first < 1_024) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isRetrying = false;
    const batch = this.#waiting.slice(this.#first, this.#first + this.#settings.maxBatch);
    this.#waiting = this.#waiting.slice(this.#first + batch.length);
    this.#first = 0;
    if (batch.length === 0) this.#rest();
    else {
      this.#sending = batch.length;
      void this.#export(batch);
    }
  }

  /** Never rejects. */
  async #export(batch: readonly FinishedSpan[]): Promise<void> {
    const refusal = await this.#post(batch);
    this.#sending = 0;
    if (refusal?.isFinal === false) {
      this.#waiting = [...batch, ...this.#waiting.slice(this.#first)];
      this.#first = 0;
      this.#trim();
      this.#wait(refusal.problem);
      return;
    }
    if (refusal) {
      this.#dropped += batch.length;
      this.#say(refusal.problem, 'the collector refused spans: they are lost');
    } else {
      this.#sent += batch.length;
      this.#problem = undefined;
    }
    this.#retryMs = firstRetryMs;
    if (this.#length >= this.#settings.maxBatch || this.#onIdle.length > 0) this.#send();
    else if (this.#length > 0) this.#timer ??= this.#arm(this.#settings.delay);
  }

  async #post(
    batch: readonly FinishedSpan[],
  ): Promise<{ readonly isFinal: boolean; readonly problem: string } | undefined> {
    const { url, headers, resource, timeout } = this.#settings;
    try {
      const status = await this.#ports.fetch.post?.(url, {
        body: exportRequest(resource, batch),
        headers: { ...headers, 'content-type': 'application/json' },
        signal: this.#abort.signal,
        timeoutMs: timeout,
      });
      if (status !== undefined && status >= 200 && status < 300) return undefined;
      return { isFinal: status !== undefined && !retryable.has(status), problem: `HTTP ${status}` };
    } catch (error) {
      return { isFinal: false, problem: messageOf(error) };
    }
  }

  #wait(problem: string): void {
    this.#say(problem, 'the collector takes no spans: they are sent again');
    this.#rest();
    if (this.#closed) return;
    this.#isRetrying = true;
    this.#timer?.cancel();
    this.#timer = this.#arm(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
  }

  /** Once, until it goes well again. */
  #say(problem: string, text: string): void {
    if (this.#problem === undefined)
      this.#ports.logger.warn({ collector: hostOf(this.#settings.url), problem, waiting: this.#length }, text);
    this.#problem = problem;
  }

  #rest(): void {
    const waiters = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiters) resolve();
  }
}

/** A path may have a secret in it. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? '';
}
