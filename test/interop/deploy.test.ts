/** `scripts/deploy.sh --host` as a user runs it, from a clone, into a folder of its own. It needs a package registry. */
import { appendFile, cp, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWav } from '../helpers/audio.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { expectOneStream, hearsMore, longestGap, requestsOf, Talker } from './recovery/talk.ts';
import { type Folder, temporaryFolder } from './support/folder.ts';
import { freePort } from './support/ports.ts';
import { leftovers, root, run } from './support/process.ts';
import { prompt } from './support/sound.ts';
import type { Check } from './support/tandem.ts';

const minutes = 60_000;

let folder: Folder;
let port: number;

beforeAll(async () => {
  folder = await temporaryFolder();
  port = await freePort();
  await mkdir(folder.file('clone'));
  for (const name of await readdir(root))
    if (!['node_modules', '.git', 'dist', 'run', 'data', 'bench'].includes(name))
      await cp(join(root, name), folder.file(`clone/${name}`), { recursive: true });
  await mkdir(folder.file('tandem/etc'), { recursive: true });
  await settings({});
});

afterAll(async () => {
  if (folder) {
    await deploy('--stop');
    await folder[Symbol.asyncDispose]();
  }
  expect(leftovers()).toEqual([]);
});

async function settings(more: object): Promise<void> {
  const min = port - 4000;
  const all = {
    listen: [`udp:127.0.0.1:${port}`],
    http: { listen: 'none' },
    media: { rtpPorts: { min, max: min + 99 } },
  };
  await writeFile(folder.file('tandem/etc/tandem.yaml'), JSON.stringify({ ...all, ...more }));
}

function deploy(...args: readonly string[]) {
  const script = folder.file('clone/scripts/deploy.sh');
  return run('sh', [script, '--host', '--prefix', folder.file('tandem'), ...args], {
    cwd: folder.path,
    timeoutMs: 5 * minutes,
  });
}

function tandem(...args: readonly string[]) {
  return run(folder.file('tandem/bin/tandem'), args, { cwd: folder.path });
}

