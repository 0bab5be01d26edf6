import { describe } from 'vitest';
import type { Cdr } from '../../src/cdr/cdr.ts';
import { MemoryJournal } from '../../src/recovery/journal/memory.ts';
import type { RecoveryOptions } from '../../src/recovery/options.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type LabTandemOptions, Lab as NewLab, seededRandom } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** A database by its nature: the first record under an id stays. */
class Rows {
  readonly name: string;
  readonly atOnce = 100;
  readonly byId = new Map<string, Cdr>();
  /** Every one that came. */
  readonly sent: Cdr[] = [];
  isDown = false;

  constructor(name = 'rows') {
    this.name = name;
  }

  get all(): readonly Cdr[] {
    return [...this.byId.values()];
  }

  async send(cdr: Cdr): Promise<void> {
    if (this.isDown) throw new Error('down');
    this.sent.push(cdr);
    if (!this.byId.has(cdr.id)) this.byId.set(cdr.id, cdr);
  }
}

const recoveryOf = (journal: MemoryJournal): RecoveryOptions => ({
  path: '',
  open: async () => ({ journal, found: journal.calls, lost: [] }),
});

/** Every call goes to the host that its number names; `conference` is one. */
function serve(lab: Lab, rows: Rows, options: LabTandemOptions = {}): Promise<Tandem> {
  return lab.serve(
    async (call, tandem) => {
      if (call.toUser === 'conference') {
        await call.answer();
        await tandem.conference('room').add(call);
        await call.ended;
        return;
      }
      const callee = await call.invite(`sip:${call.toUser}@${call.toUser}`, { timeout: 20_000 });
      await using bridge = await tandem.bridge(call, callee);
      if (call.toUser === 'recorded') call.recording('/calls/one.wav');
      await bridge.ended;
    },
    { transfer: 'execute', cdr: { sinks: [rows] }, ...options },
  );
}

