/**
 * Where a recording is written: a file, or the main thread, which has the stream. One write at a time;
 * what comes meanwhile waits in memory, up to a bound.
 */
import { messageOf, TandemError } from '../src/base/errors.ts';
import type { Files, FileWriter } from '../src/base/io.ts';
import type { FileChange, RecordingFormat } from './recording-format.ts';
import type { RecordingGap } from './recording-resume.ts';

/** Bytes that may wait: more than 20 s of 16-bit stereo at 48 kHz. */
const mostWaiting = 4 * 1024 * 1024;

export interface ChunkWriter {
  write(change: FileChange): Promise<void>;
  close(): Promise<void>;
}

export class RecordingSink {
  readonly #format: RecordingFormat;
  readonly #writer: ChunkWriter;
  readonly #onError: (error: TandemError) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #keep = 0;
  #working: Promise<void> | undefined;
  #failed = false;

  /** @param onError told once; nothing is written any more */
  constructor(writer: ChunkWriter, format: RecordingFormat, onError: (error: TandemError) => void) {
    this.#writer = writer;
    this.#format = format;
    this.#onError = onError;
    this.#work();
  }

  /** Size of the file as far as it is made. */
  get bytes(): number {
    return this.#format.size;
  }

  /** Takes `chunk` over. @param keep see `RecordingFormat` */
  push(chunk: Uint8Array, keep: number): void {
    this.#keep = keep;
    if (this.#failed) return;
    if (this.#waitingBytes + chunk.length > mostWaiting) {
      this.#fail(new TandemError('ERR_RECORDING_SLOW', 'the recording cannot be written as fast as it comes'));
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#work();
  }

  /**
   * Resolves when everything is written and closed, or given up.
   * @param keep samples; the rest is cut off. Undefined: the file is not finished, somebody else goes on in it
   * @param pauses to be marked
   */
  async close(keep: number | undefined, pauses: readonly RecordingGap[] = []): Promise<void> {
    while (this.#working) await this.#working;
    try {
      const change = this.#failed || keep === undefined ? undefined : await this.#format.end(keep, pauses);
      if (change) await this.#writer.write(change);
    } catch (error) {
      this.#fail(writeError(error));
    }
    this.#format.close();
    try {
      await this.#writer.close();
    } catch (error) {
      this.#fail(writeError(error));
    }
  }

  #work(): void {
    this.#working ??= this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0) this.#work();
    });
  }

  async #drain(): Promise<void> {
    try {
      do {
        const chunk = joined(this.#waiting);
        this.#waiting = [];
        await this.#writer.write(await this.#format.add(chunk, this.#keep));
        this.#waitingBytes -= chunk.length;
      } while (this.#waiting.length > 0 && !this.#failed);
    } catch (error) {
      this.#fail(writeError(error));
    }
  }

  #fail(error: TandemError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#onError(error);
  }
}

/** Opens the file with the first write. */
export function fileWriter(files: Files, path: string): ChunkWriter {
  let file: FileWriter | undefined;
  return {
    async write({ bytes, position, header, size }) {
      file ??= await files.create(path);
      if (bytes.length > 0) await file.write(bytes, position);
      if (header.length > 0) await file.write(header, 0);
      if (size !== undefined) await file.truncate?.(size);
    },
    async close() {
      await file?.close();
    },
  };
}

function writeError(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError('ERR_FILE', `the recording cannot be written: ${messageOf(error)}`, {
    cause: error,
    facts: { errno: error instanceof Error && 'code' in error ? String(error.code) : undefined },
  });
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
