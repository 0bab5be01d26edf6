/** Sounds that are listened for, prepared once: WAV files by name, and samples. */
import { fileURLToPath } from 'node:url';
import { resample } from '../../media/audio/index.ts';
import { decodePrompt } from '../../media/prompt/index.ts';
import { LabError } from './errors.ts';
import { hearingRate, samplesPerMs } from './hearing/heard-audio.ts';
import { Reference } from './hearing/reference.ts';
import type { MemoryFiles } from './memory-files.ts';

interface Known {
  /** What it was prepared of: a file in memory may be written anew. */
  readonly bytes: Uint8Array;
  readonly reference: Reference;
}

export class Sounds {
  readonly #files: MemoryFiles;
  readonly #folder: string;
  readonly #known = new Map<string, Known>();
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

  /**
   * @param sound a WAV file, or 16-bit mono samples at 8 kHz
   * @throws LabError ERR_LAB_SOUND when there is no such file, or it is no WAV file
   */
  async reference(sound: string | URL | Int16Array): Promise<Reference> {
    if (sound instanceof Int16Array) return new Reference(`${sound.length / samplesPerMs} ms of audio`, sound);
    const path = this.#pathOf(sound);
    const known = this.#known.get(path);
    if (known && !this.#files.paths.includes(path)) return known.reference;
    return this.#prepare(path, await this.#bytes(path));
  }

  /** All files that were asked for, and what the servers have read. */
  all(): readonly Reference[] {
    for (const [path, bytes] of this.#read) {
      try {
        this.#prepare(path, bytes);
      } catch {
        // What is no WAV file was not heard either.
      }
    }
    return [...this.#known.values()].map(({ reference }) => reference);
  }

  async #bytes(path: string): Promise<Uint8Array> {
    try {
      return await this.#files.read(path);
    } catch (cause) {
      throw new LabError('ERR_LAB_SOUND', `there is no ${path} to listen for`, { cause });
    }
  }

  #prepare(path: string, bytes: Uint8Array): Reference {
    const known = this.#known.get(path);
    if (known && Buffer.compare(known.bytes, bytes) === 0) return known.reference;
    const decoded = decodePrompt(bytes, 'audio/wav');
    if (!decoded.ok) throw new LabError('ERR_LAB_SOUND', `cannot listen for ${path}: ${decoded.error}`);
    const { samples, length, sampleRate } = decoded.value;
    const audio = resample(new Int16Array(samples, 0, length), sampleRate, hearingRate);
    const reference = new Reference(path.replace(/^.*\//, ''), audio);
    this.#known.set(path, { bytes: bytes.slice(), reference });
    return reference;
  }

  #pathOf(sound: string | URL): string {
    if (sound instanceof URL) return fileURLToPath(sound);
    return sound.startsWith('/') ? sound : `${this.#folder}${sound}`;
  }
}
