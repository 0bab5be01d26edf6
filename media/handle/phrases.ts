/**
 * Text that is said: synthesized once for all that ask for it at the same time, heard from its first samples on, and
 * then a prompt like others.
 */
import { createHash } from 'node:crypto';
import { abortable } from '../../src/base/abortable.ts';
import { type Clock, within } from '../../src/base/clock.ts';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import type { Speech, TtsProvider } from '../../src/base/io.ts';
import type { DecodedPrompt, Prompt, PromptStore } from '../prompt/index.ts';
import type { SayItem } from './types.ts';

/** Characters of one phrase. */
const mostCharacters = 20_000;
/** Bytes of audio of one phrase: half an hour at 16 kHz. */
const mostBytes = 64 * 1024 * 1024;
/** ms that a provider may be silent. */
const stallMs = 10_000;

export class Phrases {
  readonly #prompts: PromptStore;
  readonly #tts: TtsProvider | undefined;
  readonly #clock: Clock;
  readonly #speaking = new Map<string, Phrase>();

  constructor(prompts: PromptStore, tts: TtsProvider | undefined, clock: Clock) {
    this.#prompts = prompts;
    this.#tts = tts;
    this.#clock = clock;
  }

  /**
   * The phrase as a prompt, if it was said before; else while it is being said, once the first words are there.
   * @param whole not before all of it is there
   * @param signal aborted when nobody hears it any more
   * @throws {TandemError} ERR_TTS, ERR_ARGUMENT
   */
  async load({ say, voice, language }: SayItem, whole: boolean, signal: AbortSignal): Promise<Prompt | Phrase> {
    if (typeof say !== 'string' || say.length > mostCharacters)
      throw new TandemError('ERR_ARGUMENT', `what is said is a text of at most ${mostCharacters} characters`);
    if (!this.#tts) throw new TandemError('ERR_TTS', 'there is nobody to say it: give a tts');
    const identity = JSON.stringify([say, voice ?? null, language ?? null]);
    const key = `phrase ${createHash('sha256').update(identity).digest('base64')}`;
    const known = this.#prompts.find(key);
    if (known) return known;
    let phrase = this.#speaking.get(key);
    if (!phrase || phrase.stopped) {
      const stop = new AbortController();
      const options = {
        ...(voice === undefined ? {} : { voice }),
        ...(language === undefined ? {} : { language }),
        signal: stop.signal,
      };
      const tts = this.#tts;
      const begun = new Phrase(this.#clock, stop, () => tts.synthesize(say, options));
      phrase = begun;
      this.#speaking.set(key, begun);
      const forget = (): void => {
        if (this.#speaking.get(key) === begun) this.#speaking.delete(key);
      };
      begun.finished.then((audio) => this.#prompts.keep(key, audio)).then(forget, forget);
    }
    phrase.join(signal);
    if (whole) return { key, kind: 'audio', audio: await abortable(phrase.finished, signal) };
    await abortable(phrase.begun, signal);
    return phrase;
  }

  close(): void {
    for (const phrase of this.#speaking.values()) phrase.stop();
  }
}

/** A phrase that is being said. */
export class Phrase {
  /** Resolves when there is a sample rate. */
  readonly begun: Promise<void>;
  readonly finished: Promise<DecodedPrompt>;
  readonly #clock: Clock;
  readonly #stop: AbortController;
  readonly #chunks: Int16Array[] = [];
  #sampleRate = 0;
  #samples = 0;
  #listeners = 0;
  #more = Promise.withResolvers<void>();
  #over = false;

  constructor(clock: Clock, stop: AbortController, synthesize: () => Promise<Speech>) {
    this.#clock = clock;
    this.#stop = stop;
    const speech = this.#timely(synthesize)
      .then((begun) => this.#begin(begun))
      .catch((error: unknown) => {
        throw ttsError(error);
      });
    this.begun = speech.then(() => {});
    this.finished = speech
      .then((begun) => this.#hear(begun))
      .catch((error: unknown) => {
        this.#stop.abort();
        throw ttsError(error);
      })
      .finally(() => {
        this.#over = true;
        this.#more.resolve();
      });
    this.begun.catch(() => {});
    this.finished.catch(() => {});
  }

  /** Nobody listened any more before it was over. */
  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  get sampleRate(): number {
    return this.#sampleRate;
  }

  /** Counts as a listener until the signal is aborted; with the last of them it ends. */
  join(signal: AbortSignal): void {
    this.#listeners++;
    const leave = (): void => {
      if (--this.#listeners === 0) this.stop();
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }

  stop(): void {
    if (!this.#over) this.#stop.abort(new TandemError('ERR_TTS', 'cannot speak: nobody listens any more'));
  }

  /** From its beginning. @throws {TandemError} ERR_TTS, the signal's reason */
  async *audio(signal: AbortSignal): AsyncGenerator<Int16Array, void, void> {
    for (let n = 0; ; n++) {
      while (n === this.#chunks.length) {
        if (this.#over) {
          await this.finished;
          return;
        }
        await abortable(this.#more.promise, signal);
      }
      yield this.#chunks[n]!;
    }
  }

  #begin(speech: Speech): Speech {
    const { sampleRate } = speech;
    if (!Number.isInteger(sampleRate) || sampleRate < 1000 || sampleRate > 384_000)
      throw new TandemError('ERR_TTS', `cannot speak: a sample rate of ${sampleRate} Hz is not supported`);
    this.#sampleRate = sampleRate;
    return speech;
  }

  async #hear({ audio }: Speech): Promise<DecodedPrompt> {
    const iterator = audio[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#timely(() => iterator.next());
        if (next.done) return this.#whole();
        if (!(next.value instanceof Int16Array)) throw new TandemError('ERR_TTS', 'cannot speak: no Int16Array came');
        this.#take(next.value.slice());
      }
    } finally {
      void Promise.resolve(iterator.return?.()).catch(() => {});
    }
  }

  #take(samples: Int16Array): void {
    this.#samples += samples.length;
    if (this.#samples * 2 > mostBytes) throw new TandemError('ERR_TTS', 'cannot speak: it takes no end');
    this.#chunks.push(samples);
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }

  #whole(): DecodedPrompt {
    const samples = new Int16Array(new SharedArrayBuffer(2 * this.#samples));
    let at = 0;
    for (const chunk of this.#chunks) {
      samples.set(chunk, at);
      at += chunk.length;
    }
    return { sampleRate: this.#sampleRate, samples: samples.buffer, length: samples.length };
  }

  async #timely<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const value = abortable(work(), signal).then((given) => ({ given }));
    const result = await within(this.#clock, stallMs, value);
    if (result) return result.given;
    throw new TandemError('ERR_TTS', `cannot speak: nothing came for ${stallMs} ms`);
  }
}

function ttsError(error: unknown): TandemError {
  if (error instanceof TandemError && error.code === 'ERR_TTS') return error;
  return new TandemError('ERR_TTS', `cannot speak: ${messageOf(error)}`, { cause: error });
}
