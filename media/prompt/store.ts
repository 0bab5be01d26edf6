/**
 * Prompts, each decoded once and encoded once per codec, shared by all the calls that play it. Results are in
 * shared memory, so that a worker thread plays what another made without a copy.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { abortable } from '../../src/base/abortable.ts';
import type { Fetch, Files } from '../../src/base/io.ts';
import { type CodecFormat, payloadKey } from '../codec/index.ts';
import type { DecodedPrompt, PcmFormat, PromptCoder, PromptType } from './decode-prompt.ts';
import { audioFormatError, closedError, fetchError, fileError } from './errors.ts';
import { LruCache } from './lru.ts';

export interface PromptStoreOptions {
  /** Decoded and encoded audio kept; default 256 MB. */
  readonly promptCacheBytes?: number;
  /** A larger file or body is refused; default 256 MB. */
  readonly maxSourceBytes?: number;
  /** ms for a URL; default 10,000. */
  readonly fetchTimeoutMs?: number;
}

export interface PromptStorePorts {
  readonly files: Files;
  readonly fetch: Fetch;
  readonly coder: PromptCoder;
}

export type PromptSource = string | URL | Uint8Array;

/** A prompt that is loaded: audio, or payload that is sent as it is. */
export type Prompt = { readonly key: string } & (
  | { readonly kind: 'audio'; readonly audio: DecodedPrompt }
  | { readonly kind: 'payload'; readonly payload: SharedArrayBuffer }
);

/** Payload of a whole prompt, shared: never write to it. */
export interface EncodedPrompt {
  readonly payload: SharedArrayBuffer;
  /** Bytes of audio in `payload`. */
  readonly length: number;
  /** The codec's `key`, or '' for payload that is sent as it is. */
  readonly encoding: string;
}

const megabyte = 1024 * 1024;

