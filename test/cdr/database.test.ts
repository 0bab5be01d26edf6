import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { MemoryJournal } from '../../src/recovery/journal/memory.ts';
import { expect, test } from '../helpers/lab.ts';
import { placeAt } from '../store/suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-cdr-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the database', () => {
  test('has one row for each call: of one that ended, and of one that its server did not outlive', async ({ lab }) => {
    const url = `sqlite:${join(folder, 'calls.db')}`;
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const answer = async (call: { answer(): Promise<unknown>; ended: Promise<unknown> }): Promise<void> => {
      await call.answer();
      await call.ended;
    };
    const first = await lab.serve(answer, { store: { url } });
    await alice.dial('600');
    await lab.advance(3_000);
    await alice.hangup();
    await bob.dial('600');
    await lab.advance(3_000);
    await first.store?.flush();
    // It does not write any more, as if it had been killed.
    await first.store?.close();
    const second = await lab.serve(answer, { store: { url } });
    await bob.ends();
    await lab.advance(1_000);
    await second.store?.flush();
    const place = await placeAt(url);
    const rows = (await place.rows('tandem_cdr')).toSorted((a, b) => Number(a.ended_at) - Number(b.ended_at));
    expect(rows).toMatchObject([
      { cause: 'remote', ended_by: 'caller', duration: 3, caller_codec: 'PCMU/8000' },
      { cause: 'crash', ended_by: 'local', duration: 3 },
    ]);
    await place.close();
  });

  test('gets the records that waited in the journal while it was away', async ({ lab }) => {
    const url = `sqlite:${join(folder, 'late.db')}`;
    const journal = new MemoryJournal();
    const recovery = { path: '', open: async () => journal.reopened() };
    const kept = new MemoryJournal();
    const first = await lab.serve((call) => call.reject(486), {
      recovery: { path: '', open: async () => ({ journal: kept, found: [], lost: [] }) },
      cdr: { sinks: [{ name: 'database', send: () => Promise.reject(new Error('away')) }] },
    });
    lab.phone('alice').invite('600');
    await lab.advance(40_000);
    const [waiting] = kept.calls;
    expect([...(waiting?.parts.keys() ?? [])]).toEqual(['cdr']);
    for (const { call, parts } of kept.calls) for (const [part, value] of parts) journal.put(call, part, value);
    await lab.run(first.close());
    const second = await lab.serve(() => {}, { store: { url }, recovery });
    await lab.advance(1_000);
    await second.store?.flush();
    const place = await placeAt(url);
    expect(await place.rows('tandem_cdr')).toMatchObject([{ id: waiting?.call, status: 486 }]);
    await place.close();
  });
});
