import { describe } from 'vitest';
import type { Cdr, DialogServerSession, Tandem, TandemOptions } from '../../src/index.ts';
import { MemoryJournal } from '../../src/recovery/journal/memory.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { type FakeSink, fakeSink } from './sink.ts';

/** Every call goes to the host that its number names. */
const b2bua = async (call: DialogServerSession, tandem: Tandem): Promise<void> => {
  call.variables.set('tenant', 'acme');
  const callee = await call.invite(`sip:${call.toUser}@${call.toUser}`);
  await using bridge = await tandem.bridge(call, callee);
  await bridge.ended;
};

async function scene(lab: Lab, options: TandemOptions = {}): Promise<[Phone, Phone, FakeSink, Tandem]> {
  const sink = fakeSink();
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  bob.onCall = { answerAfterMs: 1000 };
  const tandem = await lab.serve(b2bua, { cdr: { sinks: [sink] }, ...options });
  return [alice, bob, sink, tandem];
}

describe('the record of a call', () => {
  test('has both legs, their times, codecs and quality, and who hung up', async ({ lab }) => {
    const [alice, , sink, tandem] = await scene(lab);
    const told: Cdr[] = [];
    tandem.onCdr = (cdr) => void told.push(cdr);
    await alice.dial('bob');
    await lab.advance(10_000);
    await alice.hangup();
    await lab.advance(3_000);
    expect(sink.taken).toHaveLength(1);
    const [cdr] = sink.taken;
    expect(cdr).toMatchObject({
      cause: { by: 'remote', method: 'BYE' },
      endedBy: 'caller',
      recordings: [],
      gaps: [],
      variables: { tenant: 'acme' },
      legs: [
        { direction: 'inbound', codec: 'PCMU/8000', packetsLost: 0 },
        { direction: 'outbound', codec: 'PCMU/8000', packetsLost: 0 },
      ],
    });
    for (const { mos, packetsReceived } of cdr?.legs ?? []) {
      expect(mos).toBeGreaterThan(4);
      expect(packetsReceived).toBeGreaterThan(400);
    }
    expect(cdr?.duration).toBe(10);
    expect((cdr?.answeredAt ?? 0) - (cdr?.beganAt ?? 0)).toBe(1);
    expect(told).toEqual(sink.taken);
  });

  test('says that the callee hung up', async ({ lab }) => {
    const [alice, bob, sink] = await scene(lab);
    await alice.dial('bob');
    await bob.isUp();
    await bob.hangup();
    await lab.advance(3_000);
    expect(sink.taken).toMatchObject([{ endedBy: 'callee' }]);
  });

  test('of a call that was not answered has why', async ({ lab }) => {
    const [alice, bob, sink] = await scene(lab);
    bob.onCall = {};
    const calling = alice.dial('bob').catch(() => {});
    await bob.rings();
    bob.reject(486);
    await calling;
    await lab.advance(40_000);
    expect(sink.taken).toMatchObject([{ answeredAt: 0, duration: 0, cause: { status: 486 }, legs: [{}] }]);
  });

  test('of a caller that gave up says so', async ({ lab }) => {
    const [alice, bob, sink] = await scene(lab);
    bob.onCall = {};
    const calling = alice.dial('bob').catch(() => {});
    await bob.rings();
    await alice.cancel();
    await calling;
    await lab.advance(40_000);
    expect(sink.taken).toMatchObject([{ answeredAt: 0, endedBy: 'caller', cause: { by: 'remote', method: 'CANCEL' } }]);
  });

  test('has the paths of what was recorded', async ({ lab }) => {
    const sink = fakeSink();
    const alice = lab.phone('alice');
    await lab.serve(
      async (call) => {
        await call.answer();
        call.recording('/tmp/one.wav');
        await call.ended;
      },
      { cdr: { sinks: [sink] } },
    );
    await alice.dial('1000');
    await lab.advance(1000);
    await alice.hangup();
    await lab.advance(3_000);
    expect(sink.taken).toMatchObject([{ recordings: ['/tmp/one.wav'] }]);
  });

  test('waits for a sink that is down', async ({ lab }) => {
    const [alice, , sink, tandem] = await scene(lab);
    sink.isDown = true;
    for (let count = 0; count < 3; count++) {
      await alice.dial('bob');
      await alice.hangup();
    }
    await lab.advance(5_000);
    expect((await tandem.check()).cdrs).toMatchObject([{ name: 'fake', waiting: 3, sent: 0, problem: 'down' }]);
    sink.isDown = false;
    await lab.advance(61_000);
    expect(sink.taken).toHaveLength(3);
    expect(new Set(sink.taken.map(({ id }) => id)).size).toBe(3);
    expect((await tandem.check()).cdrs).toMatchObject([{ waiting: 0, sent: 3, problem: undefined }]);
  });
});

