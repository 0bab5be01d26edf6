import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type RunningServer, runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { first, RawPhone } from '../helpers/raw-phone.ts';
import { loaded } from '../media/net/ios.ts';

/** A script in a folder of its own, far from this package. */
async function serve(source: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const folder = new TemporaryFolder();
  writeFileSync(folder.file('ivr.ts'), source);
  const server = await startServer(['serve', folder.file('ivr.ts'), ...args], { cwd: folder.path, env });
  return {
    ...server,
    script: folder.file('ivr.ts'),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

async function report(server: Pick<RunningServer, 'folder'>) {
  const { status, stdout, stderr } = await runTandem(['check', '--json'], { cwd: server.folder });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

const answers = `
  import type { DialogServerSession } from 'tandem';
  export default async (call: DialogServerSession): Promise<void> => {
    await call.answer();
    await call.ended;
  };`;

describe('tandem serve', () => {
  it('runs a script that lies anywhere, with this very package as `tandem`', async () => {
    await using server = await serve(`
      import { type DialogServerSession, Tandem } from 'tandem';
      import * as media from 'tandem/media';
      export default async (call: DialogServerSession, tandem: unknown): Promise<void> => {
        if (tandem instanceof Tandem && typeof media.Media === 'function') await call.reject(486, call.toUser);
      };`);
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: 'alice' })).startLine).toBe('SIP/2.0 486 alice');
  });

  it('says on which listener it listens, with the receive buffer it got', async () => {
    await using server = await serve(answers);
    const [line = ''] = server.tandem.printed.split('\n').filter((text) => text.includes('"listening"'));
    expect(JSON.parse(line)).toMatchObject({ transport: 'udp', host: '127.0.0.1', port: server.port });
    expect(JSON.parse(line).receiveBuffer).toBeGreaterThan(0);
  });

  it('starts and stops a script that is an object', async () => {
    await using server = await serve(`
      export default {
        start(tandem) { console.log('start', tandem.listeners[0].port); },
        async call(call) { await call.reject(603); },
        async stop() { console.log('stop'); },
      };`);
    await server.tandem.prints(new RegExp(`^start ${server.port}$`, 'm'));
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(603);
    const { status, stdout } = await server.tandem.stop();
    expect({ status, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({ status: 0, last: 'stop' });
  });

  it('ends with one line when start fails', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(
      folder.file('ivr.ts'),
      "export default { call() {}, async start() { throw new Error('no agents'); } };",
    );
    const args = ['serve', 'ivr.ts', '--listen', 'udp:127.0.0.1:0', '--http', 'none', '--log-level', 'silent'];
    const { status, stderr } = await runTandem([...args, '--rtp-ports', '9000-9099'], { cwd: folder.path });
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'tandem: no agents\n' });
  });

  it('survives a promise that nobody awaits', async () => {
    await using server = await serve(`
      export default async (call) => {
        void Promise.reject(new Error('forgotten'));
        await call.reject(486);
      };`);
    for (let calls = 0; calls < 2; calls++) {
      using phone = await RawPhone.open();
      expect((await phone.call(server.port)).status).toBe(486);
    }
    expect(server.tandem.printed).toContain('forgotten');
  });
});

