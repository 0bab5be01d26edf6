import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import type { Cdr } from '../../src/cdr/cdr.ts';
import { FinishedCalls, RecentCdrs } from '../../src/console/finished.ts';
import type { CallDetail, FinishedPage } from '../../src/console/protocol.ts';
import { readRange } from '../../src/console/range.ts';
import { recordingsRoute } from '../../src/console/recordings.ts';
import type { CdrStore } from '../../src/console/subject.ts';
import { NodeVault } from '../../src/recordings/node-vault.ts';
import { type Keyring, keyringOf } from '../../src/recordings/options.ts';
import { Store } from '../../src/store/store.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { ask, openServer, TestSubject } from '../control/http/support.ts';
import { TemporaryFolder } from '../helpers/cli.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

function cdr(number: number, more: Partial<Cdr> = {}): Cdr {
  return {
    id: `call-${String(number).padStart(4, '0')}`,
    ...{ hEntry: number, hId: 1, requestUri: 'sip:1000@pbx', beganAt: 1_000 + number, answeredAt: 1_001 + number },
    ...{ fromUri: `sip:caller${number}@example.com`, toUri: 'sip:1000@example.com' },
    ...{ endedAt: 1_010 + number, duration: 9, cause: { by: 'remote', method: 'BYE' }, endedBy: 'caller' },
    legs: [
      {
        ...{ callId: `id-${number}`, direction: 'inbound', localUri: '', remoteUri: '', codec: 'PCMU/8000', mos: 4.2 },
        ...{ packetsSent: 1, packetsReceived: 1, packetsLost: 0 },
      },
    ],
    ...{ recordings: [], gaps: [], variables: {} },
    ...more,
  };
}

