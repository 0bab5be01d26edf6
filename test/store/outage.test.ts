/** A database that is away, slow or wrong: calls go on, and nothing is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/store/database.ts';
import type { StoreOptions } from '../../src/store/options.ts';
import type { StorePorts } from '../../src/store/store.ts';
import { settle } from '../registry/helpers.ts';
import { connected, type Place, placeAt, type Run, run, someCdr } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-outage-'));
let place: Place;
let made: Run | undefined;
let files = 0;

beforeEach(async () => {
  place = await placeAt(`sqlite:${join(folder, `${++files}.db`)}`);
});
afterEach(async () => {
  await made?.store.close();
  made = undefined;
  await place.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const refusal = new Error('value too long');

/** A database with a switch. */
class Switch {
  how: 'on' | 'off' | 'silent' | 'done but not said' | 'refuses something, and goes' = 'on';
  /** When it was tried to be opened, ms of the clock. */
  readonly tries: number[] = [];
  now: () => number = () => 0;

  readonly open: NonNullable<StorePorts['open']> = async (url, logger) => {
    this.tries.push(this.now());
    if (this.how !== 'on') throw new Error('connect ECONNREFUSED');
    const real = await openDatabase(url, logger);
    const isRefusal: Database['isRefusal'] = (error) => error === refusal || real.isRefusal(error);
    return { ...real, isRefusal, batch: (statements) => this.#batch(real, statements) };
  };

  async #batch(real: Database, statements: Parameters<Database['batch']>[0]): Promise<void> {
    if (this.how === 'off') throw new Error('Connection terminated unexpectedly');
    if (this.how === 'silent') return new Promise(() => {});
    if (this.how === 'refuses something, and goes') {
      this.how = 'off';
      throw refusal;
    }
    await real.batch(statements);
    if (this.how === 'done but not said') throw new Error('Connection terminated unexpectedly');
  }
}

async function start(power: Switch, options: Partial<StoreOptions> = {}): Promise<Run> {
  made = await run(place.url, options, { open: power.open });
  const { clock } = made;
  power.now = () => clock.now();
  power.tries.length = 0;
  return made;
}

/** Until the database is back, which takes no time of the clock. */
async function isBack({ store, clock }: Run): Promise<void> {
  await clock.advance(5_000);
  await expect.poll(() => store.health.state).toBe('ready');
  await store.flush();
}

const callIds = async (): Promise<unknown[]> => (await place.rows('dialog')).map((row) => row.callid);

