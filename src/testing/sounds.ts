/** Sounds that are listened for, prepared once: WAV files by name, and samples. */

import { fileURLToPath } from 'node:url';
import { resample } from '../../media/audio/index.ts';
import { decodePrompt } from '../../media/prompt/index.ts';
import { LabError } from './errors.ts';
import { hearingRate } from './hearing/heard-audio.ts';
import { Reference } from './hearing/reference.ts';
import type { MemoryFiles } from './memory-files.ts';

export class Sounds {
  readonly #files: MemoryFiles;
  readonly #folder: string;
  readonly #known = new Map<string, Reference>();
  /** WAV files the servers have read; they are prepared when somebody wants to know what was heard. */
  readonly #read = new Map<string, Uint8Array>();

  /** @param folder where names without a path are looked for */
  constructor(files: MemoryFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
    files.onRead = (path, bytes) => {
      if (path.toLowerCase().endsWith('.wav')) this.#read.set(path, bytes);
    };
  }

  async reference(sound: string | URL | Int16Array): Promise<Reference> {
    if (sound instanceof Int16Array) return new Reference(`${sound.length / 8} ms of audio`, sound);
    const path = this.#pathOf(sound);
    return this.#known.get(path) ?? this.#prepare(path, await this.#bytes(path));
  }

  /** All that were asked for, and what the servers have read. */
  all(): readonly Reference[] {
    for (const [path, bytes] of this.#read) {
      if (this.#known.has(path)) continue;
      try {
        this.#prepare(path, bytes);
      } catch {
        // What is no WAV file was not heard either.
      }
    }
    return [...this.#known.values()];
  }

  async #bytes(path: string): Promise<Uint8Array> {
    try {
      return await this.#files.read(path);
    } catch (cause) {
      throw new LabError('ERR_LAB_SOUND', `there is no ${path} to listen for`, { cause });
    }
  }

  #prepare(path: string, bytes: Uint8Array): Reference {
    const decoded = decodePrompt(bytes, 'audio/wav');
    if (!decoded.ok) throw new LabError('ERR_LAB_SOUND', `cannot listen for ${path}: ${decoded.error}`);
    const { samples, length, sampleRate } = decoded.value;
    const audio = resample(new Int16Array(samples, 0, length), sampleRate, hearingRate);
    const reference = new Reference(path.replace(/^.*\//, ''), audio);
    this.#known.set(path, reference);
    return reference;
  }

  #pathOf(sound: string | URL): string {
    if (sound instanceof URL) return fileURLToPath(sound);
    return sound.startsWith('/') ? sound : `${this.#folder}${sound}`;
  }
}
