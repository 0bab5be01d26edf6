/**
 * A recording whose process died goes on in its file: what is not whole there is cut off, and what is missing becomes
 * silence, so that the file is as long as the recording was.
 */
import { TandemError } from '../src/base/errors.ts';
import type { FileEditor, Files } from '../src/base/io.ts';
import type { ChunkWriter } from './recording-sink.ts';

/** What a recording has only silence of, as its process was gone; ms from its beginning. */
export interface RecordingGap {
  readonly atMs: number;
  readonly forMs: number;
}

/** How a file goes on. */
export interface Resume {
  open(): Promise<FileEditor>;
  /** Samples that have to be in it by now, for each channel. */
  readonly samples: number;
  readonly gaps: readonly RecordingGap[];
  /** @param samples that are in it with the silence. @param gaps all of them */
  onOpened(samples: number, gaps: readonly RecordingGap[]): void;
}

/** ms: less is no gap, but the beat at which recordings are cut. */
const shortestGapMs = 40;

/** @param kept samples that are in the file. @param samples that have to be */
export function gapsWith(
  gaps: readonly RecordingGap[],
  kept: number,
  samples: number,
  sampleRate: number,
): readonly RecordingGap[] {
  const from = Math.round((kept * 1000) / sampleRate);
  const to = Math.round((samples * 1000) / sampleRate);
  // Of what was told, some may not have come to be written.
  const before = gaps.filter((gap) => gap.atMs < from);
  if (to - from < shortestGapMs) return before;
  const last = before.at(-1);
  if (!last || last.atMs + last.forMs < from) return [...before, { atMs: from, forMs: to - from }];
  return [...before.slice(0, -1), { atMs: last.atMs, forMs: to - last.atMs }];
}

/** Opens the file for whoever goes on first, and writes into it. */
export function reopened(files: Files, path: string): { open(): Promise<FileEditor>; writer: ChunkWriter } {
  let file: FileEditor | undefined;
  return {
    async open() {
      if (!files.reopen)
        throw new TandemError('ERR_FILE', `the recording to ${path} cannot go on: files cannot be opened again here`);
      file = await files.reopen(path);
      return file;
    },
    writer: {
      async write({ bytes, position, header, size }) {
        if (bytes.length > 0) await file?.write(bytes, position);
        if (header.length > 0) await file?.write(header, 0);
        if (size !== undefined) await file?.truncate(size);
      },
      async close() {
        await file?.close();
      },
    },
  };
}

/** What is in the file is not what was recorded. */
export function notOurs(reason: string): TandemError {
  return new TandemError('ERR_FILE', `the recording cannot go on: ${reason}`);
}
