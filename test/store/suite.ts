/** What the store does with calls, on whatever database: run for each kind. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cdr } from '../../src/cdr/cdr.ts';
import type { RegistryOptions } from '../../src/registry/options.ts';
import type { DialogRecord } from '../../src/registry/record.ts';
import type { CdrSearch } from '../../src/store/cdr-reader.ts';
import { type Database, openDatabase, type Row } from '../../src/store/database.ts';
import type { StoreOptions } from '../../src/store/options.ts';
import { openStore, type Store, type StorePorts } from '../../src/store/store.ts';
import { parseStoreUrl } from '../../src/store/url.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';
import { type Bench, bench, call, FakeLeg, settle } from '../registry/helpers.ts';

export const tables = ['dialog', 'dialog_vars', 'tandem_dialog', 'tandem_cdr', 'tandem_schema', 'version'] as const;

export interface Place {
  /** Of a database of its own. */
  readonly url: string;
  readonly database: Database;
  rows(table: string): Promise<Row[]>;
  /** Removes all tables. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function placeAt(url: string): Promise<Place> {
  const { logger } = memoryLogger();
  const database = await openDatabase(parseStoreUrl(url), logger);
  return {
    url,
    database,
    rows: async (table) => {
      const key = { tandem_dialog: 'callid', tandem_cdr: 'id', tandem_schema: 'version', version: 'table_name' }[table];
      return database.sql
        .selectFrom(table)
        .selectAll()
        .orderBy(key ?? 'id')
        .execute();
    },
    clear: async () => {
      for (const table of [...tables, 'calls', 'call_vars'])
        await database.sql.schema.dropTable(table).ifExists().execute();
    },
    close: () => database.close(),
  };
}

export interface Run extends Bench {
  readonly store: Store;
  readonly lines: ReturnType<typeof memoryLogger>['lines'];
}

/** A registry with a store, as one process has them. */
export async function run(
  url: string,
  options: Partial<StoreOptions> = {},
  ports: Partial<StorePorts> = {},
  registry: RegistryOptions = { profilesNoValue: ['inbound'], profilesWithValue: ['caller'] },
): Promise<Run> {
  const made = bench(registry);
  const { logger, lines } = memoryLogger();
  const store = await openStore(
    { url, serverName: 'one', ...options },
    { clock: made.clock, random: seededRandom(1), logger, hostName: 'host', registry: made.registry, ...ports },
  );
  return { ...made, store, lines };
}

/** An answered call of two legs. */
export function connected({ registry }: Bench, callId = 'call-1'): [DialogRecord, FakeLeg, FakeLeg] {
  const [record, a] = call(registry, callId);
  a.advance('early');
  const b = new FakeLeg(`${callId}-b`).join(record, { direction: 'outbound' });
  b.advance('early').up();
  a.up();
  return [record, a, b];
}

export const someCdr: Cdr = {
  ...{ id: 'cdr-1', hEntry: 5, hId: 7, fromUri: 'sip:alice@x', toUri: 'sip:bob@x', requestUri: 'sip:bob@x' },
  ...{ beganAt: 1_000, answeredAt: 1_005, endedAt: 1_065, duration: 60 },
  cause: { by: 'remote', method: 'BYE' },
  endedBy: 'caller',
  legs: [
    {
      ...{ callId: 'a', direction: 'inbound', localUri: 'sip:bob@x', remoteUri: 'sip:alice@x', codec: 'PCMU/8000' },
      ...{ mos: 4.4, packetsSent: 3_000, packetsReceived: 3_000, packetsLost: 0 },
    },
  ],
  recordings: ['a.wav'],
  gaps: [],
  variables: { name: 'Zoë 🎧' },
};

