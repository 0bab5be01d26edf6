/**
 * The addon as a user gets it: built by `npm ci` where there is a compiler, and missed by nobody where there
 * is none, or where npm runs no scripts. It needs a package registry.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, realpath, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTandem, startServer } from '../helpers/cli.ts';
import { type Folder, temporaryFolder } from './support/folder.ts';
import { root, run } from './support/process.ts';

const minutes = 60_000;
const linux = process.platform === 'linux';
const hasCompiler = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'cc')));
let folder: Folder;
let npm = '';

beforeAll(async () => {
  folder = await temporaryFolder();
  const found = await run('sh', ['-c', 'command -v npm']);
  npm = await realpath(found.stdout.trim());
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

/** A clean clone. */
async function clone(name: string): Promise<string> {
  const path = folder.file(name);
  await mkdir(path);
  for (const entry of await readdir(root))
    if (!['node_modules', '.git', 'dist', 'run', 'data'].includes(entry))
      await cp(join(root, entry), join(path, entry), {
        recursive: true,
        filter: (source) => !source.endsWith('.node'),
      });
  return path;
}

/** A PATH on which there is what npm needs, and no compiler. */
async function bareTools(): Promise<string> {
  const bin = folder.file('bin');
  await mkdir(bin);
  await symlink(npm, join(bin, 'npm'));
  await symlink(process.execPath, join(bin, 'node'));
  for (const tool of ['sh', 'env']) await symlink(await realpath(`/bin/${tool}`), join(bin, tool));
  return bin;
}

async function install(cwd: string, path: string, ...flags: string[]): Promise<string> {
  const args = ['ci', '--omit=dev', '--no-audit', '--no-fund', '--foreground-scripts', ...flags];
  const { code, stdout, stderr } = await run('npm', args, { cwd, env: { PATH: path }, timeoutMs: 3 * minutes });
  expect(code, stderr).toBe(0);
  return stdout;
}

const bin = (cwd: string): string => join(cwd, 'bin', 'tandem.js');

/** How a server that runs there says it reads its RTP sockets. */
async function ioOf(cwd: string, env: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  await using server = await startServer(['ivr', '--socket', 'none', '--log-level', 'info'], { bin: bin(cwd), env });
  return /"io":"(\w+)".*how RTP sockets are read/.exec(server.tandem.printed)?.[1];
}

const addon = (cwd: string): string => join(cwd, 'native', 'udp-io.node');

describe.runIf(linux)('npm ci in a clone', () => {
  it.runIf(hasCompiler)(
    'builds the addon with the compiler of the machine, and the server takes it',
    async () => {
      const cwd = await clone('with-compiler');
      const output = await install(cwd, [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter));
      expect(output).toMatch(/^tandem: native RTP sockets are built: \S+$/m);
      expect(await ioOf(cwd)).toBe('native');
      expect(await ioOf(cwd, { TANDEM_MEDIA_IO: 'dgram' })).toBe('dgram');
    },
    4 * minutes,
  );

  it(
    'goes well without a compiler: one line, and the server runs',
    async () => {
      const cwd = await clone('without-compiler');
      const output = await install(cwd, await bareTools());
      expect(output.match(/^tandem: .*$/gm)).toEqual([
        'tandem: no native RTP sockets, node:dgram serves instead: there is no C compiler (cc: ENOENT)',
      ]);
      expect(existsSync(addon(cwd))).toBe(false);
      expect(await ioOf(cwd)).toBe('dgram');
    },
    4 * minutes,
  );

  it.runIf(hasCompiler)(
    'goes well without scripts, and the addon is built by hand',
    async () => {
      const cwd = await clone('without-scripts');
      await install(cwd, [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter), '--ignore-scripts');
      expect(existsSync(addon(cwd))).toBe(false);
      const refused = await runTandem(['ivr'], { bin: bin(cwd), env: { TANDEM_MEDIA_IO: 'native' } });
      expect(refused.status).toBe(2);
      expect(refused.stderr).toMatch(/^tandem: media\.io 'native' .* it is not built: `tandem native` [^\n]*\n$/);
      const failed = await runTandem(['native'], { bin: bin(cwd), env: { CC: '/nowhere/cc' } });
      expect(failed).toMatchObject({
        status: 1,
        stdout: '',
        stderr: 'tandem: native RTP sockets cannot be built: there is no C compiler (/nowhere/cc: ENOENT)\n',
      });
      expect(await runTandem(['native'], { bin: bin(cwd) })).toMatchObject({ status: 0, stderr: '' });
      expect(await ioOf(cwd, { TANDEM_MEDIA_IO: 'native' })).toBe('native');
    },
    4 * minutes,
  );
});
