/** sipp as caller and callee, in scenarios of our own. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms, root } from '../support/process.ts';
import { allWell, runSipp, Sipp } from '../support/sipp.ts';
import { startTandem, TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

describe('sipp calls tandem ivr', () => {
  let server: TandemServer;

  beforeEach(async () => {
    server = await TandemServer.start(['ivr']);
  });

  afterEach(async () => {
    try {
      await server.expectIdle();
      expect(server.errors).toEqual([]);
      await server.stop();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  it.each(['1000', '600'])('200 of 200 BYEs right behind the ACK leave nothing waiting (%s)', async (user) => {
    const result = await runSipp({
      scenario: 'uac-bye-behind-ack',
      target: server.port,
      user,
      calls: 200,
      rate: 100,
    });
    expect(result, result.complaints).toMatchObject(allWell(200));
  });

  it('200 of 200 BYEs right behind the ACK, over TCP', async () => {
    const options = { scenario: 'uac-bye-behind-ack', target: server.tcpPort, user: '1000', transport: 'tcp' } as const;
    const result = await runSipp({ ...options, calls: 200, rate: 100 });
    expect(result, result.complaints).toMatchObject(allWell(200));
  });

  it('holds and takes up again by re-INVITE', async () => {
    const result = await runSipp({ scenario: 'uac-hold', target: server.port, user: '1000', calls: 20, rate: 20 });
    expect(result, result.complaints).toMatchObject(allWell(20));
  });

  it('answers what comes at the wrong time, and the call goes on', async () => {
    const options = { scenario: 'uac-out-of-order', target: server.port, user: '600' };
    const result = await runSipp({ ...options, calls: 10, rate: 20 });
    expect(result, result.complaints).toMatchObject(allWell(10));
  });
});

describe('sipp calls sipp through examples/b2bua.ts', () => {
  async function through(caller: string, callee: string, calls: number, rate: number): Promise<void> {
    await using uas = await Sipp.start({ scenario: callee, calls });
    await using server = await TandemServer.start(['serve', join(root, 'examples', 'b2bua.ts')], {
      env: { TARGET: `sip:uas@127.0.0.1:${uas.port}` },
    });
    const called = await runSipp({ scenario: caller, target: server.port, user: 'uas', calls, rate, pause: 500 });
    const { code, failed, unexpected } = await uas.result();
    expect(called, called.complaints).toMatchObject(allWell(calls));
    expect({ code, failed, unexpected }, await uas.complaints()).toEqual({ code: 0, failed: 0, unexpected: 0 });
    await server.expectIdle();
    expect(server.errors).toEqual([]);
    await server.stop();
  }

  it('answered calls', () => through('uac', 'uas', 200, 50));
  it('calls that are answered late, after 180 and 183', () => through('uac', 'uas-late', 50, 25));
  it('calls to a callee that is busy', () => through('uac-busy', 'uas-486', 50, 25));
  it('calls that are cancelled while it rings', () => through('uac-cancel', 'uas-cancelled', 50, 25));
  it('200 of 200 BYEs right behind the ACK', () => through('uac-bye-behind-ack', 'uas', 200, 50));
  it('hold and unhold', () => through('uac-hold', 'uas', 10, 10));
});

describe('tandem bridge between two sipp', () => {
  it('connects them, records what they send, and hangs up the second with the first', async () => {
    await using folder = await temporaryFolder();
    await using first = await Sipp.start({ scenario: 'uas-hangs-up' });
    await using second = await Sipp.start({ scenario: 'uas-late' });
    await using program = startTandem([
      ...['bridge', `sip:a@127.0.0.1:${first.port}`, `sip:b@127.0.0.1:${second.port}`],
      ...['--record', folder.file('both.wav')],
    ]);
    expect((await program.ended()).code).toBe(0);
    expect(program.stdout).toMatch(/second: 180.*second: 183.*second: answered.*bridged.*first: hung up/s);
    for (const sipp of [first, second]) {
      const result = await sipp.result();
      expect(result, await sipp.complaints()).toMatchObject(allWell(1));
    }
  });

  it('passes the 486 of the second on', async () => {
    await using first = await Sipp.start({ scenario: 'uas' });
    await using second = await Sipp.start({ scenario: 'uas-486' });
    await using program = startTandem(['bridge', `sip:a@127.0.0.1:${first.port}`, `sip:b@127.0.0.1:${second.port}`]);
    expect((await program.ended()).code).toBe(1);
    expect(program.stderr).toMatch(/^tandem: second: .*486.*\n$/);
    for (const sipp of [first, second]) {
      const result = await sipp.result();
      expect(result, await sipp.complaints()).toMatchObject(allWell(1));
    }
  });
});