export class PromptStore {
  readonly #ports: PromptStorePorts;
  readonly #maxSourceBytes: number;
  readonly #fetchTimeoutMs: number;
  readonly #cache: LruCache<Prompt | EncodedPrompt>;
  /** One request for all that ask for the same URL at the same time. */
  readonly #fetching = new Map<string, Promise<Uint8Array>>();
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: PromptStoreOptions, ports: PromptStorePorts) {
    this.#ports = ports;
    this.#maxSourceBytes = options.maxSourceBytes ?? 256 * megabyte;
    this.#fetchTimeoutMs = options.fetchTimeoutMs ?? 10_000;
    this.#cache = new LruCache(options.promptCacheBytes ?? 256 * megabyte);
  }

  /** Bytes of audio in the cache. */
  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  /**
   * Loads a prompt, or finds it again. A file is known by path, time and size; a URL is asked for again each
   * time, but decoded again only if its bytes have changed.
   * @param source path, `file:` or `http(s):` URL, or the bytes themselves
   * @param options format of `audio/pcm` and `audio/basic`; `name` of bytes, for errors; `signal` ends the waiting of
   * this caller only
   * @throws TandemError ERR_FILE, ERR_FETCH, ERR_AUDIO_FORMAT, ERR_CLOSED; the signal's reason
   */
  async load(
    source: PromptSource,
    type: PromptType,
    options: PcmFormat & { readonly name?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Prompt> {
    const { signal, name = 'the audio', ...format } = options;
    signal?.throwIfAborted();
    const prompt = this.#load(source, type, format, name);
    return signal ? await abortable(prompt, signal) : await prompt;
  }

  /** What was kept under `key`, unless it had to make room. */
  find(key: string): Promise<Prompt> | undefined {
    return this.#cache.find(key) as Promise<Prompt> | undefined;
  }

  /** Keeps audio that was made elsewhere. */
  async keep(key: string, audio: DecodedPrompt): Promise<void> {
    await this.#cache.get(key, async () => ({ value: { key, kind: 'audio', audio }, bytes: audio.samples.byteLength }));
  }

  /** The prompt's payload in one codec. @throws TandemError ERR_AUDIO_FORMAT, ERR_CLOSED */
  async encoded(prompt: Prompt, codec: CodecFormat): Promise<EncodedPrompt> {
    this.#check();
    if (prompt.kind === 'payload') return { payload: prompt.payload, length: prompt.payload.byteLength, encoding: '' };
    const encoding = payloadKey(codec);
    const { name, clockRate, channels, fmtp } = codec;
    const key = `${prompt.key} as ${encoding}`;
    const found = await this.#cache.get(key, async () => {
      const job = { prompt: prompt.audio, codec: { name, clockRate, channels, fmtp } };
      const payload = await this.#ports.coder.encode(job);
      return { value: { payload, length: payload.byteLength, encoding }, bytes: payload.byteLength };
    });
    return found as EncodedPrompt;
  }

  /** Forgets everything, ends running requests and the coder. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#closed.abort(closedError());
    this.#cache.clear();
    await this.#ports.coder.close();
  }

  #check(): void {
    if (this.#closing) throw closedError();
  }

  async #load(source: PromptSource, type: PromptType, format: PcmFormat, name: string): Promise<Prompt> {
    this.#check();
    if (source instanceof Uint8Array) {
      this.#checkSize(source.length, name);
      return this.#prompt(`bytes ${digest(source)}`, name, type, format, async () => source);
    }
    const url = urlOf(source);
    if (url && url.protocol !== 'file:') {
      const bytes = await this.#fetchOnce(url.href);
      return this.#prompt(`bytes ${digest(bytes)}`, url.href, type, format, async () => bytes);
    }
    const path = url ? pathOf(url) : String(source);
    const stat = await this.#ports.files.stat(path).catch((error: unknown) => {
      throw fileError(path, error);
    });
    this.#checkSize(stat.size, path);
    return this.#prompt(`file ${stat.modified} ${stat.size} ${path}`, path, type, format, () =>
      this.#ports.files.read(path).catch((error: unknown) => {
        throw fileError(path, error);
      }),
    );
  }

  async #prompt(
    identity: string,
    name: string,
    type: PromptType,
    format: PcmFormat,
    read: () => Promise<Uint8Array>,
  ): Promise<Prompt> {
    this.#check();
    const pcm =
      type === 'audio/pcm' || type === 'audio/basic' ? ` ${format.sampleRate ?? 8000}/${format.channels ?? 1}` : '';
    const key = `${type}${pcm} ${identity}`;
    const found = await this.#cache.get(key, async () => {
      const bytes = await read();
      this.#checkSize(bytes.length, name); // a device or a growing file has more than its size said
      if (type === '') {
        const payload = new SharedArrayBuffer(bytes.length);
        new Uint8Array(payload).set(bytes);
        return { value: { key, kind: 'payload', payload }, bytes: bytes.length };
      }
      const audio = await this.#ports.coder.decode({ name, bytes, type, options: format });
      return { value: { key, kind: 'audio', audio }, bytes: audio.samples.byteLength };
    });
    return found as Prompt;
  }

  #fetchOnce(url: string): Promise<Uint8Array> {
    const running = this.#fetching.get(url);
    if (running) return running;
    const options = { signal: this.#closed.signal, maxBytes: this.#maxSourceBytes, timeoutMs: this.#fetchTimeoutMs };
    const fetched = this.#ports.fetch
      .get(url, options)
      .then(
        ({ bytes }) => bytes,
        (error: unknown) => {
          throw this.#closing ? closedError() : fetchError(url, error);
        },
      )
      .finally(() => this.#fetching.delete(url));
    this.#fetching.set(url, fetched);
    return fetched;
  }

  #checkSize(size: number, name: string): void {
    if (size > this.#maxSourceBytes)
      throw audioFormatError(name, `it is larger than ${Math.floor(this.#maxSourceBytes / megabyte)} MB`);
  }
}

/** Only what has one of these schemes is a URL: `C:\hi.wav` and `a:b.wav` are paths. */
function urlOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source;
  return /^(https?|file):\/\//i.test(source) && URL.canParse(source) ? new URL(source) : undefined;
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw fileError(url.href, error);
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
