/**
 * The same call of sipp through a Kamailio with its own database module and through a Tandem: in each mode the same rows
 * are there at the same moments.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Row } from '../../../../src/store/database.ts';
import { storeModes } from '../../../../src/store/options.ts';
import type { Tandem } from '../../../../src/tandem.ts';
import { openTandem } from '../../../helpers/tandem.ts';
import { placeAt, run as runStore } from '../../../store/suite.ts';
import { startKamailio } from '../../support/dialog-commands.ts';
import { type Folder, temporaryFolder } from '../../support/folder.ts';
import { expectNoPrograms } from '../../support/process.ts';
import { Sipp } from '../../support/sipp.ts';

afterEach(expectNoPrograms);

const isLong = process.env.TANDEM_TEST_LONG === '1';

/** Seconds of mode delayed: the clock of Kamailio ticks once a second. */
const period = 3;

interface Server extends AsyncDisposable {
  readonly port: number;
  /** Writes what it writes when it ends, while its call is up. */
  stop(): Promise<void>;
}

type Start = (folder: Folder, database: string, mode: number) => Promise<Server>;

const kamailio: Start = async (folder, database, mode) => {
  const lines = [
    'loadmodule "db_sqlite.so"',
    `modparam("dialog", "db_url", "sqlite://${database}")`,
    `modparam("dialog", "db_mode", ${mode})`,
    `modparam("dialog", "db_update_period", ${period})`,
  ];
  const server = await startKamailio(folder, lines.join('\n'));
  const stop = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
  };
  return { port: server.port, stop, [Symbol.asyncDispose]: stop };
};

const tandem: Start = async (folder, database, mode) => {
  const opened: { tandem?: Tandem } = {};
  const server = await openTandem(
    async (call) => {
      call.profiles.set('caller', 'sip:5001@192.168.210.54');
      call.profiles.set('inbound');
      call.variables.set('customer', 'acme');
      call.variables.set('gw', 'gw1');
      const target = await readFile(folder.file('target'), 'utf8');
      const callee = await call.invite(`sip:1003@127.0.0.1:${target}`);
      await opened.tandem?.bridge(call, callee).then((bridge) => bridge.ended);
      await callee.hangup();
    },
    {
      registry: { defaultTimeout: 21_600, profilesWithValue: 'caller', profilesNoValue: 'inbound', sendBye: false },
      store: { url: `sqlite:${database}`, mode: storeModes[mode] ?? 'none', updatePeriod: period },
    },
  );
  opened.tandem = server.tandem;
  return {
    port: server.port,
    stop: async () => {
      await server.tandem.store?.close();
    },
    [Symbol.asyncDispose]: () => server.tandem.close(),
  };
};

interface Moment {
  readonly moment: string;
  readonly dialog: readonly Row[];
  readonly variables: readonly Row[];
}

/** What is in the database while it rings, just answered, after the period, at the end of the server, with the call up. */
async function rowsOf(start: Start, mode: number): Promise<Moment[]> {
  await using folder = await temporaryFolder();
  const database = folder.file('calls.db');
  await (await runStore(`sqlite:${database}`)).store.close();
  const place = await placeAt(`sqlite:${database}`);
  try {
    await using server = await start(folder, database, mode);
    await using called = await Sipp.start({ scenario: 'dialog-uas' });
    await writeFile(folder.file('target'), String(called.port));
    await using calls = await Sipp.start({ scenario: 'dialog-uac', target: server.port, user: '1003' });
    const names = new Map([
      [`:${called.port}`, ':<callee>'],
      [`:${calls.port}`, ':<caller>'],
      [`:${server.port}`, ':<server>'],
    ]);
    const moments: Moment[] = [];
    const look = async (moment: string): Promise<void> => {
      const dialog = (await place.rows('dialog')).map((row) => masked(row, names));
      const variables = (await place.rows('dialog_vars')).map((row) => masked(row, names));
      variables.sort((a, b) => String(a.dialog_key).localeCompare(String(b.dialog_key)));
      moments.push({ moment, dialog, variables });
    };
    await delay(2_000);
    await look('it rings');
    // The callee answers after four.
    await delay(2_600);
    if (mode !== 2) await look('answered');
    await delay((period + 1) * 1000);
    await look('a while later');
    await server.stop();
    await look('the server ended');
    return moments;
  } finally {
    await place.close();
  }
}

