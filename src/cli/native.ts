/** `tandem native`: compiles the addon that reads RTP sockets in batches. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** @param root the package's folder */
export async function native(root: string): Promise<number> {
  const build = join(root, 'native', 'build.js');
  const { status } = spawnSync(process.execPath, [build, '--required'], { stdio: 'inherit' });
  return status === 0 ? 0 : 1;
}
