/**
 * Builds the pages in a clone after `npm ci`. Plain JavaScript, as an install may run on an older Node.js; without
 * vite (`--omit=dev`) or when the build fails, the install goes on and the server says how to get the pages.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname ?? '.', '..');
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');

if (existsSync(vite)) {
  const { status } = spawnSync(process.execPath, [vite, 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  console.error(status === 0 ? 'pages: built' : 'pages: could not be built; npm run build:pages says why');
} else console.error('pages: not built (no vite here); npm run build:pages builds them');
