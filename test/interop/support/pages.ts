/** Before all tests against other programs, and once: the pages are those of the present source. */
import { join } from 'node:path';
import { root, run } from './process.ts';

export default async function buildPages(): Promise<void> {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const { code, stderr } = await run(process.execPath, [vite, 'build'], { cwd: root, timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`the pages cannot be built:\n${stderr}`);
}