describe('tandem check', () => {
  it('tells what is open, and that nothing is left after a call', async () => {
    await using server = await serve(answers);
    const before = await report(server);
    expect(before.mediaIo).toBe(loaded.ok ? 'native' : 'dgram');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    const during = await report(server);
    expect(during).toMatchObject({ calls: 1, draining: false, media: { legs: 1 }, sip: { dialogs: 1 } });
    await phone.bye();
    // Each look starts a process: on a busy machine that takes longer than a poll lasts by default.
    const patient = { timeout: 15_000 };
    await expect.poll(async () => (await report(server)).calls, patient).toBe(0);
    await expect.poll(async () => (await report(server)).media, patient).toEqual(before.media);
    // A timer goes on: the BYE's transaction absorbs retransmissions for 32 s (RFC 3261 §17.2.2, timer J).
    const handles = async () => ({ ...(await report(server)).process.handles, Timeout: 0 });
    await expect.poll(handles, patient).toEqual({ ...before.process.handles, Timeout: 0 });
    const { stdout } = await runTandem(['check'], { cwd: server.folder });
    expect(stdout).toMatch(/^calls +0$/m);
    expect(stdout).toMatch(/^ok +INVITEs +1 seen, 1 tracked, 0 rejected$/m);
    expect(stdout).toMatch(/^ok +active calls +0 active, .* 1 processed, 0 failed, 0 expired$/m);
    expect(stdout).toMatch(new RegExp(`^media .*sockets by ${before.mediaIo}$`, 'm'));
  });

  it('tells how RTP sockets are read, as the log does once', async () => {
    await using server = await serve(answers, ['--log-level', 'info'], { TANDEM_MEDIA_IO: 'dgram' });
    expect((await report(server)).mediaIo).toBe('dgram');
    expect(server.tandem.printed.match(/"io":"dgram".*how RTP sockets are read/g)).toHaveLength(1);
  });

  it('fails where no server is', async () => {
    using folder = new TemporaryFolder();
    const { status, stderr } = await runTandem(['check'], { cwd: folder.path });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tandem: no server answers at \.\/run\/tandem\.sock \(--socket\): [^\n]+\n$/);
  });
});

describe('the end of a server', () => {
  it('refuses new calls, lets running ones end, and hangs up after drainTimeout', async () => {
    await using server = await serve(answers, [], { TANDEM_DRAIN_TIMEOUT: '700' });
    using running = await RawPhone.open();
    await running.call(server.port);
    server.tandem.child.kill('SIGTERM');
    await server.tandem.prints(/"draining/);
    using late = await RawPhone.open();
    const refusal = await late.call(server.port);
    expect(refusal.status).toBe(503);
    expect(Number(first(refusal, 'retry-after'))).toBeGreaterThan(0);
    await running.nextRequest('BYE');
    expect((await server.tandem.result).status).toBe(0);
    expect(existsSync(`${server.folder}/run/tandem.sock`)).toBe(false);
  });

  it('comes at once when the last call is over', async () => {
    await using server = await serve(answers, [], { TANDEM_DRAIN_TIMEOUT: '60000' });
    using running = await RawPhone.open();
    await running.call(server.port);
    server.tandem.child.kill('SIGINT');
    await server.tandem.prints(/"draining/);
    await running.bye();
    expect((await server.tandem.result).status).toBe(0);
  });

  it('comes at once with a second signal', async () => {
    await using server = await serve(answers, [], { TANDEM_DRAIN_TIMEOUT: '60000' });
    using running = await RawPhone.open();
    await running.call(server.port);
    server.tandem.child.kill('SIGTERM');
    await server.tandem.prints(/"draining/);
    expect((await server.tandem.stop('SIGTERM')).status).toBe(1);
  });
});

describe('what is in the way is one line, with the flag that changes it', () => {
  const refused = async (args: readonly string[], cwd: string) => {
    const { status, stdout, stderr } = await runTandem(['ivr', '--http', 'none', '--log-level', 'silent', ...args], {
      cwd,
    });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^tandem: [^\n]+\n$/);
    return { status, stderr };
  };

  it('a SIP port', async () => {
    using folder = new TemporaryFolder();
    const other = createSocket('udp4');
    try {
      other.bind(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address();
      const args = ['--listen', `udp:127.0.0.1:${port}`, '--rtp-ports', '9100-9199'];
      const { status, stderr } = await refused(args, folder.path);
      expect(status).toBe(1);
      expect(stderr).toContain(String(port));
      expect(stderr).toContain('--listen');
    } finally {
      other.close();
    }
  });

  it('the RTP ports of another server', async () => {
    await using server = await serve(answers);
    const [, min] = /--rtp-ports,(\d+)-/.exec(server.tandem.child.spawnargs.join(',')) ?? [];
    using folder = new TemporaryFolder();
    const range = `${Number(min) + 20}-${Number(min) + 80}`;
    const { status, stderr } = await refused(['--listen', 'udp:127.0.0.1:0', '--rtp-ports', range], folder.path);
    expect(status).toBe(1);
    expect(stderr).toContain('--rtp-ports');
  });

  it('the ports that the system gives to others', async () => {
    const file = '/proc/sys/net/ipv4/ip_local_port_range';
    const first = existsSync(file) ? Number(readFileSync(file, 'utf8').split(/\s+/)[0]) : 49_152;
    using folder = new TemporaryFolder();
    const args = ['--listen', 'udp:127.0.0.1:0', '--rtp-ports', `${first - 100}-${first + 100}`];
    const { status, stderr } = await refused(args, folder.path);
    expect(status).toBe(2);
    expect(stderr).toMatch(/ephemeral/);
  });

  it('the socket of another server', async () => {
    await using server = await serve(answers);
    const own = ['--listen', 'udp:127.0.0.1:0', '--rtp-ports', '9200-9299'];
    const journal = await refused(own, server.folder);
    expect(journal).toMatchObject({ status: 1, stderr: expect.stringContaining('--recovery') });
    const withoutJournal = [...own, '--recovery', 'none'];
    const control = await refused(withoutJournal, server.folder);
    expect(control).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/tandem_ctl is in use.* with --control/),
    });
    const { status, stderr } = await refused([...withoutJournal, '--control', 'none'], server.folder);
    expect(status).toBe(1);
    expect(stderr).toContain('--socket');
  });

  it('but not the socket of a server that was killed', async () => {
    await using first = await serve(answers);
    await first.tandem.stop('SIGKILL');
    expect(existsSync(`${first.folder}/run/tandem.sock`)).toBe(true);
    await using second = await startServer(['serve', first.script], { cwd: first.folder });
    expect((await report(second)).process.pid).toBe(second.tandem.child.pid);
  });
});