describe('a database that is lost', () => {
  it('is tried again, at first soon, then every five seconds', async () => {
    const power = new Switch();
    const one = await start(power);
    power.how = 'off';
    connected(one);
    await settle();
    await one.store.flush();
    const lostAt = one.clock.now();
    expect(one.store.health).toMatchObject({
      ...{ state: 'lost', error: expect.stringContaining('Connection terminated'), pending: 1, losses: 1 },
    });
    for (let second = 0; second < 200; second++) {
      await one.clock.advance(100);
      await settle();
    }
    expect(power.tries.map((at) => at - lostAt)).toEqual([250, 750, 1_750, 3_750, 7_750, 12_750, 17_750]);
    expect(one.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
    power.how = 'on';
    await isBack(one);
    expect(await callIds()).toEqual(['call-1']);
    expect(one.store.health).toMatchObject({ state: 'ready', error: undefined, pending: 0 });
  });

  it('costs one entry for each call, however often it changes, and none for calls that came and went', async () => {
    const power = new Switch();
    const one = await start(power);
    const [first, ...its] = connected(one, 'before');
    await settle();
    await one.store.flush();
    power.how = 'off';
    const [record] = connected(one, 'stays');
    for (let value = 0; value < 1_000; value++) record.variables.set('n', String(value));
    for (let index = 0; index < 50; index++)
      for (const leg of connected(one, `passes-${index}`).slice(1)) (leg as (typeof its)[0]).end();
    first.variables.set('n', '1');
    for (const leg of its) leg.end();
    await settle();
    await one.store.flush();
    expect(one.store.health.pending).toBe(2);
    power.how = 'on';
    await isBack(one);
    expect(await callIds()).toEqual(['stays']);
    expect(await place.rows('dialog_vars')).toMatchObject([{ dialog_value: '999' }]);
    expect(await place.rows('tandem_dialog')).toHaveLength(1);
  });

  it('that wrote all the same before it went has each row once', async () => {
    const power = new Switch();
    const one = await start(power);
    connected(one)[0].variables.set('a', 'b');
    await settle();
    power.how = 'done but not said';
    await one.store.flush();
    expect(await callIds()).toEqual(['call-1']);
    power.how = 'on';
    await isBack(one);
    for (const table of ['dialog', 'dialog_vars', 'tandem_dialog']) expect(await place.rows(table)).toHaveLength(1);
  });

  it('while calls are looked through for what it refused loses none of them', async () => {
    const power = new Switch();
    const one = await start(power);
    for (const name of ['a', 'b', 'c']) connected(one, name);
    await settle();
    power.how = 'refuses something, and goes';
    await one.store.flush();
    expect(one.store.health).toMatchObject({ state: 'lost', pending: 3, dropped: 0 });
    power.how = 'on';
    await isBack(one);
    expect((await callIds()).toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('is one that does not answer for fifteen seconds, too', async () => {
    const power = new Switch();
    const one = await start(power);
    connected(one);
    await settle();
    power.how = 'silent';
    const flushed = one.store.flush();
    await settle();
    await one.clock.advance(14_900);
    expect(one.store.health.state).toBe('ready');
    await one.clock.advance(200);
    await flushed;
    expect(one.store.health).toMatchObject({ state: 'lost', error: 'the database does not answer within 15 s' });
    power.how = 'on';
    await isBack(one);
    expect(await callIds()).toEqual(['call-1']);
  });

  it('gets the call detail records when it is back, up to ten thousand', async () => {
    const power = new Switch();
    const one = await start(power, { mode: 'none' });
    power.how = 'off';
    const written = Array.from({ length: 10_000 }, (_, at) => one.store.writeCdr({ ...someCdr, id: `cdr-${at}` }));
    await expect(one.store.writeCdr({ ...someCdr, id: 'one more' })).rejects.toThrow('10000 call detail records wait');
    expect(one.store.health).toMatchObject({ cdrs: 10_000, dropped: 1 });
    await one.store.flush();
    power.how = 'on';
    await isBack(one);
    await Promise.all(written);
    expect(await place.rows('tandem_cdr')).toHaveLength(10_000);
  });

  it('when the server ends, is said to have missed what was not written', async () => {
    const power = new Switch();
    const one = await start(power);
    power.how = 'off';
    connected(one);
    const written = one.store.writeCdr(someCdr);
    await settle();
    await one.store.flush();
    await one.store.close();
    await expect(written).rejects.toThrow('closed before it could write this');
    expect(one.lines.at(-1)).toMatchObject({
      ...{ level: 'error', message: 'the store is closed before all was written', fields: { calls: 1, cdrs: 1 } },
    });
    expect(one.store.health.state).toBe('closed');
  });
});

describe('a database that is not there at the start', () => {
  it('is waited for, and read when it comes', async () => {
    const before = await run(place.url);
    connected(before, 'before');
    await settle();
    await before.store.close();
    await place.database.sql.deleteFrom('tandem_dialog').execute();
    const power = new Switch();
    power.how = 'off';
    const one = await start(power);
    expect(one.store.health).toMatchObject({ state: 'lost', error: 'connect ECONNREFUSED', losses: 0, loaded: 0 });
    connected(one, 'meanwhile');
    await settle();
    power.how = 'on';
    await isBack(one);
    expect(one.store.health.loaded).toBe(1);
    expect([...one.registry].map((record) => [record.callId, record.foreign])).toEqual(
      expect.arrayContaining([
        ['before', true],
        ['meanwhile', false],
      ]),
    );
    expect((await callIds()).toSorted()).toEqual(['before', 'meanwhile']);
  });

  it('keeps a server from starting that has to have it', async () => {
    const power = new Switch();
    power.how = 'off';
    await expect(run(place.url, { required: true }, { open: power.open })).rejects.toThrow(
      /^the store sqlite:.*: connect ECONNREFUSED$/,
    );
  });
});

describe('closing', () => {
  it('twice is once, and while it waits for the database it ends', async () => {
    const power = new Switch();
    power.how = 'off';
    const one = await start(power);
    await Promise.all([one.store.close(), one.store.close()]);
    await one.clock.advance(60_000);
    expect(power.tries).toEqual([]);
    await expect(one.store.writeCdr(someCdr)).rejects.toThrow('the store is closed');
  });
});
