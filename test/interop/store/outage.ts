/** A database server that goes and comes back while calls begin by the hundred. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { placeAt } from '../../store/suite.ts';
import type { DatabaseServer } from '../support/databases.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/ports.ts';
import { expectNoPrograms } from '../support/process.ts';
import { allWell, Sipp } from '../support/sipp.ts';
import { TandemServer } from '../support/tandem.ts';

const calls = 400;
const script = 'export default async (call) => { await call.answer(); await call.ended; };\n';

export function outageSuite(name: string, start: () => Promise<DatabaseServer>): void {
  afterEach(expectNoPrograms);

  it(`${name} stopped and started under load: no call fails, and its rows are complete soon`, {
    timeout: 120_000,
  }, async () => {
    await using database = await start();
    await using folder = await temporaryFolder();
    await writeFile(folder.file('answer.mjs'), script);
    const http = `127.0.0.1:${await freePort()}`;
    await using server = await TandemServer.start(['serve', folder.file('answer.mjs')], {
      store: database.url,
      http,
    });
    const ready = async () => (await fetch(`http://${http}/readyz`)).json();
    expect(await ready()).toEqual({ ready: true, reasons: [] });
    await using load = await Sipp.start({ scenario: 'uac', target: server.port, calls, rate: 100, pause: 20_000 });
    await delay(1_000);
    await database.stop();
    await expect.poll(ready, { timeout: 10_000 }).toEqual({
      ...{ ready: true, reasons: [], warnings: ['the database is lost'] },
    });
    await delay(2_000);
    expect(await (await fetch(`http://${http}/metrics`)).text()).toMatch(/^tandem_store_up 0$/m);
    await database.start();
    const back = performance.now();
    const place = await placeAt(database.url);
    const rows = async (): Promise<number[]> => {
      const counts = await Promise.all(['dialog', 'tandem_dialog'].map(async (table) => place.rows(table)));
      return counts.map(({ length }) => length);
    };
    await expect.poll(rows, { timeout: 10_000 }).toEqual([calls, calls]);
    expect(performance.now() - back).toBeLessThan(10_000);
    const numbers = new Set((await place.rows('dialog')).map((row) => row.callid));
    expect(numbers.size).toBe(calls);
    expect(await load.result()).toMatchObject(allWell(calls));
    await expect.poll(rows, { timeout: 10_000 }).toEqual([0, 0]);
    expect(await ready()).toEqual({ ready: true, reasons: [] });
    await place.close();
    await server.stop();
    expect(server.errors.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['the database is lost: calls go on, and it is tried again']),
    );
  });
}
