/** `LineFile` as Node.js gives it: opened for each write, so that it may be rotated without a word to us. */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LineFile } from './io.ts';

const newline = 10;

export function nodeLineFile(path: string): LineFile {
  return {
    async append(text) {
      await mkdir(dirname(path), { recursive: true });
      await using file = await open(path, 'a+', 0o600);
      const { size } = await file.stat();
      const isCut = size > 0 && (await bytesOf(file, size - 1, 1))[0] !== newline;
      try {
        await file.appendFile(isCut ? `\n${text}` : text);
        await file.datasync();
      } catch (error) {
        // What was written of it comes again.
        await file.truncate(size).catch(() => {});
        throw error;
      }
    },
    async tail(bytes) {
      try {
        await using file = await open(path, 'r');
        const { size } = await file.stat();
        const from = Math.max(0, size - bytes);
        const text = (await bytesOf(file, from, size - from)).toString();
        return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
        throw error;
      }
    },
  };
}

async function bytesOf(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
