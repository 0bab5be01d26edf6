/** Prompts as the configuration has them, as something that can be played. */
import { join } from 'node:path';
import type { DialogServerSession } from '../../index.ts';
import type { Prompt, SpokenPrompt } from '../../routes/target.ts';

/** What can be played. */
export type PlaySource = Parameters<ReturnType<DialogServerSession['playback']>['play']>[0];

const shipped = 'builtin:';

export class Prompts {
  readonly #folder: string;

  /** @param root folder of this package */
  constructor(root: string) {
    this.#folder = join(root, 'prompts');
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