function masked(row: Row, names: ReadonlyMap<string, string>): Row {
  const cells = Object.entries(row).map(([column, value]) => {
    if (/^(id|hash_id|hash_entry|start_time|timeout)$/.test(column))
      return [column, Number(value) > 0 ? '<number>' : value];
    if (typeof value !== 'string') return [column, value];
    let text = value;
    for (const [name, own] of names) text = text.replaceAll(name, own);
    return [
      column,
      text
        .replaceAll(/"puid":"[^"]*"/g, '"puid":"<puid>"')
        .replace(/^\d+-\d+@127\.0\.0\.1$/, '<Call-ID>')
        .replace(/^\d+(SIPpTag\d)\d+$/, '$1'),
    ];
  });
  return Object.fromEntries(cells);
}

/** The order of profiles means nothing. */
function alike({ dialog, ...rest }: Moment): Moment {
  const rows = dialog.map(({ xdata, ...row }) => ({ ...row, xdata: sorted(xdata) }));
  return { ...rest, dialog: rows };
}

function sorted(xdata: unknown): unknown {
  const { profiles = [] } = JSON.parse(String(xdata ?? '{}')) as { profiles?: { name: string }[] };
  return profiles.toSorted((a, b) => a.name.localeCompare(b.name));
}

describe('the rows of a call are those of Kamailio', () => {
  it.each(isLong ? [0, 1, 2, 3] : [1])('in mode %i', { timeout: 120_000 }, async (mode) => {
    const real = await rowsOf(kamailio, mode);
    const ours = await rowsOf(tandem, mode);
    expect(ours.map(alike)).toEqual(real.map(alike));
    const counts = real.map(({ moment, dialog, variables }) => [moment, dialog.length, variables.length]);
    expect(counts).toEqual(
      {
        0: [
          ['it rings', 0, 0],
          ['answered', 0, 0],
          ['a while later', 0, 0],
          ['the server ended', 0, 0],
        ],
        1: [
          ['it rings', 0, 0],
          ['answered', 1, 2],
          ['a while later', 1, 2],
          ['the server ended', 1, 2],
        ],
        2: [
          ['it rings', 0, 0],
          ['a while later', 1, 2],
          ['the server ended', 1, 2],
        ],
        3: [
          ['it rings', 0, 0],
          ['answered', 0, 0],
          ['a while later', 0, 0],
          ['the server ended', 1, 2],
        ],
      }[mode],
    );
  });
});

describe('a call that a Kamailio left in its database', () => {
  it('is listed as foreign, and both sides are hung up', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder();
    const database = folder.file('calls.db');
    await (await runStore(`sqlite:${database}`)).store.close();
    await using called = await Sipp.start({ scenario: 'dialog-uas' });
    await writeFile(folder.file('target'), String(called.port));
    const proxy = await kamailio(folder, database, 1);
    await using calls = await Sipp.start({ scenario: 'dialog-uac', target: proxy.port, user: '1003' });
    await delay(5_000);
    await proxy.stop();
    // In its place: sipp sends its answers to where it called.
    await using server = await openTandem(undefined, {
      transports: [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: proxy.port }],
      registry: { profilesWithValue: 'caller', profilesNoValue: 'inbound' },
      store: { url: `sqlite:${database}` },
    });
    const [record, ...others] = [...server.tandem.registry];
    expect([record?.foreign, record?.state, others.length]).toEqual([true, 4, 0]);
    expect([...(record?.variables ?? [])].toSorted()).toEqual([
      ['customer', 'acme'],
      ['gw', 'gw1'],
    ]);
    expect([...(record?.profiles ?? [])].map(({ name }) => name).toSorted()).toEqual(['caller', 'inbound']);
    await record?.bye();
    expect(await calls.result()).toMatchObject({ code: 0, successful: 1, failed: 0 });
    expect(await called.result()).toMatchObject({ code: 0, successful: 1, failed: 0 });
    const place = await placeAt(`sqlite:${database}`);
    await expect.poll(() => place.rows('dialog')).toEqual([]);
    expect(await place.rows('dialog_vars')).toEqual([]);
    await place.close();
  });
});
