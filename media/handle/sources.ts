/** From what a script wants played to what an engine takes: shared prompts, tones, and rings fed from streams. */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { abortable } from '../../src/base/abortable.ts';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import { type CompressedType, isCompressed, type Tone } from '../audio/index.ts';
import { sampleRateOf } from '../codec/index.ts';
import type { Prompt, PromptStore } from '../prompt/index.ts';
import type { EncodedSource, EngineItem, PromptKey } from '../protocol.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { ItemSnapshot, PlaybackSnapshot } from '../snapshot.ts';
import { compressedStream } from './compressed-stream.ts';
import { audioTypeOf, audioTypeOfName } from './content-type.ts';
import type { Phrases } from './phrases.ts';
import type { LoadedSource } from './playback.ts';
import { type LoadedItem, playlist } from './playlist.ts';
import { RingFeed } from './ring-feed.ts';
import { streamDecoder } from './stream-decoder.ts';
import type {
  AudioFormat,
  AudioItem,
  AudioSource,
  AudioType,
  PlayItem,
  PlayOptions,
  PlaySource,
  SayItem,
  ToneItem,
} from './types.ts';
import type { Web } from './web.ts';

/** ms of a stream that are read ahead. */
const aheadMs = 1000;
/** More than anybody has a use for in one list. */
const mostItems = 1000;

export interface LoadRequest {
  readonly audio: NegotiatedAudio;
  /** What is negotiated by then, for a change in mid-play. */
  readonly current: () => NegotiatedAudio;
  readonly signal: AbortSignal;
}

export class SourceLoader {
  readonly #prompts: PromptStore;
  readonly #phrases: Phrases;
  readonly #web: Web;

  constructor(prompts: PromptStore, phrases: Phrases, web: Web) {
    this.#prompts = prompts;
    this.#phrases = phrases;
    this.#web = web;
  }

  /**
   * Loads all of it: a list begins when each of its items can be played.
   * @throws {TandemError} ERR_FILE, ERR_FETCH, ERR_AUDIO_FORMAT, ERR_TTS, ERR_ARGUMENT
   */
  async load(
    source: PlaySource,
    type: AudioType | undefined,
    options: PlayOptions,
    request: LoadRequest,
  ): Promise<LoadedSource> {
    if (!isList(source)) return this.#item(source, type, options, request);
    if (source.length > mostItems)
      throw new TandemError('ERR_ARGUMENT', `a list of ${source.length} items is more than ${mostItems}`);
    return playlist(await Promise.all(source.map((item) => this.#item(item, type, options, request))));
  }

  /** What a leg was playing, on another leg. */
  async restore(saved: PlaybackSnapshot['source'], request: LoadRequest): Promise<LoadedSource> {
    if (saved.kind !== 'list') return this.#restoreItem(saved, request);
    return playlist(await Promise.all(saved.items.map((item) => this.#restoreItem(item, request))));
  }

  async #restoreItem(saved: ItemSnapshot, request: LoadRequest): Promise<LoadedItem> {
    return saved.kind === 'tone' ? unchanging(saved) : this.#prompt(saved.key, request);
  }

  async #item(
    item: PlayItem,
    type: AudioType | undefined,
    options: PlayOptions,
    request: LoadRequest,
  ): Promise<LoadedItem> {
    if (typeof item === 'string' || item instanceof URL || item instanceof Uint8Array || isStream(item))
      return this.#audio(item, type, options, request);
    if (isTone(item)) return unchanging({ kind: 'tone', tone: item });
    if (isToneItem(item)) return unchanging({ kind: 'tone', tone: item.tone, duration: durationOf(item) });
    if (isSayItem(item)) return this.#say(item, options, request);
    if (isAudioItem(item)) return this.#audio(item.source, item.type ?? type, { ...options, ...item }, request);
    throw new TandemError('ERR_ARGUMENT', 'this is nothing that can be played');
  }

  async #audio(
    source: AudioSource,
    type: AudioType | undefined,
    options: PlayOptions,
    request: LoadRequest,
  ): Promise<LoadedItem> {
    const url = httpUrl(source);
    if (url !== undefined) return this.#fetched(url, type, options, request);
    const named = typeof source === 'string' || source instanceof URL;
    const known = type ?? audioTypeOfName(named ? String(source) : '');
    const format = formatOf(known, options, request);
    if (typeof source === 'string' || source instanceof URL)
      return this.#prompt({ url: String(source), type: known, ...keyFormat(known, format) }, request);
    if (source instanceof Uint8Array) {
      const prompt = await this.#prompts.load(source, known, { ...format, signal: request.signal });
      return this.#encoded(prompt, undefined, request);
    }
    return this.#stream((signal) => chunksOf(source, signal), known, format, request);
  }

  /** What cannot be loaded again in the middle of it (a round, a later beginning) is taken whole. */
  async #fetched(
    url: string,
    type: AudioType | undefined,
    options: PlayOptions,
    request: LoadRequest,
  ): Promise<LoadedItem> {
    const found = await this.#web.load(url, isReplayed(options), request.signal);
    const said = audioTypeOf(found.contentType);
    const known = type ?? said?.type ?? audioTypeOfName(url);
    const format = formatOf(known, said?.type === known ? { ...said, ...options } : options, request);
    if ('body' in found) return this.#stream(() => found.body, known, format, request);
    const prompt = await this.#prompts.load(found.bytes, known, { ...format, name: url, signal: request.signal });
    return this.#encoded(prompt, { url, type: known, ...keyFormat(known, format) }, request);
  }

  /** A prompt by its name, now or after a crash. */
  async #prompt(key: PromptKey, request: LoadRequest): Promise<LoadedItem> {
    const { url, type, ...format } = key;
    return this.#encoded(await this.#prompts.load(url, type, { ...format, signal: request.signal }), key, request);
  }

  async #encoded(prompt: Prompt, key: PromptKey | undefined, request: LoadRequest): Promise<LoadedItem> {
    const encode = async (audio: NegotiatedAudio): Promise<EncodedSource> => {
      const encoded = await this.#prompts.encoded(prompt, audio.codec);
      return { kind: 'encoded', ...encoded, ...(key ? { source: key } : {}) };
    };
    return { source: await encode(request.audio), recode: () => encode(request.current()) };
  }

