/** The addon for unix datagram sockets, where it is built, and what is said where it is not. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openUnixDatagram } from '../../../src/control/binrpc/unix-datagram.ts';

const file = fileURLToPath(new URL('../../../native/unix-datagram.node', import.meta.url));
const built = existsSync(file);
let folder: string;
const path = (name: string): string => join(folder, name);
const ignore = (): void => {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-unixd-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it.runIf(!built)('without the addon it is said what makes it', async () => {
  await expect(openUnixDatagram(path('a'), 0o600, ignore)).rejects.toMatchObject({
    ...{ code: 'ERR_SOCKET', message: expect.stringMatching(/is not built \(tandem native\); unixs:.* needs none/) },
  });
});

describe.runIf(built)('a unix datagram socket', () => {
  it('hears who has a name, and answers him', async () => {
    const heard: [string, string][] = [];
    const answered = Promise.withResolvers<string>();
    const a = await openUnixDatagram(path('a'), 0o600, (bytes, from, answer) => {
      heard.push([Buffer.from(bytes).toString(), from.replace(/\0$/, '')]);
      answer(Buffer.from('pong'));
    });
    const b = await openUnixDatagram(path('b'), 0o600, (bytes) => answered.resolve(Buffer.from(bytes).toString()));
    expect(statSync(path('a')).mode & 0o777).toBe(0o600);
    b.send(Buffer.from('ping'), path('a'));
    expect(await answered.promise).toBe('pong');
    expect(heard).toEqual([['ping', path('b')]]);
    await Promise.all([a.close(), a.close(), b.close()]);
    expect(existsSync(path('a'))).toBe(false);
  });

  it('loses what nobody reads, and what nobody is there for, without waiting', async () => {
    const a = await openUnixDatagram(path('a'), 0o600, ignore);
    const b = await openUnixDatagram(path('b'), 0o600, ignore);
    for (let i = 0; i < 1000; i++) a.send(Buffer.alloc(60_000), path('b'));
    a.send(Buffer.from('x'), path('nobody'));
    await Promise.all([a.close(), b.close()]);
  });

  it('that lives is not taken, nor is a stream, nor a file that is no socket', async () => {
    const a = await openUnixDatagram(path('a'), 0o600, ignore);
    await expect(openUnixDatagram(path('a'), 0o600, ignore)).rejects.toMatchObject({ code: 'ERR_SOCKET_IN_USE' });
    await a.close();
    const stream = createServer();
    await new Promise<void>((resolve) => stream.listen(path('s'), resolve));
    await expect(openUnixDatagram(path('s'), 0o600, ignore)).rejects.toMatchObject({ code: 'ERR_SOCKET_IN_USE' });
    await new Promise((resolve) => stream.close(resolve));
    writeFileSync(path('f'), 'precious');
    await expect(openUnixDatagram(path('f'), 0o600, ignore)).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    expect(statSync(path('f')).size).toBe(8);
  });

  it('that a killed server left is replaced', async () => {
    spawnSync(process.execPath, [
      '-e',
      `require(${JSON.stringify(file)}).open(${JSON.stringify(path('a'))}, () => {}); process.kill(process.pid, 'SIGKILL')`,
    ]);
    expect(statSync(path('a')).isSocket()).toBe(true);
    const a = await openUnixDatagram(path('a'), 0o600, ignore);
    await a.close();
  });

  it('refuses to be used in ways that no caller of ours uses it', () => {
    const addon = process.getBuiltinModule('node:module').createRequire(import.meta.url)(file);
    for (const wrong of [
      () => addon.open('', ignore),
      () => addon.open('x'.repeat(109), ignore),
      () => addon.open('x', 'no function'),
      () => addon.open(),
      () => addon.send({}, Buffer.alloc(1), 'x'),
      () => addon.send(),
      () => addon.answers(),
      () => addon.answers(7),
    ])
      expect(wrong).toThrow(TypeError);
    expect(addon.open(join(folder, 'none', 'a'), ignore)).toBe(-2);
    const port = addon.open(path('a'), ignore);
    expect(() => addon.send(port, 'text', 'x')).toThrow(TypeError);
    expect(() => addon.send(port, Buffer.alloc(1), '')).toThrow(TypeError);
    addon.close(port);
    addon.close(port);
    addon.close({});
    expect(() => addon.send(port, Buffer.alloc(1), 'x')).toThrow(TypeError);
  });
});