describe('the record of a call', () => {
  test('that was answered has its times, both legs and how they sounded', async ({ lab }) => {
    const rows = new Rows();
    const told: Cdr[] = [];
    const tandem = await serve(lab, rows);
    tandem.onCdr = (cdr) => void told.push(cdr);
    const [alice, bob] = [lab.phone('alice'), lab.phone('recorded')];
    bob.onCall = { answerAfterMs: 2_000 };
    const began = Math.floor(lab.clock.wallclock() / 1000);
    await alice.dial('recorded');
    await lab.advance(10_000);
    await bob.hangup();
    await alice.ends();
    await lab.advance(3_000);
    const [cdr] = rows.all;
    expect(rows.sent).toHaveLength(1);
    expect(told).toEqual([cdr]);
    expect(cdr).toMatchObject({
      fromUri: 'sip:alice@10.0.1.1',
      cause: { by: 'remote' },
      endedBy: 'callee',
      recordings: ['/calls/one.wav'],
      gaps: [],
      legs: [
        { direction: 'inbound', remoteUri: 'sip:alice@10.0.1.1', codec: 'PCMU/8000', packetsLost: 0 },
        { direction: 'outbound', codec: 'PCMU/8000', packetsLost: 0 },
      ],
    });
    expect(cdr?.beganAt).toBe(began);
    expect((cdr?.answeredAt ?? 0) - began).toBe(2);
    expect(cdr?.duration).toBeGreaterThanOrEqual(10);
    expect(cdr?.endedAt).toBe((cdr?.answeredAt ?? 0) + (cdr?.duration ?? 0));
    for (const leg of cdr?.legs ?? []) {
      expect(leg.mos).toBeGreaterThan(4);
      expect(leg.packetsReceived).toBeGreaterThan(400);
    }
  });

  test.for([
    ['busy', { reject: 486 }, 'callee', { by: 'remote', status: 486 }],
    ['refused', { reject: 603 }, 'callee', { by: 'remote', status: 603 }],
    ['never answered', {}, 'local', { by: 'local', status: 408 }],
  ] as const)('that was %s says so', async ([, plan, endedBy, cause], { lab }) => {
    const rows = new Rows();
    await serve(lab, rows);
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = plan;
    alice.invite('bob');
    await lab.advance(60_000);
    expect(rows.sent).toMatchObject([{ answeredAt: 0, duration: 0, endedBy, cause, legs: [{ direction: 'inbound' }] }]);
  });

  test('that was cancelled says that the caller did it', async ({ lab }) => {
    const rows = new Rows();
    await serve(lab, rows);
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = {};
    alice.invite('bob');
    await bob.rings();
    await alice.cancel();
    await lab.advance(40_000);
    expect(rows.sent).toMatchObject([{ answeredAt: 0, endedBy: 'caller', cause: { by: 'remote' } }]);
  });

  test('that was transferred is one, with the legs of all who talked', async ({ lab }) => {
    const rows = new Rows();
    await serve(lab, rows);
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = carol.onCall = { answerAfterMs: 0 };
    await alice.dial('bob');
    await lab.advance(5_000);
    expect(await bob.transfer(carol.uri)).toBe(200);
    await lab.advance(5_000);
    await alice.hangup();
    await carol.ends();
    await lab.advance(3_000);
    expect(rows.sent).toHaveLength(1);
    const [cdr] = rows.all;
    expect(cdr?.endedBy).toBe('caller');
    expect(cdr?.legs.map(({ direction }) => direction)).toEqual(['inbound', 'outbound', 'outbound']);
    expect(cdr?.legs[0]?.mos).toBeGreaterThan(4);
  });

  test('in a conference is one for each caller', async ({ lab }) => {
    const rows = new Rows();
    await serve(lab, rows);
    const phones = ['alice', 'bob', 'carol'].map((name) => lab.phone(name));
    for (const phone of phones) await phone.dial('conference');
    await lab.advance(5_000);
    for (const phone of phones) await phone.hangup();
    await lab.advance(3_000);
    expect(new Set(rows.sent.map(({ id }) => id)).size).toBe(3);
    expect(rows.sent).toHaveLength(3);
    for (const { endedBy, legs } of rows.sent) expect([endedBy, legs.length]).toEqual(['caller', 1]);
  });

  test('waits for a sink that is down, and disturbs nobody', async ({ lab }) => {
    const rows = new Rows();
    rows.isDown = true;
    const tandem = await serve(lab, rows);
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 486 };
    for (let call = 0; call < 3; call++) {
      alice.invite('bob');
      await lab.advance(40_000);
    }
    expect((await tandem.check()).cdrs).toMatchObject([{ name: 'rows', waiting: 3, problem: 'down' }]);
    rows.isDown = false;
    await lab.advance(61_000);
    expect(rows.sent).toHaveLength(3);
    expect((await tandem.check()).cdrs).toMatchObject([{ waiting: 0, sent: 3, problem: undefined }]);
  });

  test('of a call that is not followed any more is not made', async ({ lab }) => {
    const rows = new Rows();
    await lab.serve(
      async (call) => {
        call.data.tracked = false;
        await call.answer();
        await call.ended;
      },
      { cdr: { sinks: [rows] } },
    );
    const alice = lab.phone('alice');
    await alice.dial('600');
    await alice.hangup();
    await lab.advance(40_000);
    expect(rows.sent).toEqual([]);
  });
});