  async #say(item: SayItem, options: PlayOptions, request: LoadRequest): Promise<LoadedItem> {
    const phrase = await this.#phrases.load(item, isReplayed(options), request.signal);
    if ('kind' in phrase) return this.#encoded(phrase, undefined, request);
    const { sampleRate } = phrase;
    const decoder = streamDecoder('audio/pcm', {
      sampleRate,
      channels: 1,
      codecRate: sampleRateOf(request.audio.codec),
    });
    return ringItem(false, request, async (ring, signal) => {
      for await (const { buffer, byteOffset, byteLength } of phrase.audio(signal))
        await ring.push(decoder.push(new Uint8Array(buffer, byteOffset, byteLength)), signal);
      await ring.push(decoder.end(), signal);
    });
  }

  /** @param chunks gives them until the signal is aborted */
  #stream(
    chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
    type: AudioType,
    format: Format,
    request: LoadRequest,
  ): LoadedItem {
    if (isCompressed(type)) return this.#compressed(chunks, type, request);
    const codecRate = sampleRateOf(request.audio.codec);
    const decoder = streamDecoder(type, { ...format, codecRate });
    return ringItem(type === '', request, async (ring, signal) => {
      for await (const chunk of chunks(signal)) await ring.push(decoder.push(chunk), signal);
      await ring.push(decoder.end(), signal);
    });
  }

  #compressed(
    chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
    type: CompressedType,
    request: LoadRequest,
  ): LoadedItem {
    return ringItem(false, request, async (ring, signal) => {
      const decoder = await compressedStream(type, sampleRateOf(request.audio.codec));
      try {
        for await (const chunk of chunks(signal))
          for (const piece of decoder.push(chunk)) await ring.push(piece, signal);
        for (const piece of decoder.end()) await ring.push(piece, signal);
      } finally {
        decoder.close();
      }
    });
  }

  close(): Promise<void> {
    this.#phrases.close();
    return this.#prompts.close();
  }
}

/** A ring of `aheadMs` that `fill` fills at the codec's rate. */
function ringItem(
  raw: boolean,
  { audio, current }: LoadRequest,
  fill: (ring: RingFeed, signal: AbortSignal) => Promise<void>,
): LoadedItem {
  const rate = sampleRateOf(audio.codec);
  const ring = new RingFeed((rate * 2 * aheadMs) / 1000);
  const source = { kind: 'ring', ring: ring.memory, raw } as const;
  return {
    source,
    onSpace: () => ring.space(),
    feed: async (signal) => {
      await fill(ring, signal);
      ring.end();
    },
    recode: async () => {
      if (raw || sampleRateOf(current().codec) === rate) return source;
      throw new TandemError('ERR_AUDIO_FORMAT', 'a stream cannot go on at the sample rate that was agreed on since');
    },
  };
}

function unchanging(source: Extract<EngineItem, { readonly kind: 'tone' }>): LoadedItem {
  return { source, recode: async () => source };
}

function isReplayed({ loop = false, from = 0 }: PlayOptions): boolean {
  return loop !== false || from > 0;
}

interface Format {
  readonly sampleRate: number;
  readonly channels: number;
}

function formatOf(type: AudioType, { sampleRate, channels = 1 }: AudioFormat, { audio }: LoadRequest): Format {
  return { sampleRate: sampleRate ?? (type === 'audio/basic' ? 8000 : sampleRateOf(audio.codec)), channels };
}

/** What has to be known to load it again. */
function keyFormat(type: AudioType, format: Format): AudioFormat {
  return type === 'audio/pcm' || type === 'audio/basic' ? format : {};
}

function httpUrl(source: AudioSource): string | undefined {
  if (source instanceof URL) return /^https?:$/.test(source.protocol) ? source.href : undefined;
  return typeof source === 'string' && /^https?:\/\//i.test(source) && URL.canParse(source)
    ? new URL(source).href
    : undefined;
}

function durationOf({ duration }: ToneItem): number {
  if (Number.isFinite(duration) && duration >= 0) return duration;
  throw new TandemError('ERR_ARGUMENT', `the duration of a tone is in milliseconds, not ${duration}`);
}

function isList(source: PlaySource): source is readonly PlayItem[] {
  return Array.isArray(source);
}

function isStream(item: object): item is FileHandle | Readable | AsyncIterable<Uint8Array> {
  return Symbol.asyncIterator in item || 'createReadStream' in item;
}

function isTone(item: object): item is Tone {
  return 'frequencies' in item;
}

function isToneItem(item: object): item is ToneItem {
  return 'tone' in item;
}

function isSayItem(item: object): item is SayItem {
  return 'say' in item;
}

function isAudioItem(item: object): item is AudioItem {
  return 'source' in item;
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
