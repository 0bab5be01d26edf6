/** sipp transfers, replaces calls, presses keys by INFO and writes messages; each also where it does not go well. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms, root } from '../support/process.ts';
import { allWell, runSipp, Sipp } from '../support/sipp.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

async function finish(server: TandemServer): Promise<void> {
  await server.expectIdle();
  expect(server.errors).toEqual([]);
  await server.stop();
}

describe('a transfer by sipp through examples/b2bua.ts', () => {
  async function transfer(caller: string, target: string, calls: number): Promise<void> {
    await using callee = await Sipp.start({ scenario: 'uas', calls });
    await using third = await Sipp.start({ scenario: target, calls });
    await using server = await TandemServer.start(['serve', join(root, 'examples', 'b2bua.ts')], {
      env: { TARGET: `sip:uas@127.0.0.1:${callee.port}`, TANDEM_TRANSFER: 'execute', TANDEM_DRAIN_TIMEOUT: '500' },
    });
    const args = ['-key', 'refer_to', `sip:third@127.0.0.1:${third.port}`];
    const caught = await runSipp({ scenario: caller, target: server.port, user: 'uas', calls, rate: 10, args });
    expect(caught, caught.complaints).toMatchObject(allWell(calls));
    // Whom it was transferred to is hung up with the server.
    await server.stop();
    expect(server.errors).toEqual([]);
    for (const sipp of [callee, third]) {
      const { code, failed, unexpected } = await sipp.result();
      expect({ code, failed, unexpected }, await sipp.complaints()).toEqual({ code: 0, failed: 0, unexpected: 0 });
    }
  }

  it('is done', () => transfer('uac-transfer', 'uas', 10));
  it('to somebody who is busy leaves the call as it was', () => transfer('uac-transfer-busy', 'uas-486', 10));
});

describe('sipp at tandem ivr', () => {
  it.each([
    ['uac-info', '1000'],
    ['uac-info-unknown', '1000'],
    ['uac-replaces', '600'],
    ['uac-replaces-unknown', '600'],
    ['uac-message-refused', '1000'],
  ])('%s', async (scenario, user) => {
    await using server = await TandemServer.start(['ivr']);
    const result = await runSipp({ scenario, target: server.port, user, calls: 10, rate: 10 });
    expect(result, result.complaints).toMatchObject(allWell(10));
    await finish(server);
  });
});

describe('a script that takes messages', () => {
  it('gets those of sipp', async () => {
    await using folder = await temporaryFolder();
    const script = folder.file('messages.ts');
    await writeFile(
      script,
      'export default { start: (tandem) => void (tandem.onMessage = ({ text }) => console.log(text)), call() {} };\n',
    );
    await using server = await TandemServer.start(['serve', script]);
    const result = await runSipp({ scenario: 'uac-message', target: server.port, user: '1000', calls: 10, rate: 10 });
    expect(result, result.complaints).toMatchObject(allWell(10));
    await finish(server);
  });
});
