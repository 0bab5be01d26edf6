/** Audio by HTTP: short bodies whole, one request for all that want the same at the same time; long ones as they come. */

import { abortable } from '../../src/base/abortable.ts';
import { type Clock, within } from '../../src/base/clock.ts';
import { TandemError } from '../../src/base/errors.ts';
import type { Fetch, FetchedBody } from '../../src/base/io.ts';
import { fetchError } from '../prompt/index.ts';

/** Bytes: more, or nobody knows how many, is played while it comes. */
const shortBytes = 1024 * 1024;
/** Bytes that are taken whole where that is asked for. */
const mostBytes = 256 * 1024 * 1024;
/** ms for the head of a response, for a whole body, and for each piece of one that is played while it comes. */
const timeoutMs = 10_000;

export interface WholeBody {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface ComingBody {
  readonly contentType: string;
  /** Of the one who asked; it ends with the signal. @throws {TandemError} ERR_FETCH */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What others learn who want the same: the body, or that it is long, or that who asked for it has left. */
type Outcome = WholeBody | 'long' | 'left';

export class Web {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #asked = new Map<string, Promise<Outcome>>();

  constructor(fetch: Fetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /**
   * @param whole however long it is
   * @param signal ends the request, and a body that still comes
   * @throws {TandemError} ERR_FETCH; the signal's reason
   */
  async load(url: string, whole: boolean, signal: AbortSignal): Promise<WholeBody | ComingBody> {
    const key = `${whole} ${url}`;
    const asked = this.#asked.get(key);
    if (!asked) return this.#ask(key, url, whole, signal);
    const outcome = await abortable(asked, signal);
    if (outcome === 'left') return this.load(url, whole, signal);
    return outcome === 'long' ? this.#own(url, false, signal) : outcome;
  }

  async #ask(key: string, url: string, whole: boolean, signal: AbortSignal): Promise<WholeBody | ComingBody> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    promise.catch(() => {});
    this.#asked.set(key, promise);
    try {
      const found = await this.#own(url, whole, signal);
      resolve('bytes' in found ? found : 'long');
      return found;
    } catch (error) {
      if (signal.aborted) resolve('left');
      else reject(error);
      throw error;
    } finally {
      this.#asked.delete(key);
    }
  }

  async #own(url: string, whole: boolean, signal: AbortSignal): Promise<WholeBody | ComingBody> {
    const opened = await this.#open(url, signal);
    const { contentType, length, body } = opened;
    const pieces = this.#pieces(url, body, signal);
    if (!whole && (length === undefined || length > shortBytes)) return { contentType, body: pieces };
    const bytes = await within(this.#clock, timeoutMs, wholeOf(url, pieces));
    if (bytes) return { contentType, bytes };
    void pieces.return().catch(() => {});
    throw fetchError(url, new Error(`not all of it came within ${timeoutMs} ms`));
  }

  async #open(url: string, signal: AbortSignal): Promise<FetchedBody> {
    try {
      if (this.#fetch.open) return await this.#fetch.open(url, { signal, timeoutMs });
      const { contentType, bytes } = await this.#fetch.get(url, { signal, maxBytes: mostBytes, timeoutMs });
      return { contentType, length: 0, body: only(bytes) };
    } catch (error) {
      signal.throwIfAborted();
      throw fetchError(url, error);
    }
  }

  async *#pieces(
    url: string,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const iterator = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await within(this.#clock, timeoutMs, abortable(iterator.next(), signal));
        if (!next) throw new Error(`nothing came for ${timeoutMs} ms`);
        if (next.done) return;
        yield next.value;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw fetchError(url, error);
    } finally {
      void Promise.resolve(iterator.return?.()).catch(() => {});
    }
  }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

async function wholeOf(url: string, pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > mostBytes)
      throw new TandemError('ERR_FETCH', `cannot fetch ${url}: larger than ${mostBytes} bytes`, { facts: { url } });
    all.push(piece);
  }
  return Buffer.concat(all);
}