async function check(): Promise<Check & { process: { pid: number } }> {
  const { code, stdout, stderr } = await tandem('check', '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** The release that serves: that of the Node.js which runs it. */
async function serving(): Promise<string> {
  const { pid } = (await check()).process;
  return (await readlink(`/proc/${pid}/exe`)).split('/').at(-3) ?? '';
}

/** A call to the echo, in which somebody speaks while `work` is done. Nothing of it is noticed on the phone. */
async function duringACall(work: () => Promise<void>): Promise<void> {
  using phone = await RawPhone.open();
  expect((await phone.call(port, { user: '600' })).status).toBe(200);
  const talker = new Talker(phone, 0x42);
  await hearsMore(phone, 50);
  const before = phone.packets.length - 1;
  await work();
  await hearsMore(phone, 50);
  console.log(`longest gap: ${Math.round(longestGap(phone.packets.slice(before)))} ms`);
  await talker.stop();
  expect(requestsOf(phone)).toEqual([]);
  expectOneStream(phone, 0x42);
  expect((await phone.bye()).status).toBe(200);
}

describe('deploy.sh --host', { timeout: 6 * minutes }, () => {
  it('leads from an empty folder to a served call', async () => {
    const { code, stdout, stderr } = await deploy();
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain(`${await serving()} serves`);
    const heard = folder.file('heard.wav');
    const called = await tandem('call', `sip:1000@127.0.0.1:${port}`, '--record', heard, '--duration', '3');
    expect(called.code, called.stderr).toBe(0);
    const { samples } = readWav(await readFile(heard));
    const welcome = (await prompt('welcome')).subarray(0, 16_000);
    expect(heardInPieces(samples, welcome)).toBeGreaterThan(0.95);
  });

  it('installs the packages of the lock file, and no others', async () => {
    const versions = async (path: string): Promise<Record<string, { version?: string; integrity?: string }>> =>
      JSON.parse(await readFile(path, 'utf8')).packages;
    const locked = await versions(join(root, 'package-lock.json'));
    const installed = await versions(folder.file('tandem/current/node_modules/.package-lock.json'));
    const others = Object.entries(installed).filter(
      ([name, { version, integrity }]) => locked[name]?.version !== version || locked[name]?.integrity !== integrity,
    );
    expect(others).toEqual([]);
    expect(Object.keys(installed)).toEqual(expect.arrayContaining(['node_modules/pg', 'node_modules/mysql2']));
    expect(Object.keys(installed)).not.toContain('node_modules/vitest');
  });

  it('changes nothing when it is run again, and says so', async () => {
    const state = async () => ({
      pid: (await check()).process.pid,
      files: (await readdir(folder.file('tandem'))).sort(),
    });
    const before = await state();
    const { code, stdout } = await deploy();
    expect({ code, said: stdout.split('\n')[0] }).toEqual({
      code: 0,
      said: `deploy: ${await serving()} serves already: nothing to do`,
    });
    expect(await state()).toEqual(before);
  });

  it('brings the server back when it is killed', async () => {
    const { pid } = (await check()).process;
    await duringACall(async () => {
      process.kill(pid, 'SIGKILL');
      await expect.poll(async () => (await tandem('check')).code, { timeout: 20_000 }).toBe(0);
    });
    expect((await check()).process.pid).not.toBe(pid);
  });

  it('lets a changed version take over the calls, and the one before take them back', async () => {
    const first = await serving();
    await appendFile(folder.file('clone/src/index.ts'), '// another version\n');
    await duringACall(async () => {
      const { code, stdout, stderr } = await deploy();
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toContain('calls go on');
      expect((await check()).calls).toBe(1);
    });
    const second = await serving();
    expect(second).not.toBe(first);
    await duringACall(async () => {
      expect(await deploy('--rollback')).toMatchObject({ code: 0 });
      expect(await serving()).toBe(first);
    });
    expect(await deploy()).toMatchObject({ code: 0 });
    expect(await serving()).toBe(second);
  });

  it('takes up changed settings', async () => {
    await settings({ drainTimeout: 3000 });
    await duringACall(async () => expect(await deploy()).toMatchObject({ code: 0 }));
    expect((await deploy()).stdout).toContain('nothing to do');
  });

  it('lets calls end where it is told to, and where variables of the process have changed', async () => {
    const { pid } = (await check()).process;
    await writeFile(folder.file('tandem/etc/tandem.env'), 'TANDEM_USER_AGENT=Changed\n');
    using phone = await RawPhone.open();
    expect((await phone.call(port, { user: '600' })).status).toBe(200);
    const [{ code, stdout }] = await Promise.all([deploy(), phone.nextRequest('BYE', 60_000)]);
    expect({ code, ended: stdout.includes('when its calls have ended') }).toEqual({ code: 0, ended: true });
    expect((await check()).process.pid).not.toBe(pid);
    expect((await phone.call(port, { user: '600' })).headers.get('server')).toEqual(['Changed']);
    await phone.bye();
  });

  it('leaves what runs alone when the settings are wrong or the build fails', async () => {
    const before = [await serving(), (await check()).process.pid];
    await settings({ drainTimout: 1 });
    const wrong = await deploy();
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toContain('drainTimout');
    expect(wrong.stderr).toContain('what runs goes on');
    await settings({ drainTimeout: 3000 });
    await appendFile(folder.file('clone/src/index.ts'), 'export const broken: number = "text";\n');
    const broken = await deploy();
    expect(broken).toMatchObject({ code: 1 });
    expect(broken.stderr).toContain('the build failed: what runs goes on');
    expect([await serving(), (await check()).process.pid]).toEqual(before);
  });

  it('says in one line what it cannot do', async () => {
    const oneLine = async (...args: readonly string[]) => {
      const { code, stderr } = await run('sh', [folder.file('clone/scripts/deploy.sh'), ...args]);
      return { code, stderr: stderr.trim().split('\n') };
    };
    expect(await oneLine('--nonsense')).toEqual({ code: 2, stderr: ['deploy: unknown option --nonsense (--help)'] });
    expect(await oneLine('--host', '--prefix')).toEqual({
      code: 1,
      stderr: ['deploy: --prefix needs a value (--help)'],
    });
    await symlink('/proc/nowhere', folder.file('nowhere'));
    expect(await oneLine('--host', '--prefix', folder.file('nowhere'))).toMatchObject({
      code: 1,
      stderr: { length: 1 },
    });
  });

  it('ends the server', async () => {
    expect(await deploy('--stop')).toMatchObject({ code: 0, stdout: 'deploy: stopped\n' });
    expect((await tandem('check')).code).toBe(1);
    expect(await deploy('--stop')).toMatchObject({ code: 0, stdout: 'deploy: nothing runs\n' });
  });
});