/** @param open makes an empty database */
export function storeSuite(name: string, open: () => Promise<Place>): void {
  describe(name, () => {
    let place: Place;
    beforeAll(async () => {
      place = await open();
    });
    afterAll(() => place.close());
    beforeEach(() => place.clear());

    const callIds = async (table = 'dialog'): Promise<unknown[]> => (await place.rows(table)).map((row) => row.callid);

    describe('the rows of a call', () => {
      it('are not there before the answer and after the end', async () => {
        const { store, registry, clock } = await run(place.url);
        const [record, a] = call(registry, 'call-1');
        await settle();
        await store.flush();
        expect(await callIds()).toEqual([]);
        a.advance('early');
        await settle();
        await store.flush();
        expect(await callIds()).toEqual([]);
        a.advance('answered');
        await settle();
        await store.flush();
        expect(await place.rows('dialog')).toMatchObject([{ callid: 'call-1', state: 3 }]);
        a.advance('confirmed');
        await settle();
        await store.flush();
        expect(await place.rows('dialog')).toMatchObject([{ callid: 'call-1', state: 4 }]);
        record.variables.set('customer', 'acme');
        await settle();
        await store.flush();
        expect(await place.rows('dialog_vars')).toMatchObject([{ dialog_key: 'customer', dialog_value: 'acme' }]);
        a.end();
        await settle();
        await store.flush();
        for (const table of ['dialog', 'dialog_vars', 'tandem_dialog']) expect(await place.rows(table)).toEqual([]);
        await clock.advance(1_000);
        await store.close();
      });

      it('have the columns of Kamailio', async () => {
        const made = await run(place.url);
        const [record] = connected(made);
        record.variables.set('gw', 'gw1');
        record.profiles.set('inbound');
        record.profiles.set('caller', 'sip:5001@x');
        record.flags.set(31);
        await settle();
        await made.store.flush();
        const [row] = await place.rows('dialog');
        expect(row).toEqual({
          id: 1,
          hash_entry: record.hEntry,
          hash_id: record.hId,
          callid: 'call-1',
          from_uri: 'sip:alice@x',
          from_tag: 'r-call-1',
          to_uri: 'sip:bob@x',
          to_tag: 'r-call-1-b',
          caller_cseq: '1',
          callee_cseq: '1',
          caller_route_set: null,
          callee_route_set: null,
          caller_contact: 'sip:peer@x',
          callee_contact: 'sip:peer@x',
          caller_sock: 'udp:192.0.2.1:5060',
          callee_sock: 'udp:192.0.2.1:5060',
          state: 4,
          start_time: record.startTs,
          timeout: record.timeout,
          sflags: -(2 ** 31),
          iflags: 1,
          toroute_name: null,
          req_uri: 'sip:bob@x',
          xdata: JSON.stringify({
            profiles: [
              { name: 'caller', value: 'sip:5001@x', puid: `dlgp-${record.id}-2` },
              { name: 'inbound', puid: `dlgp-${record.id}-1` },
            ],
          }),
        });
        expect(await place.rows('tandem_dialog')).toMatchObject([
          {
            ...{ record_id: record.id, server: 'one', callid: 'call-1', second_callid: 'call-1-b' },
            ...{ second_local_tag: 'l-call-1-b', second_remote_tag: 'r-call-1-b', second_contact: 'sip:peer@x' },
          },
        ]);
        await made.store.close();
      });

      it('keep what has no room in a column among the legs, and take any character', async () => {
        const made = await run(place.url);
        const name = 'ж🎧'.repeat(200);
        const [record, a] = call(made.registry, `long-${'x'.repeat(400)}`, { fromUri: `sip:${name}@x` });
        a.up();
        record.variables.set('key 🎧', name);
        await settle();
        await made.store.flush();
        expect(made.lines.filter(({ level }) => level === 'error')).toEqual([]);
        const [row] = await place.rows('dialog');
        expect(String(row?.callid)).toHaveLength(255);
        expect(name.startsWith(String(row?.from_uri).slice(4, 100))).toBe(true);
        expect(await place.rows('dialog_vars')).toMatchObject([{ dialog_key: 'key 🎧' }]);
        a.end();
        await settle();
        await made.store.flush();
        expect(await place.rows('dialog')).toEqual([]);
        await made.store.close();
      });

      it('follow variables that change and go', async () => {
        const made = await run(place.url);
        const [record] = connected(made);
        record.variables.set('a', '1').set('b', '1');
        await settle();
        await made.store.flush();
        record.variables.set('a', '2').set('c', '1');
        record.variables.delete('b');
        await settle();
        await made.store.flush();
        const rows = await place.rows('dialog_vars');
        expect(rows.map((row) => [row.dialog_key, row.dialog_value])).toEqual([
          ['a', '2'],
          ['c', '1'],
        ]);
        await made.store.close();
      });

      it('of many calls are written and removed together', async () => {
        const made = await run(place.url);
        const legs = Array.from({ length: 250 }, (_, index) => connected(made, `call-${index}`));
        await settle();
        await made.store.flush();
        expect(await callIds()).toHaveLength(250);
        expect(await place.rows('tandem_dialog')).toHaveLength(250);
        for (const [, a, b] of legs.slice(0, 150)) {
          a.end();
          b.end();
        }
        await settle();
        await made.store.flush();
        expect(await callIds()).toHaveLength(100);
        expect(made.store.health).toMatchObject({ state: 'ready', pending: 0, dropped: 0 });
        await made.store.close();
      });

      it('that the database refuses cost no other call its own', async () => {
        const made = await run(place.url);
        await place.database.sql.schema.createIndex('one_each').unique().on('dialog').column('from_uri').execute();
        for (const name of ['a', 'b', 'b', 'c'])
          call(made.registry, `call-${name}`, { fromUri: `sip:${name}@x` })[1].up();
        await settle();
        await made.store.flush();
        expect((await place.rows('dialog')).map((row) => row.from_uri)).toEqual(['sip:a@x', 'sip:b@x', 'sip:c@x']);
        expect(made.store.health).toMatchObject({ state: 'ready', pending: 0, dropped: 1 });
        expect(made.lines.filter(({ level }) => level === 'error')).toMatchObject([
          { message: 'the database refuses the rows of a call' },
        ]);
        await made.store.close();
      });

      it('go when a script takes the call out of the registry', async () => {
        const made = await run(place.url);
        const [record] = connected(made);
        await settle();
        await made.store.flush();
        record.tracked = false;
        await settle();
        await made.store.flush();
        expect(await callIds()).toEqual([]);
        await made.store.close();
      });
    });

    describe('mode', () => {
      it('realtime: a change is written within a moment', async () => {
        const made = await run(place.url);
        connected(made);
        await settle();
        await made.clock.advance(60);
        await expect.poll(() => callIds()).toEqual(['call-1']);
        await made.store.close();
      });

      it('delayed: when the period is over, and the end at once', async () => {
        const made = await run(place.url, { mode: 'delayed', updatePeriod: 60 });
        const [, a, b] = connected(made);
        await settle();
        await made.clock.advance(50_000);
        expect(await callIds()).toEqual([]);
        await made.clock.advance(11_000);
        await expect.poll(() => callIds()).toEqual(['call-1']);
        await made.store.flush();
        connected(made, 'call-2');
        a.end();
        b.end();
        await settle();
        await made.clock.advance(100);
        await expect.poll(() => callIds()).toEqual([]);
        await made.store.close();
        expect(await callIds()).toEqual(['call-2']);
      });

      it('shutdown: when the server ends, and the tables are empty while it runs', async () => {
        const first = await run(place.url, { mode: 'shutdown' });
        connected(first);
        await settle();
        await first.clock.advance(120_000);
        expect(await callIds()).toEqual([]);
        await first.store.close();
        expect(await callIds()).toEqual(['call-1']);
        const second = await run(place.url, { mode: 'shutdown' });
        expect(second.registry.withCallId('call-1')).toHaveLength(1);
        for (const table of ['dialog', 'dialog_vars', 'tandem_dialog']) expect(await place.rows(table)).toEqual([]);
        await second.store.close();
        expect(await callIds()).toEqual(['call-1']);
      });

      it('none: never, and nothing is read', async () => {
        const made = await run(place.url);
        connected(made);
        await settle();
        await made.store.close();
        const second = await run(place.url, { mode: 'none' });
        expect(second.registry.size).toBe(0);
        connected(second, 'call-2');
        await settle();
        await second.store.close();
        expect(await callIds()).toEqual(['call-1']);
      });
    });

    describe('at the start', () => {
      it('calls of Kamailio are listed as those of another server, with all that was written of them', async () => {
        const made = await run(place.url);
        const [record] = connected(made);
        record.variables.set('customer', 'acme');
        record.profiles.set('caller', 'sip:alice@x');
        record.flags.set(31);
        await settle();
        await made.store.close();
        await place.database.sql.deleteFrom('tandem_dialog').execute();
        const second = await run(place.url);
        const [loaded] = second.registry.withCallId('call-1');
        expect(loaded).toMatchObject({ foreign: true, state: 4, startTs: record.startTs, timeout: record.timeout });
        expect([loaded?.hEntry, loaded?.hId, loaded?.flags.bits]).toEqual([record.hEntry, record.hId, 2 ** 31]);
        expect([...(loaded?.variables ?? [])]).toEqual([['customer', 'acme']]);
        expect([...(loaded?.profiles ?? [])]).toEqual([{ name: 'caller', value: 'sip:alice@x' }]);
        await second.store.close();
        expect(await callIds()).toEqual(['call-1']);
        expect(await place.rows('tandem_dialog')).toEqual([]);
      });

      it('calls of this server are handed over with their legs, once, and their rows go', async () => {
        const made = await run(place.url);
        const [record] = connected(made);
        await settle();
        await made.store.close();
        const seen: unknown[] = [];
        const onOrphan: StorePorts['onOrphan'] = (stored, legs, id) =>
          void seen.push([id, stored.callId, stored.caller.tag, legs?.map((leg) => [leg.callId, leg.local.tag])]);
        const second = await run(place.url, {}, { onOrphan });
        const legs = [
          ['call-1', 'l-call-1'],
          ['call-1-b', 'l-call-1-b'],
        ];
        expect(seen).toEqual([[record.id, 'call-1', 'r-call-1', legs]]);
        expect(second.registry.size).toBe(0);
        await second.store.close();
        for (const table of ['dialog', 'dialog_vars', 'tandem_dialog']) expect(await place.rows(table)).toEqual([]);
      });

      it('legs are sealed by a key, and are not read without it', async () => {
        const made = await run(place.url, { encryptionKey: 'a long secret' });
        connected(made);
        await settle();
        await made.store.close();
        const [row] = await place.rows('tandem_dialog');
        expect(row?.legs).toMatch(/^sealed:[\w+/=]+$/);
        const seen: unknown[] = [];
        // Whoever cannot take a call leaves it in the database.
        const onOrphan: StorePorts['onOrphan'] = async (_, legs) => {
          seen.push(legs?.length);
          throw new Error('not taken');
        };
        for (const encryptionKey of ['another one', undefined, 'a long secret'])
          await (await run(place.url, { encryptionKey, mode: 'delayed' }, { onOrphan })).store.close();
        expect(seen).toEqual([undefined, undefined, 2]);
      });

      it('calls that are here again already are followed as before', async () => {
        const made = await run(place.url);
        const [record] = connected(made);
        await settle();
        await made.store.close();
        const again = bench({ profilesNoValue: ['inbound'], profilesWithValue: ['caller'] });
        const restored = again.registry.restore(record.snapshot());
        expect(restored?.id).toBe(record.id);
        const second = await openStore(
          { url: place.url, serverName: 'one' },
          {
            ...again,
            random: seededRandom(1),
            logger: memoryLogger().logger,
            hostName: 'host',
            onOrphan: () => expect.fail('it is here'),
          },
        );
        restored?.variables.set('k', 'v');
        await settle();
        await second.flush();
        expect(await place.rows('dialog')).toMatchObject([{ id: 1, callid: 'call-1' }]);
        expect(await place.rows('dialog_vars')).toMatchObject([{ dialog_key: 'k' }]);
        await second.close();
      });

      it('calls of another Tandem are left alone', async () => {
        const made = await run(place.url, { serverName: 'other' });
        connected(made);
        await settle();
        await made.store.close();
        const second = await run(place.url, {}, { onOrphan: () => expect.fail('not ours') });
        expect(second.registry.size).toBe(0);
        await second.store.close();
        expect(await callIds()).toEqual(['call-1']);
      });

      it('a call whose time was up while nobody ran ends at once', async () => {
        const made = await run(place.url);
        connected(made);
        await settle();
        await made.store.close();
        await place.database.sql.deleteFrom('tandem_dialog').execute();
        await place.database.sql.updateTable('dialog').set({ timeout: 1 }).execute();
        const second = await run(place.url);
        await second.clock.advance(1_500);
        expect(second.registry.statistics.expired).toBe(1);
        await second.store.close();
      });

      it('another number of slots is refused, as by Kamailio', async () => {
        const made = await run(place.url);
        connected(made);
        await settle();
        await made.store.close();
        const opened = run(place.url, { required: true }, {}, { hashSize: 1 });
        await expect(opened).rejects.toThrow(/inconsistent hash data in the dialog database.*hashSize/);
      });

      it('all pages are read, and nothing with skipLoad', async () => {
        const made = await run(place.url);
        for (let index = 0; index < 25; index++) connected(made, `call-${index}`)[0].variables.set('n', String(index));
        await settle();
        await made.store.close();
        await place.database.sql.deleteFrom('tandem_dialog').execute();
        for (const fetchRows of [1, 5, 10, 0]) {
          const second = await run(place.url, { fetchRows });
          expect([fetchRows, second.registry.size, second.store.health.loaded]).toEqual([fetchRows, 25, 25]);
          const [loaded] = second.registry.withCallId('call-17');
          expect(loaded?.variables.get('n')).toBe('17');
          await second.store.close();
        }
        const third = await run(place.url, { skipLoad: true });
        expect(third.registry.size).toBe(0);
        await third.store.close();
      });
    });

    describe('names', () => {
      it('of tables and columns are those of the settings', async () => {
        const made = await run(place.url, {
          ...{ tableName: 'calls', varsTableName: 'call_vars' },
          columns: { callId: 'cid', hEntry: 'slot' },
          varsColumns: { key: 'k', value: 'v' },
        });
        const [record] = connected(made);
        record.variables.set('a', 'b');
        await settle();
        await made.store.flush();
        expect(await place.rows('calls')).toMatchObject([{ cid: 'call-1', slot: record.hEntry }]);
        expect(await place.rows('call_vars')).toMatchObject([{ k: 'a', v: 'b' }]);
        await made.store.close();
      });
    });

    describe('the schema', () => {
      it('is made once by two that start at the same time', async () => {
        const [one, two] = await Promise.all([run(place.url, { required: true }), run(place.url, { required: true })]);
        expect([one.store.health.state, two.store.health.state]).toEqual(['ready', 'ready']);
        expect(await place.rows('tandem_schema')).toMatchObject([{ version: 2 }]);
        expect(await place.rows('version')).toMatchObject([
          { table_name: 'dialog', table_version: 7 },
          { table_name: 'dialog_vars', table_version: 1 },
        ]);
        await one.store.close();
        await two.store.close();
      });

      it('of an earlier version is brought up to date, and what is in it stays', async () => {
        const made = await run(place.url);
        connected(made);
        await settle();
        await made.store.close();
        const { sql } = place.database;
        await sql.schema.dropTable('tandem_cdr').execute();
        await sql.updateTable('tandem_schema').set({ version: 1 }).execute();
        const second = await run(place.url, { required: true }, { onOrphan: () => Promise.reject(new Error('keep')) });
        const written = second.store.writeCdr(someCdr);
        await second.store.flush();
        await written;
        expect(await place.rows('tandem_schema')).toMatchObject([{ version: 2 }]);
        expect(await callIds()).toEqual(['call-1']);
        await second.store.close();
      });

      it('of a later version is refused', async () => {
        const made = await run(place.url);
        await made.store.close();
        await place.database.sql.updateTable('tandem_schema').set({ version: 99 }).execute();
        await expect(run(place.url, { required: true })).rejects.toThrow(
          /schema 99 of a later Tandem, and this one knows 2: update Tandem/,
        );
        const second = await run(place.url);
        expect(second.store.health).toMatchObject({ state: 'lost', error: expect.stringContaining('later Tandem') });
        await second.store.close();
      });

      it("of Kamailio's tables has to be the version that is known", async () => {
        const made = await run(place.url);
        await made.store.close();
        const { sql } = place.database;
        await sql.updateTable('version').set({ table_version: 6 }).where('table_name', '=', 'dialog').execute();
        await expect(run(place.url, { required: true })).rejects.toThrow(/dialog has version 6, and 7 is needed/);
      });
    });

    describe('call detail records', () => {
      it('are found again, the latest first, by a part of who called, and page by page', async () => {
        const { store } = await run(place.url);
        const names = ['Ann', 'bob', '100%_!', "o'neil"];
        const cdrs = names.map((name, index) => ({
          ...{ ...someCdr, id: `found-${index}`, fromUri: `sip:${name}@x`, endedAt: 2_000 + Math.floor(index / 2) },
        }));
        for (const cdr of cdrs) void store.writeCdr(cdr);
        await store.flush();
        const find = async (search: string, more: Partial<CdrSearch> = {}) =>
          (await store.findCdrs({ search, before: undefined, limit: 10, ...more })).map(({ id }) => id);
        expect(await find('')).toEqual(['found-3', 'found-2', 'found-1', 'found-0']);
        expect(await find('aNN@')).toEqual(['found-0']);
        expect(await find('100%_!@')).toEqual(['found-2']);
        expect(await find("o'neil")).toEqual(['found-3']);
        expect(await find('nobody')).toEqual([]);
        expect(await find('', { limit: 2 })).toEqual(['found-3', 'found-2']);
        expect(await find('', { before: { endedAt: 2_001, id: 'found-3' } })).toEqual([
          'found-2',
          'found-1',
          'found-0',
        ]);
        expect(await store.cdr('found-1')).toEqual(cdrs[1]);
        expect(await store.cdr('none')).toBeUndefined();
        await store.close();
        await expect(store.cdr('found-1')).rejects.toMatchObject({ code: 'ERR_STORE' });
      });

      it('are there once, however often they are written', async () => {
        const { store, clock } = await run(place.url, { mode: 'none' });
        const first = store.writeCdr(someCdr);
        await clock.advance(60);
        await first;
        const second = Promise.all([store.writeCdr({ ...someCdr, duration: 1 }), store.writeCdr(someCdr)]);
        await clock.advance(60);
        await second;
        const rows = await place.rows('tandem_cdr');
        expect(rows).toMatchObject([
          {
            ...{ id: 'cdr-1', from_uri: 'sip:alice@x', duration: 60, cause: 'remote', ended_by: 'caller' },
            ...{ caller_callid: 'a', caller_codec: 'PCMU/8000', caller_mos: 4.4, recording: 'a.wav' },
          },
        ]);
        expect(JSON.parse(String(rows[0]?.data))).toEqual(JSON.parse(JSON.stringify(someCdr)));
        await store.close();
      });

      it('are removed when they are old', async () => {
        const made = await run(place.url, { mode: 'none' });
        const now = Math.floor(made.clock.wallclock() / 1000);
        const written = Array.from({ length: 1_200 }, (_, index) =>
          made.store.writeCdr({ ...someCdr, id: `old-${index}`, endedAt: now - 40 * 86_400 }),
        );
        written.push(made.store.writeCdr({ ...someCdr, id: 'young', endedAt: now - 20 * 86_400 }));
        await made.store.flush();
        await Promise.all(written);
        await made.store.close();
        const second = await run(place.url, { mode: 'none', cdrRetentionDays: 30 });
        await expect.poll(async () => (await place.rows('tandem_cdr')).map(({ id }) => id)).toEqual(['young']);
        await second.store.close();
      });

      it('have numbers that a column can hold, whatever was measured', async () => {
        const { store } = await run(place.url, { mode: 'none' });
        const written = store.writeCdr({ ...someCdr, hEntry: Number.NaN, endedAt: 2 ** 70, duration: 1.5 });
        await store.flush();
        await written;
        expect(await place.rows('tandem_cdr')).toMatchObject([{ hash_entry: 0, ended_at: 2 ** 31 - 1, duration: 1 }]);
        await store.close();
      });
    });
  });
}
