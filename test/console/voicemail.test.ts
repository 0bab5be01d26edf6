import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { VoicemailPage } from '../../src/console/protocol.ts';
import type { WatchedMailbox } from '../../src/console/subject.ts';
import { voicemailRoutes } from '../../src/console/voicemail.ts';
import { pbxCommands } from '../../src/control/commands/pbx.ts';
import { printMessage } from '../../src/pbx/voicemail/message.ts';
import { ask, openServer, TestSubject } from '../control/http/support.ts';
import { TemporaryFolder } from '../helpers/cli.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';
import { openTandem } from '../helpers/tandem.ts';

const wav = Buffer.concat([Buffer.from('RIFF\x24\0\0\0WAVEfmt '), Buffer.alloc(100, 7)]);
const [first, second] = ['1700000000000-0a0b0c0d', '1700000060000-0a0b0c0e'];
const message = { durationMs: 4_000, from: '5002', fromName: 'Bob', state: 'new' } as const;

function mailbox(name: string, more: Partial<WatchedMailbox> = {}): WatchedMailbox {
  return {
    name,
    counts: { new: 1, saved: 1 },
    messages: async () => [
      { ...message, id: first, at: 1_700_000_000_000, state: 'saved', callId: 'not for pages' },
      { ...message, id: second, at: 1_700_000_060_000, from: undefined, fromName: undefined },
    ],
    read: async (id) => {
      if (id === first) return wav;
      throw new Error('there is no message');
    },
    ...more,
  };
}

