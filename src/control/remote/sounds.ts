/** What controllers name to be played, as the media plane takes it. */
import { relative, resolve, sep } from 'node:path';
import { type PlayItem, type PlaySource, tones } from '../../../media/index.ts';
import { TandemError } from '../../base/errors.ts';
import type { Sound, Tone } from './params.ts';

export class SoundReader {
  readonly #folder: string;

  /** @param folder where files are; none outside of it is played */
  constructor(folder: string) {
    this.#folder = resolve(folder);
  }

  /** @throws TandemError ERR_ARGUMENT */
  source(sounds: Sound | readonly Sound[]): PlaySource {
    return Array.isArray(sounds) ? sounds.map((one) => this.#item(one)) : this.#item(sounds as Sound);
  }

  #item(sound: Sound): PlayItem {
    if ('file' in sound) return this.#path(sound.file);
    if ('url' in sound) return sound.url;
    if ('tone' in sound) {
      const tone = toneOf(sound.tone);
      return sound.duration === undefined ? tone : { tone, duration: sound.duration };
    }
    const { say, voice, language } = sound;
    return { say, ...(voice === undefined ? {} : { voice }), ...(language === undefined ? {} : { language }) };
  }

  #path(name: string): string {
    const path = resolve(this.#folder, name);
    const way = relative(this.#folder, path);
    if (name.includes('\0') || way === '..' || way.startsWith(`..${sep}`))
      throw new TandemError('ERR_ARGUMENT', `${name} is not below the folder of sounds`);
    return path;
  }
}

function toneOf(tone: Tone) {
  return typeof tone === 'string' ? tones[tone] : tone;
}
