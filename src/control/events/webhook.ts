/**
 * Events by HTTP POST, signed as https://www.standardwebhooks.com says. Each URL gets its events in order and at least
 * once: one is sent again, under the same id, until it is taken or has been tried for long enough. Those behind it wait in
 * a queue that drops the oldest. Nothing of this is waited for by a call.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { ConfigError, messageOf } from '../../base/errors.ts';
import type { Unsubscribe } from '../../base/events.ts';
import type { Fetch } from '../../base/io.ts';
import type { Logger } from '../../base/log.ts';
import { type Random, token } from '../../base/random.ts';
import { postSigned, secretKey } from '../../base/signed-post.ts';
import { type EventFilter, eventFilter } from './filter.ts';
import type { EventLog, LoggedEvent } from './log.ts';

export interface WebhookOptions {
  /** `http:` or `https:` */
  readonly url: string;
  /** Text, or base64 with `whsec_` before it. */
  readonly secret: string;
  /** `call:*`, `dialog:terminated`, …; default all. */
  readonly events?: readonly string[] | undefined;
}

export interface WebhookStats {
  /** Of the URL. */
  readonly host: string;
  readonly delivered: number;
  readonly retried: number;
  /** Given up, or pushed out of the queue. */
  readonly dropped: number;
  readonly queued: number;
}

export interface WebhookPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly random: Random;
  readonly logger: Logger;
}

const mostQueued = 10_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** With the waits before them: some 20 minutes. */
const mostAttempts = 25;
/** ms that a last delivery may take when the server closes. */
const closeMs = 2_000;

export class Webhooks {
  readonly #hooks: readonly Webhook[];

  /** @throws ConfigError */
  constructor(webhooks: readonly WebhookOptions[], ports: WebhookPorts) {
    const checked = webhooks.map(check);
    if (checked.length > 0 && !ports.fetch.post) throw new ConfigError('webhooks need a fetch that can post');
    this.#hooks = checked.map((one) => new Webhook(one, ports));
  }

  get stats(): readonly WebhookStats[] {
    return this.#hooks.map(({ stats }) => stats);
  }

  /** What waits and can be delivered at once, still is. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.close()));
  }
}

interface CheckedWebhook {
  readonly url: URL;
  readonly key: Buffer;
  readonly filter: EventFilter;
}

function check({ url, secret, events = [] }: WebhookOptions): CheckedWebhook {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new ConfigError(`http.webhooks: "${url}" is no http(s) URL`);
  const key = secretKey(secret);
  if (key.length === 0) throw new ConfigError(`http.webhooks: ${parsed.host} needs a secret`);
  const filter = eventFilter(events);
  if (!filter.ok) throw new ConfigError(`http.webhooks: ${filter.error}`);
  return { url: parsed, key, filter: filter.value };
}

class Webhook {
  readonly #hook: CheckedWebhook;
  readonly #ports: WebhookPorts;
  /** Of this run: numbers of events may come again when a clock was set back. */
  readonly #run: string;
  readonly #stop: Unsubscribe;
  readonly #queue: LoggedEvent[] = [];
  readonly #abort = new AbortController();
  #busy = false;
  #attempts = 0;
  #retry: Timer | undefined;
  #delivered = 0;
  #retried = 0;
  #dropped = 0;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(hook: CheckedWebhook, ports: WebhookPorts) {
    this.#hook = hook;
    this.#ports = ports;
    this.#run = token(ports.random);
    this.#stop = ports.log.onAppend((event) => this.#take(event));
  }

  get stats(): WebhookStats {
    return {
      host: this.#hook.url.host,
      delivered: this.#delivered,
      retried: this.#retried,
      dropped: this.#dropped,
      queued: this.#queue.length,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#stop();
    this.#retry?.cancel();
    if (this.#busy) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      const timer = this.#ports.clock.setTimer(closeMs, () => this.#abort.abort(), 'last webhooks');
      await promise;
      timer.cancel();
    }
    const { length } = this.#queue;
    if (length > 0)
      this.#ports.logger.warn({ host: this.#hook.url.host, events: length }, 'webhooks were not delivered');
  }

  #take(event: LoggedEvent): void {
    if (!this.#hook.filter(event)) return;
    if (this.#queue.length >= mostQueued) this.#dropOldest();
    this.#queue.push(event);
    if (!this.#busy && !this.#retry) void this.#deliver();
  }

  /** The one that is under way stays: it may have been taken already. */
  #dropOldest(): void {
    this.#queue.splice(this.#attempts > 0 || this.#busy ? 1 : 0, 1);
    this.#dropped++;
  }

  /** Never rejects. */
  async #deliver(): Promise<void> {
    this.#busy = true;
    this.#retry = undefined;
    let wait = 0;
    for (let event = this.#queue[0]; event && wait === 0; event = this.#queue[0]) wait = await this.#attempt(event);
    this.#busy = false;
    if (wait > 0 && !this.#closing)
      this.#retry = this.#ports.clock.setTimer(wait, () => void this.#deliver(), 'webhook retry');
    this.#onIdle?.();
  }

  /** @returns ms to wait before the next one: 0 when this one is done with */
  async #attempt(event: LoggedEvent): Promise<number> {
    const { url, key } = this.#hook;
    const { clock, fetch, logger } = this.#ports;
    const id = `${this.#run}-${event.seq}`;
    const seconds = Math.floor(clock.wallclock() / 1000);
    if (this.#attempts++ > 0) this.#retried++;
    let problem: string;
    try {
      await postSigned(fetch, {
        url,
        key,
        id,
        seconds,
        body: event.json,
        signal: this.#abort.signal,
        about: event.callId,
      });
      this.#delivered++;
      this.#done();
      return 0;
    } catch (error) {
      problem = messageOf(error);
    }
    const fields = { host: url.host, id, attempt: this.#attempts, problem };
    if (this.#attempts >= mostAttempts) {
      logger.error(fields, 'a webhook was given up');
      this.#dropped++;
      this.#done();
      return firstRetryMs;
    }
    logger.warn(fields, 'a webhook was not taken');
    return Math.min(longestRetryMs, firstRetryMs * 2 ** (this.#attempts - 1));
  }

  #done(): void {
    this.#queue.shift();
    this.#attempts = 0;
  }
}
