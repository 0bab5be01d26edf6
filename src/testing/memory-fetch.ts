/** HTTP in memory: what a URL gives is what the test says, as late as it says. */
import { sleep } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Fetch } from '../base/io.ts';
import type { FakeClock } from './fake-clock.ts';

export interface FetchAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Default `audio/wav`. */
  readonly contentType?: string;
  /** Default none. */
  readonly bytes?: Uint8Array;
  /** How long it takes; default 20 ms. */
  readonly afterMs?: number;
}

export class MemoryFetch implements Fetch {
  /** Every URL that was asked for, in order. */
  readonly asked: string[] = [];
  readonly #clock: FakeClock;
  readonly #answers = new Map<string, (url: string) => FetchAnswer>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** What a URL gives from now on; anything else is a host that cannot be found. */
  answer(url: string, answer: FetchAnswer | ((url: string) => FetchAnswer)): void {
    this.#answers.set(url, typeof answer === 'function' ? answer : () => answer);
  }

  async get(
    url: string,
    {
      signal,
      maxBytes,
      timeoutMs,
    }: { readonly signal?: AbortSignal; readonly maxBytes: number; readonly timeoutMs: number },
  ): Promise<{ readonly bytes: Uint8Array; readonly contentType: string }> {
    this.asked.push(url);
    const failed = (why: string, facts: object = {}): TandemError =>
      new TandemError('ERR_FETCH', `cannot fetch ${url}: ${why}`, { facts: { url, ...facts } });
    const answer = this.#answers.get(url)?.(url);
    const { status = 200, contentType = 'audio/wav', bytes = new Uint8Array(0), afterMs = 20 } = answer ?? {};
    await sleep(this.#clock, Math.min(afterMs, timeoutMs), signal);
    if (!answer) throw failed('the lab has no answer for it');
    if (afterMs > timeoutMs) throw failed(`no answer within ${timeoutMs} ms`);
    if (status < 200 || status > 299) throw failed(`HTTP ${status}`, { status });
    if (bytes.length > maxBytes) throw failed(`larger than ${maxBytes} bytes`, { maxBytes });
    return { bytes: new Uint8Array(bytes), contentType };
  }
}