async function open(cdrs: readonly Cdr[], store?: CdrStore, keyring?: Keyring) {
  const { logger, lines } = memoryLogger();
  const recent = new RecentCdrs();
  for (const one of cdrs) recent.add(one);
  const finished = new FinishedCalls({ subject: { store, trace: () => [] }, recent, logger });
  const routes = [...finished.routes, recordingsRoute({ find: (id) => finished.find(id), logger, keyring })];
  const users = { ann: { password: 'pw', role: 'view' } } as const;
  const server = await openServer(new TestSubject(), {
    ...{ users, token: 'a-token' },
    site: { routes, sockets: [], close: () => {} },
  });
  const get = (path: string, headers = {}) =>
    ask(server.base, path, { headers: { authorization: 'Bearer a-token', ...headers } });
  const page = async (query = '') => JSON.parse((await get(`/console/finished?${query}`)).text) as FinishedPage;
  return { server, lines, get, page, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

let databases = 0;

/** A store with a database of its own. */
async function database(cdrs: readonly Cdr[]): Promise<Store> {
  const clock = { now: () => performance.now(), wallclock: () => Date.now(), setTimer: () => ({ cancel: () => {} }) };
  const registry = { settings: {}, on: () => () => {}, [Symbol.iterator]: () => [].values() };
  const store = new Store(
    { url: `sqlite:${folder.file(`cdrs-${++databases}.db`)}`, mode: 'none' },
    {
      ...{ clock, random: seededRandom(1), logger: createLogger('silent'), hostName: 'test', onOrphan: () => {} },
      registry: registry as never,
    },
  );
  await store.open();
  for (const one of cdrs) void store.writeCdr(one);
  await store.flush();
  return store;
}

const hundred = Array.from({ length: 100 }, (_, i) => cdr(i));

describe.each(['in memory', 'in the database'])('calls that are over, %s', (where) => {
  const stored = where === 'in the database';
  const opened = async (cdrs: readonly Cdr[]) => {
    const store = stored ? await database(cdrs) : undefined;
    const one = await open(stored ? [] : cdrs, store);
    return {
      ...one,
      [Symbol.asyncDispose]: async () => {
        await one[Symbol.asyncDispose]();
        await store?.close();
      },
    };
  };

  it('come in pages, the newest first, each once', async () => {
    await using server = await opened(hundred);
    const seen: string[] = [];
    let query = 'limit=30';
    for (let pages = 0; pages < 5; pages++) {
      const { rows, more, next } = await server.page(query);
      seen.push(...rows.map(({ callId }) => callId));
      if (!more) break;
      query = `limit=30&before=${next}`;
    }
    expect(seen).toEqual(hundred.map((one) => one.legs[0]?.callId).reverse());
  });

  it('of one second are not lost between two pages', async () => {
    const same = Array.from({ length: 9 }, (_, i) => cdr(i + 200, { endedAt: 5_000 }));
    await using server = await opened(same);
    const first = await server.page('limit=5&search=caller20');
    const second = await server.page(`limit=5&search=caller20&before=${first.next}`);
    const ids = [...first.rows, ...second.rows].map(({ id }) => id);
    expect([ids.length, new Set(ids).size, second.more]).toEqual([9, 9, false]);
  });

  it('are found by a part of who called, whom, or the Call-ID, in any case', async () => {
    const odd = cdr(300, { fromUri: 'sip:100%_!@example.com' });
    await using server = await opened([...hundred, odd]);
    const found = async (search: string) =>
      (await server.page(`search=${encodeURIComponent(search)}`)).rows.map(({ callId }) => callId);
    expect(await found('CALLER77@')).toEqual(['id-77']);
    expect(await found('id-55')).toEqual(['id-55']);
    expect(await found('100%_!')).toEqual(['id-300']);
    expect(await found("'; drop table tandem_cdr; --")).toEqual([]);
    expect((await server.page('')).rows).toHaveLength(50);
  });

  it('one is shown with what is left of it', async () => {
    await using server = await opened(hundred);
    const detail = JSON.parse((await server.get('/console/finished/call-0007')).text) as CallDetail;
    expect(detail.call).toMatchObject({ callId: 'id-7', state: 'deleted', legs: [{ codec: 'PCMU/8000', mos: 4.2 }] });
    expect((await server.get('/console/finished/none')).status).toBe(404);
  });
});

describe('a question for calls that are over', () => {
  it.each([
    'before=x',
    'before=1',
    'limit=0',
    'limit=x',
    'limit=-1',
    `search=${'x'.repeat(201)}`,
  ])('%s is refused', async (query) => {
    await using server = await open([]);
    expect((await server.get(`/console/finished?${query}`)).status).toBe(400);
  });

  it('needs a login', async () => {
    await using server = await open([]);
    for (const path of ['/console/finished', '/console/finished/x', '/console/recordings/x.0'])
      expect((await ask(server.server.base, path)).status).toBe(401);
  });

  it('is answered from memory while the database is away', async () => {
    const store: CdrStore = {
      findCdrs: () => Promise.reject(new Error('away')),
      cdr: () => Promise.reject(new Error('away')),
    };
    await using server = await open(hundred.slice(0, 3), store);
    expect((await server.page()).rows).toHaveLength(3);
    expect((await server.get('/console/finished/none')).status).toBe(404);
  });

  it('of those in memory the last thousand are kept', async () => {
    await using server = await open(Array.from({ length: 1_100 }, (_, i) => cdr(i)));
    expect((await server.get('/console/finished/call-0099')).status).toBe(404);
    expect((await server.get('/console/finished/call-0100')).status).toBe(200);
  });
});

describe('recordings', () => {
  const wav = Buffer.concat([Buffer.from('RIFF\x24\0\0\0WAVEfmt '), Buffer.alloc(100, 7)]);
  mkdirSync(folder.file('recordings'));
  writeFileSync(folder.file('recordings/one.wav'), wav);
  writeFileSync(folder.file('recordings/two.opus'), `OggS${'x'.repeat(20)}`);
  writeFileSync(folder.file('recordings/passwd'), 'root:x:0:0');
  symlinkSync('/dev/zero', folder.file('recordings/zero.wav'));
  const recorded = cdr(1, {
    recordings: ['one.wav', 'two.opus', 'passwd', 'gone.wav', '.', 'zero.wav'].map((name) =>
      folder.file(`recordings/${name}`),
    ),
  });

  it('are listed by name, and named by their call', async () => {
    await using server = await open([recorded]);
    const [row] = (await server.page()).rows;
    expect(row?.recordings.slice(0, 2)).toEqual([
      { id: 'call-0001.0', name: 'one.wav' },
      { id: 'call-0001.1', name: 'two.opus' },
    ]);
  });

  it('are sent whole or in part, and the log says to whom', async () => {
    await using server = await open([recorded]);
    const whole = await server.get('/console/recordings/call-0001.0');
    expect([whole.status, whole.text, whole.headers['content-type']]).toEqual([200, wav.toString(), 'audio/wav']);
    const part = await server.get('/console/recordings/call-0001.0', { range: 'bytes=8-11' });
    expect([part.status, part.text, part.headers['content-range']]).toEqual([206, 'WAVE', `bytes 8-11/${wav.length}`]);
    const beyond = await server.get('/console/recordings/call-0001.0', { range: 'bytes=999-' });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${wav.length}`]);
    const opus = await server.get('/console/recordings/call-0001.1');
    expect(opus.headers['content-type']).toBe('audio/ogg');
    expect(
      server.lines.filter(({ message }) => message === 'recording fetched').map(({ fields }) => fields),
    ).toMatchObject([
      { user: 'token', callId: 'id-1', recording: expect.stringContaining('one.wav') },
      { range: 'bytes=8-11', recording: expect.stringContaining('one.wav') },
      { user: 'token', callId: 'id-1', recording: expect.stringContaining('two.opus') },
    ]);
  });

  it('are sent in plain when they are encrypted, in part too, and not without the key', async () => {
    const keyring = keyringOf({ key: 'a long text, kept elsewhere' });
    mkdirSync(folder.file('sealed'));
    const bytes = Buffer.from(`RIFF....WAVE${'0123456789'.repeat(20_000)}`);
    writeFileSync(folder.file('sealed/one.wav'), bytes);
    const vault = new NodeVault(folder.file('sealed'), seededRandom(1));
    await vault.seal('one.wav', keyring, new AbortController().signal);
    const call = cdr(1, { recordings: [folder.file('sealed/one.wav')] });
    await using server = await open([call], undefined, keyring);
    const whole = await server.get('/console/recordings/call-0001.0');
    expect([whole.status, whole.text === bytes.toString(), whole.headers['content-type']]).toEqual([
      200,
      true,
      'audio/wav',
    ]);
    const part = await server.get('/console/recordings/call-0001.0', { range: 'bytes=131070-131075' });
    expect([part.status, part.text, part.headers['content-range']]).toEqual([
      ...[206, bytes.toString('latin1', 131_070, 131_076), `bytes 131070-131075/${bytes.length}`],
    ]);
    await using keyless = await open([call]);
    expect((await keyless.get('/console/recordings/call-0001.0')).status).toBe(404);
  });

  it.each([
    'call-0001.2',
    'call-0001.3',
    'call-0001.4',
    'call-0001.5',
    'call-0001.6',
  ])('what is no audio, or not there, is not sent: %s', async (id) => {
    await using server = await open([recorded]);
    const { status, text } = await server.get(`/console/recordings/${id}`);
    expect([status, text.includes('root')]).toEqual([404, false]);
  });

  it.each([
    '',
    '.',
    '../one.wav',
    '%2e%2e%2fone.wav',
    '/etc/passwd',
    'call-0001',
    'call-0001.-1',
    'call-0001.0.0',
    '.0',
  ])('no path is one: %j', async (id) => {
    await using server = await open([recorded]);
    expect([400, 404]).toContain((await server.get(`/console/recordings/${id}`)).status);
  });
});

describe('a range', () => {
  it.each([
    [undefined, 10, undefined],
    ['bytes=0-', 10, { start: 0, end: 9 }],
    ['bytes=0-0', 10, { start: 0, end: 0 }],
    ['bytes=5-100', 10, { start: 5, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-30', 10, { start: 0, end: 9 }],
    ['bytes=-0', 10, 'none'],
    ['bytes=10-', 10, 'none'],
    ['bytes=0-', 0, 'none'],
    ['bytes=5-4', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['items=0-1', 10, undefined],
    ['bytes=a-b', 10, undefined],
  ] as const)('%s of %i bytes', (header, size, range) => {
    expect(readRange(header, size)).toEqual(range);
  });
});