describe('a crash', () => {
  const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

  /** Calls of all kinds for some seconds; what the journal has at that moment. */
  async function untilCrash(seed: number, rows: Rows, down: Rows) {
    const journal = new MemoryJournal();
    const begun = new Set<string>();
    const lab = new NewLab({ seed });
    const random = seededRandom(seed, 'crash');
    const below = (limit: number): number => random.uint32() % limit;
    try {
      const tandem = await serve(lab, rows, { recovery: recoveryOf(journal), cdr: { sinks: [rows, down] } });
      tandem.registry.on('created', ({ dialog }) => void begun.add(dialog.id));
      const bob = lab.phone('bob');
      const busy = lab.phone('busy');
      bob.onCall = { answerAfterMs: 700 };
      busy.onCall = { reject: 486 };
      const callers = Array.from({ length: 6 }, (_, index) => lab.phone(`caller${index}`));
      const hangups: { readonly at: number; readonly phone: (typeof callers)[number] }[] = [];
      const crashAt = lab.clock.now() + 500 + below(6_000);
      for (const phone of callers) {
        await lab.advance(Math.min(below(800), Math.max(0, crashAt - lab.clock.now())));
        if (lab.clock.now() >= crashAt) break;
        phone.invite(['bob', 'busy', 'conference'][below(3)] ?? 'bob');
        hangups.push({ at: lab.clock.now() + 800 + below(3_000), phone });
      }
      for (const { at, phone } of hangups.sort((a, b) => a.at - b.at)) {
        if (at >= crashAt) break;
        await lab.advance(Math.max(0, at - lab.clock.now()));
        await phone.hangup().catch(() => {});
      }
      await lab.advance(Math.max(0, crashAt - lab.clock.now()));
      return { found: journal.calls, begun: new Set(begun), rows: new Map(rows.byId), at: lab.clock.wallclock() };
    } finally {
      await lab.close().catch(() => {});
    }
  }

  test('is a gap in the record of a call that goes on, and so is the next', async () => {
    const rows = new Rows();
    let journal = new MemoryJournal();
    let epoch = Date.UTC(2026, 0, 1);
    const began = Math.floor(epoch / 1000);
    for (let life = 1; life <= 3; life++) {
      const lab = new NewLab({ seed: life, epoch });
      try {
        const tandem = await serve(lab, rows, { recovery: recoveryOf(journal) });
        if (life === 1) {
          lab.phone('bob').onCall = { answerAfterMs: 0 };
          await lab.phone('alice').dial('bob');
        }
        await lab.advance(life === 1 ? 10_000 : 5_400);
        if (life === 3) await lab.run(tandem.drain({ timeout: 0 }));
        if (life === 3) await lab.advance(60_000);
        journal = new MemoryJournal(journal.calls);
        epoch = lab.clock.wallclock() + 2_000;
      } finally {
        if (life < 3) rows.isDown = true;
        await lab.close().catch(() => {});
        rows.isDown = false;
      }
    }
    expect(rows.sent).toHaveLength(1);
    const [cdr] = rows.sent;
    expect(cdr).toMatchObject({ beganAt: began, answeredAt: began, cause: { by: 'local' } });
    expect(cdr?.gaps).toHaveLength(2);
    for (const { at, forMs } of cdr?.gaps ?? []) {
      expect(at).toBeGreaterThan(began * 1000 + 8_900);
      expect(forMs).toBeGreaterThanOrEqual(2_000);
      expect(forMs).toBeLessThan(3_100);
    }
    expect(journal.calls).toEqual([]);
  });

  test('that a call does not outlive is the cause in its record', async ({ lab }) => {
    const journal = new MemoryJournal();
    const first = new NewLab({ epoch: Date.UTC(2026, 0, 1) });
    const rows = new Rows();
    const tandem = await serve(first, rows, { recovery: recoveryOf(journal) });
    first.phone('bob').onCall = {};
    first.phone('alice').invite('bob');
    await first.advance(5_000);
    const [id] = [...tandem.registry].map((record) => record.id);
    const found = [...journal.calls, { call: 'abcdef', parts: new Map() }];
    await first.close().catch(() => {});
    const damaged = { call: '012345', parts: new Map(), reason: 'damaged' } as const;
    const next = new MemoryJournal(found);
    const after = new Rows();
    await serve(lab, after, {
      recovery: { path: '', open: async () => ({ journal: next, found, lost: [damaged] }) },
    });
    await lab.advance(1_000);
    expect(after.all).toMatchObject([
      { id, fromUri: 'sip:alice@10.0.1.2', answeredAt: 0, cause: { by: 'crash' }, endedBy: 'local' },
      { id: '012345', fromUri: '', cause: { by: 'crash' }, legs: [] },
    ]);
    expect(next.calls).toEqual([]);
  });

  test.for(seeds)('at any moment costs no record and makes none twice (seed %i)', async (seed) => {
    const [rows, down] = [new Rows(), new Rows('late')];
    down.isDown = true;
    const crash = await untilCrash(seed, rows, down);
    // What came after the crash has not been.
    rows.byId.clear();
    for (const [id, cdr] of crash.rows) rows.byId.set(id, cdr);
    const late = new Rows('late');
    const lab = new NewLab({ seed, epoch: crash.at + 1_500 });
    const journal = new MemoryJournal(crash.found);
    const tandem = await serve(lab, rows, {
      recovery: recoveryOf(journal),
      cdr: { sinks: [rows, late] },
    });
    await lab.advance(5_000);
    await lab.run(tandem.drain({ timeout: 0 }));
    await lab.advance(60_000);
    expect([seed, [...rows.byId.keys()].sort()]).toEqual([seed, [...crash.begun].sort()]);
    for (const [id, cdr] of crash.rows) expect(rows.byId.get(id)).toBe(cdr);
    expect([...late.byId.keys()].sort()).toEqual([...crash.begun].sort());
    expect(journal.calls).toEqual([]);
    await lab.close();
  });
});
