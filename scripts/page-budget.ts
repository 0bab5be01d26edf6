/** What all files of the pages weigh together, compressed: printed by every build, which fails when it is too much. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** @returns bytes of all files below `folder`, each compressed with gzip as a server would. */
export function compressedSize(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (statSync(file).isFile()) sum += gzipSync(readFileSync(file), { level: 9 }).length;
  }
  return sum;
}

/** @param most bytes, compressed. */
export function pageBudget(most: number): Plugin {
  let folder: string | undefined;
  return {
    name: 'page-budget',
    apply: 'build',
    writeBundle: ({ dir }) => {
      folder = dir;
    },
    closeBundle() {
      if (folder === undefined) return;
      const size = compressedSize(folder);
      const text = `pages: ${(size / 1000).toFixed(1)} kB compressed, of ${most / 1000} kB`;
      if (size > most) this.error(`${text}: too much`);
      // Not on stdout, where `npm pack --json` answers.
      process.stderr.write(`${text}\n`);
    },
  };
}