describe('--watch', () => {
  const rejecting = (status: number): string => `
    import { status } from './status.ts';
    console.log('loaded', status, ${status});
    export default async (call) => { await call.reject(${status}); };`;

  it('gives new calls the new file, while running ones finish on the old; a broken file changes nothing', async () => {
    await using server = await serve(
      `export default {
        async call(call) { await call.answer(); await call.ended; console.log('finished on the old'); },
        stop() { console.log('the old has stopped'); },
      };`,
      ['--watch'],
    );
    using running = await RawPhone.open();
    await running.call(server.port);
    const status = async (): Promise<number> => {
      using phone = await RawPhone.open();
      return (await phone.call(server.port)).status;
    };

    writeFileSync(server.script.replace('ivr.ts', 'status.ts'), 'export const status: string = "first";');
    writeFileSync(server.script, rejecting(486));
    await server.tandem.prints(/loaded first 486/);
    await expect.poll(status, { timeout: 10_000 }).toBe(486);

    writeFileSync(server.script, 'export default async (call) => { await call.reject(603) ');
    await server.tandem.prints(/ivr\.ts cannot be loaded[^\n]*the old one stays/);
    expect(await status()).toBe(486);

    // A file that the script imports counts as the script.
    writeFileSync(server.script, rejecting(603));
    await server.tandem.prints(/loaded first 603/);
    writeFileSync(server.script.replace('ivr.ts', 'status.ts'), 'export const status: string = "second";');
    await server.tandem.prints(/loaded second 603/);
    await expect.poll(status, { timeout: 10_000 }).toBe(603);

    expect(server.tandem.printed).not.toContain('the old has stopped');
    await running.bye();
    await server.tandem.prints(/finished on the old\n[\s\S]*the old has stopped/);
  });
});
