/** A queue and a mailbox with a phone by others: as an agent, as a caller, and as one that shows what waits. */
import { afterEach, describe, expect, it } from 'vitest';
import { heardInPieces } from '../../helpers/pieces.ts';
import { expectIdle, openTandem, type TestTandem } from '../../helpers/tandem.ts';
import { Baresip } from '../support/baresip.ts';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms } from '../support/process.ts';
import { prompt } from '../support/sound.ts';

afterEach(expectNoPrograms);

/** 5001 registers; whoever calls `queue` waits for it, and any other call is for its mailbox. */
async function serve(folder: string): Promise<TestTandem> {
  const server: TestTandem = await openTandem(
    async (call) => {
      const { tandem } = server;
      if (call.toUser === 'queue') await tandem.queue('support').enter(call);
      else await tandem.voicemail('5001').record(call);
    },
    { auth: { users: { 5001: { password: 'one' } }, require: () => false }, registrar: {} },
  );
  server.tandem.queue('support', { members: ['5001'], announceEvery: 0, whenEmpty: 'wait' });
  server.tandem.voicemail('5001', { folder });
  return server;
}

describe('baresip', () => {
  it('is an agent of a queue, and talks with the caller', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve(folder.path);
    await using caller = await Baresip.start({ says: 'message' });
    caller.dial(`sip:queue@127.0.0.1:${server.port}`);
    await caller.event('CALL_ESTABLISHED');
    await caller.heardFor(1000);
    await using agent = await Baresip.start({
      says: 'welcome',
      account: { user: '5001', password: 'one', port: server.port },
    });
    // It is called as soon as it has registered, and may have answered before it can be listened to.
    await agent.heardFor(2500);
    const queue = server.tandem.queue('support');
    expect(queue.state.agents).toMatchObject([{ name: '5001', state: 'talking' }]);
    agent.hangup();
    await caller.event('CALL_CLOSED');
    await expectIdle(server.tandem);
    expect(queue.state.left.answered).toBe(1);
    const heard = await caller.heard();
    expect(heardInPieces(heard, (await prompt('music')).subarray(0, 8 * 500))).toBeGreaterThan(0.9);
    expect(heardInPieces(heard, (await prompt('welcome')).subarray(8 * 1000, 8 * 2000))).toBeGreaterThan(0.9);
  });

  it('subscribes to a mailbox, and is told of a message', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve(folder.path);
    await using phone = await Baresip.start({
      says: 'welcome',
      account: { user: '5001', password: 'one', port: server.port, mwi: true },
    });
    await expect.poll(() => phone.program.output, { timeout: 20_000 }).toContain('Messages-Waiting: no');
    await using caller = await openTandem();
    const call = await caller.tandem.invite(`sip:5001@127.0.0.1:${server.port}`);
    await call.sendDtmf('1');
    await caller.tandem.sleep(600);
    await call.playback().play(new URL('../../../prompts/goodbye.wav', import.meta.url));
    await call.sendDtmf('#');
    await expect.poll(() => phone.program.output, { timeout: 20_000 }).toContain('Voice-Message: 1/0');
    await call.hangup();
  });
});
