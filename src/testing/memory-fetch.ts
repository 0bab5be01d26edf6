/** HTTP in memory: what a URL gives is what the test says, as late as it says. */
import { sleep } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Fetch, FetchedBody, FetchOptions, PostOptions } from '../base/io.ts';
import type { FakeClock } from './fake-clock.ts';

export interface FetchAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Default `audio/wav`. */
  readonly contentType?: string;
  /** Default none. */
  readonly bytes?: Uint8Array;
  /** A body that comes bit by bit, in place of `bytes`; the server does not say how long it is. */
  readonly body?: () => AsyncIterable<Uint8Array>;
  /** How long it takes; default 20 ms. */
  readonly afterMs?: number;
}

export class MemoryFetch implements Fetch {
  /** Every URL that was asked for, in order. */
  readonly asked: string[] = [];
  /** What was posted, in order. */
  readonly posted: { readonly url: string; readonly body: string; readonly headers: PostOptions['headers'] }[] = [];
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
    options: FetchOptions & { readonly signal?: AbortSignal; readonly maxBytes: number },
  ): Promise<{ readonly bytes: Uint8Array; readonly contentType: string }> {
    const { body, contentType } = await this.#answer(url, options);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > options.maxBytes)
        throw failed(url, `larger than ${options.maxBytes} bytes`, { maxBytes: options.maxBytes });
      chunks.push(chunk);
    }
    return { bytes: new Uint8Array(Buffer.concat(chunks)), contentType };
  }

  open(url: string, options: FetchOptions & { readonly signal: AbortSignal }): Promise<FetchedBody> {
    return this.#answer(url, options);
  }

  async post(url: string, { body, headers, ...options }: PostOptions): Promise<number> {
    this.posted.push({ url, body, headers });
    return (await this.#response(url, options)).status;
  }

  async #answer(
    url: string,
    options: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<FetchedBody> {
    this.asked.push(url);
    const { status, ...fetched } = await this.#response(url, options);
    if (status < 200 || status > 299) throw failed(url, `HTTP ${status}`, { status });
    return fetched;
  }

  async #response(
    url: string,
    { signal, timeoutMs }: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<FetchedBody & { readonly status: number }> {
    const answer = this.#answers.get(url)?.(url);
    const { status = 200, contentType = 'audio/wav', bytes = new Uint8Array(0), body, afterMs = 20 } = answer ?? {};
    await sleep(this.#clock, Math.min(afterMs, timeoutMs), signal);
    if (!answer) throw failed(url, 'the lab has no answer for it');
    if (afterMs > timeoutMs) throw failed(url, `no answer within ${timeoutMs} ms`);
    return { status, contentType, length: body ? undefined : bytes.length, body: body ? body() : only(bytes) };
  }
}

function failed(url: string, why: string, facts: object = {}): TandemError {
  return new TandemError('ERR_FETCH', `cannot fetch ${url}: ${why}`, { facts: { url, ...facts } });
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield new Uint8Array(bytes);
}
