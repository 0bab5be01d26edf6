/** Recordings on the disk: `<name>`, or `<name>.sealed`; `<name>.json`, the note; `<name>.hold`, not to be deleted. */
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { type KeptRecording, parseNote, type RecordingNote } from './note.ts';
import type { Keyring } from './options.ts';
import { chunkBytes, looksSealed, type ReadAt, SealedFile, sealed } from './sealed-file.ts';
import type { OpenRecording, Vault } from './vault.ts';

const audio = /\.(wav|opus|ogg|oga)$/i;
const sealedEnd = '.sealed';
const partEnd = '.part';
/** Longest note that is read, bytes. */
const longestNote = 65_536;

export class NodeVault implements Vault {
  readonly folder: string;
  readonly #random: Pick<Random, 'bytes'>;

  constructor(folder: string, random: Pick<Random, 'bytes'>) {
    this.folder = resolve(folder);
    this.#random = random;
  }

  nameOf(path: string): string | undefined {
    const way = relative(this.folder, resolve(path));
    if (way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) || !audio.test(way))
      return undefined;
    return way.split(sep).join('/');
  }

  async *list(): AsyncGenerator<KeptRecording, void, void> {
    let found: { readonly name: string; readonly parentPath: string; isFile(): boolean }[];
    try {
      found = await readdir(this.folder, { recursive: true, withFileTypes: true });
    } catch (error) {
      if (isGone(error)) return;
      throw error;
    }
    const names = new Set<string>();
    for (const entry of found) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const name = this.nameOf(path.endsWith(sealedEnd) ? path.slice(0, -sealedEnd.length) : path);
      if (name !== undefined) names.add(name);
    }
    for (const name of names) {
      const one = await this.find(name);
      if (one) yield one;
    }
  }

  async find(name: string): Promise<KeptRecording | undefined> {
    const path = this.#path(name);
    const plain = await statOf(path);
    const stat = plain ?? (await statOf(path + sealedEnd));
    if (!stat) return undefined;
    const { size, mtimeMs: modified } = stat;
    const held = (await statOf(`${path}.hold`)) !== undefined;
    return { name, size, modified, sealed: !plain, held, note: await this.#note(path) };
  }

  async writeNote(name: string, note: RecordingNote): Promise<void> {
    const path = `${this.#path(name)}.json`;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeWhole(path, [Buffer.from(`${JSON.stringify(note)}\n`)]);
  }

  async seal(name: string, keyring: Keyring, signal: AbortSignal): Promise<void> {
    const path = this.#path(name);
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      if (isGone(error) && (await statOf(path + sealedEnd))) return;
      throw error;
    }
    try {
      await writeWhole(path + sealedEnd, sealed(whole(await readerOf(file)), keyring, this.#random), signal);
    } finally {
      await file.close();
    }
    await rm(path);
  }

  async open(name: string, keyring: Pick<Keyring, 'find'> | undefined): Promise<OpenRecording> {
    const path = this.#path(name);
    return openRecording(await openEither(path), keyring);
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    // The note goes last: what is left of a deletion that was cut off is found by the audio.
    for (const end of ['', sealedEnd, sealedEnd + partEnd, '.hold', '.json']) await rm(path + end, { force: true });
  }

  async hold(name: string, on: boolean): Promise<void> {
    const path = `${this.#path(name)}.hold`;
    if (on) await (await open(path, 'w', 0o600)).close();
    else await rm(path, { force: true });
  }

  #path(name: string): string {
    const path = resolve(this.folder, name);
    if (this.nameOf(path) === undefined)
      throw new TandemError('ERR_ARGUMENT', `${JSON.stringify(name)} is no recording below ${this.folder}`);
    return path;
  }

  async #note(path: string): Promise<RecordingNote | undefined> {
    const stat = await statOf(`${path}.json`);
    if (!stat || stat.size > longestNote) return undefined;
    try {
      return parseNote(await readFile(`${path}.json`, 'utf8'));
    } catch {
      return undefined;
    }
  }
}

/** A file that was recorded here, or one that was sealed later. @throws of `node:fs` */
export async function openEither(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (!isGone(error)) throw error;
    return open(path + sealedEnd, 'r').catch(() => {
      throw error;
    });
  }
}

/** Takes the file over. @param keyring opens it if it is sealed; without it, it is read as it lies there */
export async function openRecording(
  file: FileHandle,
  keyring: Pick<Keyring, 'find'> | undefined,
): Promise<OpenRecording & ReadAt> {
  try {
    const reader = await readerOf(file);
    const isSealed = looksSealed(await reader.read(0, 16));
    const inner = isSealed && keyring ? await SealedFile.open(reader, keyring) : undefined;
    return {
      size: inner?.size ?? reader.size,
      sealed: isSealed,
      read: (position, length) => (inner ?? reader).read(position, length),
      stream: (start, end) => (inner ? inner.stream(start, end) : whole(reader, start, end)),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readerOf(file: FileHandle): Promise<ReadAt> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new TandemError('ERR_FILE', 'it is no plain file');
  const { size } = stat;
  return {
    size,
    async read(position, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
  };
}

/** @throws TandemError ERR_FILE for a file that became shorter */
async function* whole(file: ReadAt, start = 0, end = file.size): AsyncGenerator<Uint8Array, void, void> {
  for (let at = start; at < end; ) {
    const piece = await file.read(at, Math.min(chunkBytes, end - at));
    if (piece.length === 0) throw new TandemError('ERR_FILE', 'the recording was cut off while it was read');
    yield piece;
    at += piece.length;
  }
}

/** There in whole, on the disk, or not at all. */
async function writeWhole(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const part = path + partEnd;
  try {
    const file = await open(part, 'w', 0o600);
    try {
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        await file.writeFile(piece);
      }
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    if (signal?.aborted) throw error;
    const errno = (error as NodeJS.ErrnoException).code;
    throw new TandemError('ERR_FILE', `${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
      facts: { errno },
    });
  }
}

async function statOf(path: string) {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? stat : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code));
}
