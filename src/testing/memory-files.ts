/** Files in memory over those of the disk, which are read and never written. */
import { TandemError } from '../base/errors.ts';
import type { FileEditor, FileStat, Files, FileWriter, Folders } from '../base/io.ts';
import { nodeFiles } from '../base/node.ts';
import type { FakeClock } from './fake-clock.ts';

interface MemoryFile {
  bytes: Uint8Array;
  length: number;
  modified: number;
}

export class MemoryFiles implements Files {
  /** Every write and create from now on fails with it: a full disk, say. */
  failure: Error | undefined;
  /** Told of every file that is read, from memory or the disk. */
  onRead: (path: string, bytes: Uint8Array) => void = () => {};
  /** Of what is in memory; the disk's are not listed, and stay. */
  readonly folders: Folders = {
    make: async () => {
      if (this.failure) throw this.failure;
    },
    list: async (path) => {
      const inside = `${path}/`;
      const names = this.paths.filter((one) => one.startsWith(inside)).map((one) => one.slice(inside.length));
      return names.filter((name) => !name.includes('/'));
    },
    rename: async (from, to) => {
      if (this.failure) throw this.failure;
      const file = this.#files.get(from);
      if (!file) throw new TandemError('ERR_FILE', `there is no ${from}`, { facts: { path: from } });
      this.#files.delete(from);
      this.#files.set(to, file);
    },
    remove: async (path) => {
      this.#files.delete(path);
    },
  };
  readonly #clock: FakeClock;
  readonly #files = new Map<string, MemoryFile>();
  #open = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Files that are being written. */
  get open(): number {
    return this.#open;
  }

  /** Paths of what is in memory. */
  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** What was written, or put there. @throws TandemError ERR_FILE when there is none */
  get(path: string): Uint8Array {
    const file = this.#files.get(path);
    if (file) return file.bytes.slice(0, file.length);
    const names = this.paths.join(', ') || 'nothing';
    throw new TandemError('ERR_FILE', `nobody wrote ${path}; there is: ${names}`, { facts: { path } });
  }

  set(path: string, bytes: Uint8Array): void {
    this.#files.set(path, { bytes: new Uint8Array(bytes), length: bytes.length, modified: this.#clock.wallclock() });
  }

  async read(path: string): Promise<Uint8Array> {
    const bytes = this.#files.has(path)
      ? this.get(path)
      : await this.#clock.work(() => nodeFiles.read(path), `reading ${path}`);
    this.onRead(path, bytes);
    return bytes;
  }

  async stat(path: string): Promise<FileStat> {
    const file = this.#files.get(path);
    if (file) return { size: file.length, modified: file.modified };
    return this.#clock.work(() => nodeFiles.stat(path), `looking at ${path}`);
  }

  async create(path: string): Promise<FileWriter> {
    if (this.failure) throw this.failure;
    const file: MemoryFile = { bytes: new Uint8Array(0), length: 0, modified: this.#clock.wallclock() };
    this.#files.set(path, file);
    return this.#edit(path, file);
  }

  async reopen(path: string): Promise<FileEditor> {
    if (this.failure) throw this.failure;
    const file = this.#files.get(path);
    if (!file) throw new TandemError('ERR_FILE', `there is no ${path}`, { facts: { path } });
    return this.#edit(path, file);
  }

  #edit(path: string, file: MemoryFile): FileEditor {
    this.#open++;
    let closed = false;
    return {
      size: file.length,
      read: async (position, length) => file.bytes.slice(position, Math.min(position + length, file.length)),
      write: async (bytes, position) => {
        if (this.failure) throw this.failure;
        if (closed) throw new TandemError('ERR_FILE', `${path} is closed`, { facts: { path } });
        const end = position + bytes.length;
        if (end > file.bytes.length) {
          const larger = new Uint8Array(Math.max(end, 2 * file.bytes.length));
          larger.set(file.bytes);
          file.bytes = larger;
        }
        file.bytes.set(bytes, position);
        file.length = Math.max(file.length, end);
        file.modified = this.#clock.wallclock();
      },
      truncate: async (size) => {
        const same = file.bytes.subarray(0, Math.min(file.length, size));
        file.bytes = new Uint8Array(size);
        file.bytes.set(same);
        file.length = size;
      },
      close: async () => {
        if (!closed) this.#open--;
        closed = true;
      },
    };
  }
}
