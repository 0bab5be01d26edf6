/** Prompts as the configuration has them, as something that can be played. */
import { join } from 'node:path';
import { TandemError } from '../../base/errors.ts';
import type { DialogServerSession } from '../../index.ts';
import type { Prompt, SpokenPrompt } from '../../routes/target.ts';

/** What can be played. */
export type PlaySource = Parameters<ReturnType<DialogServerSession['playback']>['play']>[0];

const shipped = 'builtin:';

/** What is wrong with a prompt, and no reason to lose a caller. */
const unplayable = new Set(['ERR_FILE', 'ERR_FETCH', 'ERR_AUDIO_FORMAT', 'ERR_TTS']);

export class Prompts {
  readonly #folder: string;
  readonly #failed: (error: TandemError) => void;

  /** @param root folder of this package @param failed told of a prompt that cannot be played: the call goes on without */
  constructor(root: string, failed: (error: TandemError) => void = () => {}) {
    this.#folder = join(root, 'prompts');
    this.#failed = failed;
  }

  async play(call: DialogServerSession, prompt: Prompt, language?: string): Promise<void> {
    await this.without(() => call.playback().play(this.source(prompt, language)));
  }

  /** @returns undefined where what was to be played cannot be. @throws everything else */
  async without<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TandemError) || !unplayable.has(error.code)) throw error;
      this.#failed(error);
      return undefined;
    }
  }

  /** Path of a prompt that is shipped. */
  builtin(name: string): string {
    return join(this.#folder, `${name}.wav`);
  }

  /** Where a prompt's file is; undefined for what is no file. */
  pathOf(text: string): string | undefined {
    if (text.startsWith(shipped)) return this.builtin(text.slice(shipped.length));
    return /^https?:\/\//.test(text) ? undefined : text;
  }

  /** @param language of texts that say none */
  source(prompt: Prompt, language?: string): PlaySource {
    return Array.isArray(prompt)
      ? prompt.map((one: string | SpokenPrompt) => this.#item(one, language))
      : this.#item(prompt as string | SpokenPrompt, language);
  }

  #item(one: string | SpokenPrompt, language: string | undefined) {
    if (typeof one === 'string') return this.pathOf(one) ?? new URL(one);
    const spoken = one.language ?? language;
    return {
      say: one.say,
      ...(spoken === undefined ? {} : { language: spoken }),
      ...(one.voice === undefined ? {} : { voice: one.voice }),
    };
  }
}
