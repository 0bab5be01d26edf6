/** By hand, without npm, a machine's own Node.js may be too old: one line says so. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, run } from './support/process.ts';

/** A Node.js below 24 on this machine, if there is one. */
async function oldNode(): Promise<string | undefined> {
  for (const path of ['/usr/bin/node', '/usr/local/bin/node', '/opt/node20/bin/node']) {
    if (!existsSync(path)) continue;
    const { stdout } = await run(path, ['--version']);
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return path;
  }
  return undefined;
}

const node = await oldNode();

describe.skipIf(!node)('on an old Node.js', () => {
  it.each([
    ['ivr'],
    ['serve', 'ivr.ts'],
    ['--help'],
  ])('tandem %s says in one line what it needs, exit status 1', async (...args) => {
    const { code, stdout, stderr } = await run(node ?? '', [join(root, 'bin', 'tandem.js'), ...args]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^tandem needs Node\.js 24 or newer; this is v\d+\.\d+\.\d+\n$/);
  });
});
