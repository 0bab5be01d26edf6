/** Call detail records as lines of JSON in a file. */
import type { LineFile } from '../base/io.ts';
import type { Cdr } from './cdr.ts';
import type { CdrSink } from './outbox.ts';

/** Bytes at the end of the file in which records of an earlier process are looked for. */
const tailBytes = 4 * 1024 * 1024;

interface Line {
  readonly cdr: Cdr;
  readonly written: PromiseWithResolvers<void>;
}

export class FileSink implements CdrSink {
  readonly name = 'file';
  readonly atOnce = 1000;
  readonly #file: LineFile;
  /** Of records that an earlier process wrote, and may not have known that it did. */
  #there: ReadonlySet<string> | undefined;
  #lines: Line[] = [];
  #writing = false;

  constructor(file: LineFile) {
    this.#file = file;
  }

  send(cdr: Cdr): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#lines.push({ cdr, written });
    if (!this.#writing) void this.#write();
    return written.promise;
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    this.#writing = true;
    for (let lines = this.#lines; lines.length > 0; lines = this.#lines) {
      this.#lines = [];
      try {
        this.#there ??= idsIn(await this.#file.tail(tailBytes));
        const there = this.#there;
        const text = lines.map(({ cdr }) => (there.has(cdr.id) ? '' : `${JSON.stringify(cdr)}\n`)).join('');
        if (text !== '') await this.#file.append(text);
        for (const { written } of lines) written.resolve();
      } catch (error) {
        for (const { written } of lines) written.reject(error);
      }
    }
    this.#writing = false;
  }
}

function idsIn(text: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const [, id] of text.matchAll(/^\{"id":"([^"]+)".*\}$/gm)) if (id !== undefined) ids.add(id);
  return ids;
}