async function open(mailboxes: readonly WatchedMailbox[] = [mailbox('5001')]) {
  const { logger, lines } = memoryLogger();
  const server = await openServer(new TestSubject(), {
    ...{ token: 'control-token', viewToken: 'view-token' },
    site: { routes: voicemailRoutes({ subject: { mailboxes }, logger }), sockets: [], close: () => {} },
  });
  const get = (path: string, headers = {}, token = 'control-token') =>
    ask(server.base, `/console/voicemail${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
  return { base: server.base, lines, get, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('mailboxes', () => {
  it('are listed by name with their messages, the newest first, also to who may only view', async () => {
    await using server = await open([mailbox('sales'), mailbox('5001')]);
    const { status, text } = await server.get('', {}, 'view-token');
    const { boxes } = JSON.parse(text) as VoicemailPage;
    expect([status, boxes.map(({ name }) => name)]).toEqual([200, ['5001', 'sales']]);
    expect(boxes[0]).toEqual({
      ...{ name: '5001', new: 1, saved: 1 },
      messages: [
        { id: second, at: 1_700_000_060_000, durationMs: 4_000, from: '', fromName: '', state: 'new' },
        { id: first, at: 1_700_000_000_000, durationMs: 4_000, from: '5002', fromName: 'Bob', state: 'saved' },
      ],
    });
  });

  it('that cannot be read say so, and hide neither the others nor a path', async () => {
    const broken = mailbox('5002', { messages: () => Promise.reject(new Error('EACCES /secret/place')) });
    await using server = await open([broken, mailbox('5001')]);
    const { text } = await server.get('');
    const { boxes } = JSON.parse(text) as VoicemailPage;
    expect(boxes.map(({ name, problem }) => [name, problem !== undefined])).toEqual([
      ['5001', false],
      ['5002', true],
    ]);
    expect(text).not.toContain('/secret');
    expect(server.lines).toMatchObject([{ message: 'a mailbox cannot be listed', fields: { box: '5002' } }]);
  });

  it('need a login', async () => {
    await using server = await open();
    for (const path of ['', `/5001/${first}`])
      expect((await ask(server.base, `/console/voicemail${path}`)).status).toBe(401);
  });
});

describe('a mailbox on a disk', () => {
  it('is listed, heard, marked and emptied by what a page asks for', async () => {
    using folder = new TemporaryFolder();
    const folderOfAll = folder.file('voicemail');
    mkdirSync(`${folderOfAll}/5001`, { recursive: true });
    const left = { ...message, id: first, at: 1_700_000_000_000, callId: 'a-call' };
    writeFileSync(`${folderOfAll}/5001/${first}.json`, printMessage(left));
    writeFileSync(`${folderOfAll}/5001/${first}.wav`, wav);
    await using house = await openTandem();
    house.tandem.voicemail('5001', { folder: folderOfAll });
    const { logger } = memoryLogger();
    await using server = await openServer(new TestSubject(...pbxCommands(house.tandem)), {
      ...{ token: 'control-token' },
      site: { routes: voicemailRoutes({ subject: house.tandem, logger }), sockets: [], close: () => {} },
    });
    const headers = { authorization: 'Bearer control-token' };
    const list = async () =>
      (JSON.parse((await ask(server.base, '/console/voicemail', { headers })).text) as VoicemailPage).boxes;
    const rpc = async (method: string, ...params: readonly string[]) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
      return JSON.parse((await ask(server.base, '/RPC', { method: 'POST', headers, body })).text) as object;
    };
    expect(await list()).toMatchObject([{ name: '5001', new: 1, saved: 0, messages: [{ id: first, from: '5002' }] }]);
    const heard = await ask(server.base, `/console/voicemail/5001/${first}`, { headers });
    expect([heard.status, heard.text]).toEqual([200, wav.toString()]);
    expect(await rpc('voicemail.mark', '5001', first, 'saved')).not.toHaveProperty('error');
    expect(await list()).toMatchObject([{ new: 0, saved: 1 }]);
    expect(await rpc('voicemail.delete', '5001', first)).not.toHaveProperty('error');
    expect(await list()).toMatchObject([{ new: 0, saved: 0, messages: [] }]);
    expect((await ask(server.base, `/console/voicemail/5001/${first}`, { headers })).status).toBe(404);
    expect(readdirSync(`${folderOfAll}/5001`)).toEqual([]);
  });
});

describe('a message', () => {
  it('is sent whole or in part, and the log says to whom, each time', async () => {
    await using server = await open();
    const whole = await server.get(`/5001/${first}`);
    expect([whole.status, whole.text, whole.headers['content-type'], whole.headers['cache-control']]).toEqual([
      ...[200, wav.toString(), 'audio/wav', 'no-store'],
    ]);
    const part = await server.get(`/5001/${first}`, { range: 'bytes=8-11' });
    expect([part.status, part.text, part.headers['content-range']]).toEqual([206, 'WAVE', `bytes 8-11/${wav.length}`]);
    const beyond = await server.get(`/5001/${first}`, { range: 'bytes=999-' });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${wav.length}`]);
    const fetched = { user: 'token', box: '5001', message: first };
    expect(server.lines).toMatchObject([
      { message: 'voicemail message fetched', fields: fetched },
      { message: 'voicemail message fetched', fields: { ...fetched, range: 'bytes=8-11' } },
    ]);
  });

  it('is for the role control, and an attempt without it is logged', async () => {
    await using server = await open();
    const { status, text } = await server.get(`/5001/${first}`, {}, 'view-token');
    expect([status, text.includes('control'), text.includes('RIFF')]).toEqual([403, true, false]);
    expect(server.lines).toMatchObject([
      { level: 'warn', message: 'may not hear a voicemail message', fields: { user: 'view token', box: '5001' } },
    ]);
  });

  it('is found in a mailbox whatever letters its name has', async () => {
    await using server = await open([mailbox('büro+1@example.com')]);
    expect((await server.get(`/${encodeURIComponent('büro+1@example.com')}/${first}`)).status).toBe(200);
  });

  it('that is no audio is not sent', async () => {
    await using server = await open([mailbox('5001', { read: async () => Buffer.from('root:x:0:0') })]);
    const { status, text } = await server.get(`/5001/${first}`);
    expect([status, text.includes('root')]).toEqual([404, false]);
  });

  it.each([
    `/5001/${second}`,
    `/5002/${first}`,
    `/5001/${first}.wav`,
    '/5001/greeting',
    `/5001/..%2f${first}`,
    `/../5001/${first}`,
    `/%2e%2e/${first}`,
    `/%/${first}`,
    `/%ff/${first}`,
    '/5001/',
    '/',
  ])('is none that no mailbox has: %s', async (path) => {
    await using server = await open();
    expect([400, 404]).toContain((await server.get(path)).status);
  });
});
