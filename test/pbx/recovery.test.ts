import { describe } from 'vitest';
import { goOnTalking } from '../../src/incoming/resume.ts';
import { MemoryJournal } from '../../src/recovery/journal/memory.ts';
import type { RecoveryOptions } from '../../src/recovery/options.ts';
import { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { register, registered } from './phones.ts';

const recoveryOf = (journal: MemoryJournal): RecoveryOptions => ({
  path: '',
  open: async () => ({ journal, found: journal.calls, lost: [] }),
});

/** A server of one queue, and of what an earlier process left of it. */
async function serve(lab: Lab, journal: MemoryJournal): Promise<Tandem> {
  const tandem = lab.newTandem({
    auth: { users: () => ({ password: 'secret' }), require: () => false },
    registrar: {},
    recovery: recoveryOf(journal),
  });
  const queue = tandem.queue('support', { members: ['bob'], announceEvery: 0 });
  await tandem.serveBackground(async (call) => void (await queue.enter(call)), {
    resume: async (call) => {
      if (call.bridge || !(call instanceof DialogServerSession)) await goOnTalking(call);
      else await queue.enter(call);
    },
  });
  return tandem;
}

describe('a queue whose process died', () => {
  test('goes on: who talks talks, who waits keeps the time that it has waited', async () => {
    const journal = new MemoryJournal();
    const epoch = Date.UTC(2026, 0, 1);
    const first = new Lab({ epoch, sounds: 'prompts' });
    await serve(first, journal);
    const [bob] = await registered(first, 'bob');
    bob.onCall = { answerAfterMs: 100 };
    await first.phone('alice').dial('queue');
    await bob.isUp();
    await first.phone('carol').dial('queue');
    await first.advance(20_000);
    const left = new MemoryJournal(journal.calls);
    const crashed = first.clock.wallclock();
    await first.close().catch(() => {});

    const lab = new Lab({ epoch: crashed + 2000, sounds: 'prompts', seed: 2 });
    const tandem = await serve(lab, left);
    const queue = tandem.queue('support');
    await lab.advance(5000);
    const [carol, ...others] = queue.state.callers;
    expect(others).toEqual([]);
    expect(carol).toMatchObject({ fromUser: 'carol', position: 1, ringing: [] });
    expect(carol?.waitedMs).toBeGreaterThan(26_000);
    expect(carol?.waitedMs).toBeLessThan(29_000);
    expect(tandem.calls).toHaveLength(3);

    // Its phone is known when it registers: it talks still, and gets no second call.
    const again = lab.phone('bob', { address: '10.0.1.1' });
    await register(again);
    await lab.advance(1000);
    expect(queue.state.agents).toMatchObject([{ name: 'bob', state: 'talking' }]);
    expect(queue.state.callers).toHaveLength(1);
    for (const call of tandem.calls) if (call.bridge) void call.hangup();
    await again.rings();
    expect(queue.state.callers).toMatchObject([{ fromUser: 'carol', ringing: ['bob'] }]);
    await lab.run(tandem.close());
    await lab.close().catch(() => {});
  });
});
