/**
 * The package as a user gets it: packed, installed by npm from the tarball without scripts, run from
 * there and from elsewhere. It needs a package registry.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWav } from '../helpers/audio.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { rtpPortsFlag, withRtpPorts } from '../helpers/rtp-ports.ts';
import { type Folder, temporaryFolder } from './support/folder.ts';
import { leftovers, Program, root, run } from './support/process.ts';
import { prompt } from './support/sound.ts';

/** Node.js 24 first, as `npm test` has it, also where the machine's own is older. */
const environment = { PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) };
const minutes = 60_000;

let folder: Folder;

beforeAll(async () => {
  folder = await temporaryFolder();
  // From a copy: packing builds dist/, which must not appear in the tree that other tests run from.
  const clone = folder.file('clone');
  await mkdir(clone);
  for (const name of await readdir(root))
    if (!['node_modules', '.git', 'dist', 'run', 'data'].includes(name))
      await cp(join(root, name), join(clone, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
  const packed = await run('npm', ['pack', '--json'], { cwd: clone, env: environment, timeoutMs: 2 * minutes });
  expect(packed.code, packed.stderr).toBe(0);
  expect(existsSync(join(clone, 'dist'))).toBe(false);
  const tarball = (await readdir(clone)).find((name) => name.endsWith('.tgz'));
  const app = folder.file('app');
  await mkdir(app);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const installed = await run('npm', ['install', ...flags, join(clone, tarball ?? '')], {
    cwd: app,
    env: environment,
    timeoutMs: 5 * minutes,
  });
  expect(installed.code, installed.stderr).toBe(0);
}, 8 * minutes);

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  expect(leftovers()).toEqual([]);
});

/** `npx tandem …` in the folder that the package is installed in, or from another one. */
function installed(args: readonly string[], where: string): Program {
  const bin = folder.file('app/node_modules/.bin/tandem');
  return new Program(bin, args, { cwd: folder.file(where), env: environment });
}

/** `tandem serve …` or `tandem ivr`, installed, on a free port for SIP. */
function listening(
  args: readonly string[],
  where: string,
): Promise<{ readonly server: Program; readonly port: number }> {
  return withRtpPorts(100, async (ports) => {
    const own = ['--listen', 'udp:127.0.0.1:0', '--http', 'none', '--socket', 'none', ...rtpPortsFlag(ports)];
    const server = installed([...args, ...own, '--log-level', 'info'], where);
    try {
      await server.until('listening', () => server.stderr.includes('"listening"'));
      return { server, port: Number(/"port":(\d+)/.exec(server.stderr)?.[1]) };
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  });
}

const script = `import type { DialogServerSession } from 'tandem';
export default async function ivr(call: DialogServerSession): Promise<void> {
  const echoing = call.echo();
  await call.answer();
  await echoing;
}
`;

describe('the installed package', () => {
  it.each(['app', 'elsewhere'])('runs a script of its user, in %s', async (where) => {
    await mkdir(folder.file(where), { recursive: true });
    await writeFile(folder.file(`${where}/ivr.ts`), script);
    const { server, port } = await listening(['serve', 'ivr.ts'], where);
    await using _ = server;
    using phone = await RawPhone.open();
    expect((await phone.call(port)).status).toBe(200);
    await phone.speak(Array.from({ length: 20 }, () => Buffer.alloc(160, 0x2a)));
    expect((await phone.hears(10, 0)).every(({ payload }) => payload.equals(Buffer.alloc(160, 0x2a)))).toBe(true);
    await phone.bye();
    server.kill('SIGTERM');
    expect((await server.ended()).code).toBe(0);
  });

  it('is the server and the phone of a first call: its prompts are with it', async () => {
    const { server, port } = await listening(['ivr'], 'app');
    await using _ = server;
    await using call = installed(
      ['call', `sip:1000@127.0.0.1:${port}`, '--record', 'out.wav', '--duration', '3'],
      'app',
    );
    expect(await call.ended(), call.output).toMatchObject({ code: 0 });
    const { samples } = readWav(await readFile(folder.file('app/out.wav')));
    const welcome = (await prompt('welcome')).subarray(0, 16_000);
    expect(heardInPieces(samples, welcome)).toBeGreaterThan(0.95);
    server.kill('SIGTERM');
    expect((await server.ended()).code).toBe(0);
  });
});