describe('over the end of a process', () => {
  /** A Tandem whose journal is in memory. */
  const keeping = (journal: MemoryJournal): TandemOptions => ({
    recovery: { path: '', open: async () => ({ journal, found: [], lost: [] }) },
  });

  test('a record that was not taken is sent by the next one, under the same id', async ({ lab }) => {
    const journal = new MemoryJournal();
    const [alice, , sink] = await scene(lab, keeping(journal));
    sink.isDown = true;
    await alice.dial('bob');
    await lab.advance(2000);
    await alice.hangup();
    await lab.advance(5000);
    expect(journal.calls.map(({ parts }) => [...parts.keys()])).toEqual([['cdr']]);
    const [left] = journal.calls;
    const next = fakeSink();
    const reopened = journal.reopened();
    const again = lab.newTandem({ cdr: { sinks: [next] }, recovery: { path: '', open: async () => reopened } });
    await again.open();
    await lab.advance(1000);
    expect(next.taken).toMatchObject([{ id: left?.call, endedBy: 'caller', duration: 2 }]);
    expect((reopened.journal as MemoryJournal).calls).toEqual([]);
    await again.close();
  });

  test('a call that does not go on has one with the cause crash', async ({ lab }) => {
    const journal = new MemoryJournal();
    const [alice, bob] = await scene(lab, keeping(journal));
    bob.onCall = {};
    const calling = alice.dial('bob').catch(() => {});
    await bob.rings();
    await lab.advance(10);
    const reopened = journal.reopened();
    await alice.cancel();
    await calling;
    const next = fakeSink();
    const again = lab.newTandem({ cdr: { sinks: [next] }, recovery: { path: '', open: async () => reopened } });
    await again.open();
    await lab.advance(1000);
    expect(next.taken).toMatchObject([{ id: reopened.found[0]?.call, cause: { by: 'crash' }, answeredAt: 0 }]);
    expect((reopened.journal as MemoryJournal).calls).toEqual([]);
    await again.close();
  });

  test('at every moment of its life a call has at most one record, and one in the end', async ({ lab }) => {
    const journal = new MemoryJournal();
    const [alice, , sink] = await scene(lab, keeping(journal));
    const moments: ReturnType<MemoryJournal['reopened']>[] = [];
    const note = (): void => void moments.push(journal.reopened());
    const calling = alice.dial('bob');
    for (let step = 0; step < 12; step++) {
      await lab.advance(137);
      note();
    }
    await calling;
    const ended = alice.hangup();
    for (let step = 0; step < 12; step++) {
      await lab.advance(1);
      note();
    }
    await ended;
    await lab.advance(5000);
    expect(sink.taken).toHaveLength(1);
    const [{ id = '' } = {}] = sink.taken;
    for (const moment of moments) {
      const next = fakeSink();
      const again = lab.newTandem({ cdr: { sinks: [next] }, recovery: { path: '', open: async () => moment } });
      await again.open();
      await lab.advance(100);
      await again.close();
      await lab.advance(40_000);
      // It was taken before, or there is one now.
      if (moment.found.length > 0) expect(next.taken.map((cdr) => cdr.id)).toEqual([id]);
      else expect(next.taken).toEqual([]);
    }
  });
});
