/** From what a script wants played to what an engine takes: a shared prompt, or a ring fed from a stream. */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import { abortable } from '../abortable.ts';
import { sampleRateOf } from '../codec/index.ts';
import type { Prompt, PromptStore } from '../prompt/index.ts';
import type { EncodedSource, PromptKey } from '../protocol.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { LoadedSource } from './playback.ts';
import { RingFeed } from './ring-feed.ts';
import { streamDecoder } from './stream-decoder.ts';
import type { AudioType, PlayOptions, PlaySource } from './types.ts';

/** ms of a stream that are read ahead. */
const aheadMs = 1000;

export interface LoadRequest {
  readonly audio: NegotiatedAudio;
  /** What is negotiated by then, for a change in mid-play. */
  readonly current: () => NegotiatedAudio;
  readonly signal: AbortSignal;
}

export class SourceLoader {
  readonly #prompts: PromptStore;

  constructor(prompts: PromptStore) {
    this.#prompts = prompts;
  }

  /** @throws {TandemError} ERR_FILE, ERR_FETCH, ERR_AUDIO_FORMAT */
  async load(source: PlaySource, type: AudioType, options: PlayOptions, request: LoadRequest): Promise<LoadedSource> {
    const format = {
      sampleRate: options.sampleRate ?? sampleRateOf(request.audio.codec),
      channels: options.channels ?? 1,
    };
    if (typeof source === 'string' || source instanceof URL)
      return this.prompt({ url: String(source), type, ...(type === 'audio/pcm' ? format : {}) }, request);
    if (source instanceof Uint8Array) {
      const prompt = await this.#prompts.load(source, type, { ...format, signal: request.signal });
      return this.#encoded(prompt, undefined, request);
    }
    return this.#stream(source, type, format, request);
  }

  /** A prompt by its name, now or after a crash. */
  async prompt(key: PromptKey, request: LoadRequest): Promise<LoadedSource> {
    const { url, type, ...format } = key;
    return this.#encoded(await this.#prompts.load(url, type, { ...format, signal: request.signal }), key, request);
  }

  async #encoded(prompt: Prompt, key: PromptKey | undefined, request: LoadRequest): Promise<LoadedSource> {
    const encode = async (audio: NegotiatedAudio): Promise<EncodedSource> => {
      const encoded = await this.#prompts.encoded(prompt, audio.codec);
      return { kind: 'encoded', ...encoded, ...(key ? { source: key } : {}) };
    };
    return { source: await encode(request.audio), recode: () => encode(request.current()) };
  }

  #stream(
    source: FileHandle | Readable | AsyncIterable<Uint8Array>,
    type: AudioType,
    format: { readonly sampleRate: number; readonly channels: number },
    { audio }: LoadRequest,
  ): LoadedSource {
    const codecRate = sampleRateOf(audio.codec);
    const decoder = streamDecoder(type, { ...format, codecRate });
    const ring = new RingFeed((codecRate * 2 * aheadMs) / 1000);
    return {
      source: { kind: 'ring', ring: ring.memory, raw: type === '' },
      onSpace: () => ring.space(),
      feed: async (signal) => {
        for await (const chunk of chunksOf(source, signal)) await ring.push(decoder.push(chunk), signal);
        await ring.push(decoder.end(), signal);
        ring.end();
      },
    };
  }

  close(): Promise<void> {
    return this.#prompts.close();
  }
}

/** The source's chunks until it ends or the signal is aborted; it is let go of in either case. */
async function* chunksOf(
  source: FileHandle | Readable | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const readable = 'createReadStream' in source ? source.createReadStream({ autoClose: false }) : source;
  const iterator = readable[Symbol.asyncIterator]() as AsyncIterator<unknown>;
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await abortable(iterator.next(), signal);
      if (next.done) return;
      yield bytesOf(next.value);
    }
  } catch (error) {
    if (error === signal.reason || error instanceof TandemError) throw error;
    throw new TandemError('ERR_FILE', `cannot read the stream: ${messageOf(error)}`, { cause: error });
  } finally {
    if (readable instanceof Readable) readable.destroy();
    else void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TandemError('ERR_AUDIO_FORMAT', 'cannot play the stream: it does not give bytes (is an encoding set?)');
}
