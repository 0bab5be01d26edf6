/** Compiles src/ and media/ into dist/, and the pages into dist/pages, for the published package; `--clean` only removes it. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
rmSync(join(root, 'dist'), { recursive: true, force: true });

if (!process.argv.includes('--clean')) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
  if (status === 0) {
    const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
    const outDir = join(root, 'dist', 'pages');
    // Not on stdout, where `npm pack --json` answers.
    const pages = spawnSync(process.execPath, [vite, 'build', '--outDir', outDir], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    process.exitCode = pages.status ?? 1;
  }
}
