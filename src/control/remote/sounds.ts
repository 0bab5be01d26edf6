/** What controllers name to be played, as the media plane takes it. */
import { type PlayItem, type PlaySource, tones } from '../../../media/index.ts';
import { soundPath } from '../sound-folder.ts';
import type { Sound, Tone } from './params.ts';

export class SoundReader {
  readonly #folder: string;

  /** @param folder where files are; none outside of it is played */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws TandemError ERR_ARGUMENT */
  source(sounds: Sound | readonly Sound[]): PlaySource {
    return Array.isArray(sounds) ? sounds.map((one) => this.#item(one)) : this.#item(sounds as Sound);
  }

  #item(sound: Sound): PlayItem {
    if ('file' in sound) return soundPath(this.#folder, sound.file);
    if ('url' in sound) return sound.url;
    if ('tone' in sound) {
      const tone = toneOf(sound.tone);
      return sound.duration === undefined ? tone : { tone, duration: sound.duration };
    }
    const { say, voice, language } = sound;
    return { say, ...(voice === undefined ? {} : { voice }), ...(language === undefined ? {} : { language }) };
  }
}

function toneOf(tone: Tone) {
  return typeof tone === 'string' ? tones[tone] : tone;
}
