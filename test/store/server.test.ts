/** The store in a whole server: what a restart without a journal leaves behind, and what it tells of itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { Tandem } from '../../src/tandem.ts';
import { expect, test } from '../helpers/lab.ts';
import { placeAt } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-server-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a server with a store', () => {
  test('that starts again ends the calls that it had: both sides get a BYE that is theirs', async ({ lab }) => {
    const url = `sqlite:${join(folder, 'again.db')}`;
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const first = await lab.serve(
      async (call, tandem) => {
        const callee = await call.invite('sip:bob@bob');
        await using bridge = await tandem.bridge(call, callee);
        await bridge.ended;
      },
      { store: { url } },
    );
    alice.invite('bob');
    await bob.rings();
    await bob.answer();
    await alice.isUp();
    await lab.advance(100);
    await first.store?.flush();
    const place = await placeAt(url);
    expect(await place.rows('tandem_dialog')).toMatchObject([
      { codec: 'PCMU/8000', second_codec: 'PCMU/8000', bridge_id: expect.stringMatching(/./) },
    ]);
    // It does not write any more, as if it had been killed.
    await first.store?.close();
    await lab.serve(() => {}, { store: { url } });
    await alice.ends();
    await bob.ends();
    expect(await place.rows('dialog')).toEqual([]);
    await place.close();
  });

  test('says in its report how the database is', async ({ lab }) => {
    const tandem = await lab.serve(() => {}, {
      store: { url: `sqlite:${join(folder, 'report.db')}`, mode: 'delayed' },
    });
    expect((await tandem.check()).store).toMatchObject({ state: 'ready', mode: 'delayed', pending: 0, losses: 0 });
    await tandem.close();
    expect((await tandem.check()).store?.state).toBe('closed');
  });

  test('needs a registry, and options that can be', () => {
    const make =
      (store: object, more: object = {}) =>
      () =>
        new Tandem({ store: { url: 'sqlite:x', ...store }, ...more });
    expect(make({}, { registry: false })).toThrow('store needs the registry');
    expect(make({ url: 'oracle://x/y' })).toThrow('"oracle://x/y" is no database');
    expect(make({ url: 'postgres://u:secret@/' })).toThrow(/^(?!.*secret)/);
    expect(make({ mode: 'sometimes' })).toThrow(
      'store.mode is one of none, realtime, delayed, shutdown, not sometimes',
    );
    expect(make({ fetchRows: -1 })).toThrow('store.fetchRows is a number from 0 on, not -1');
    expect(make({ columns: { callId: 'a b' } })).toThrow('store.columns.callId is a name of letters, digits and _');
    expect(make({ columns: { callId: 'TO_TAG' } })).toThrow('TO_TAG is the name of another column (toTag)');
    expect(make({ columns: { nosuch: 'x' } })).toThrow('store.columns.nosuch is no column');
    expect(make({ serverName: 'a b' })).toThrow('store.serverName');
  });
});
