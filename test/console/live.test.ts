/** The console over real sockets: who gets in, and what no page may do. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { nodeClock } from '../../src/base/node.ts';
import { Console } from '../../src/console/console.ts';
import { RecentCdrs } from '../../src/console/finished.ts';
import type { ServerMessage } from '../../src/console/protocol.ts';
import { openSite } from '../../src/console/site.ts';
import { EventLog } from '../../src/control/events/log.ts';
import { openHttp } from '../../src/control/http/open.ts';
import { ask } from '../control/http/support.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';
import { openTandem } from '../helpers/tandem.ts';

const users = {
  operator: { password: 'let me act', role: 'control' },
  guest: { password: 'let me look', role: 'view' },
} as const;

async function open() {
  const { tandem, ...rest } = await openTandem(async (call) => call.reject(486));
  const { logger, lines } = memoryLogger();
  const log = new EventLog(nodeClock);
  const console = new Console({ subject: tandem, recent: new RecentCdrs(), log, clock: nodeClock, logger });
  const phone = { iceServers: [], clock: nodeClock, listeners: () => tandem.listeners };
  const site = await openSite({ phone, console });
  const http = await openHttp(
    { tandem, registry: tandem.registry },
    { listen: '127.0.0.1:0', users, token: 'a-token', site, log, logger },
  );
  const base = `http://127.0.0.1:${http.address.port}`;
  return {
    base,
    lines,
    cookie: async (user: keyof typeof users): Promise<string> => {
      const body = JSON.stringify({ user, password: users[user].password });
      const { headers } = await ask(base, '/console/login', { method: 'POST', body });
      return String(headers['set-cookie']?.[0]?.split(';')[0]);
    },
    [Symbol.asyncDispose]: async () => {
      await http.close();
      await rest[Symbol.asyncDispose]();
    },
  };
}

class LivePage {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];

  constructor(base: string, headers: ClientOptions['headers']) {
    this.socket = new WebSocket(`${base.replace('http', 'ws')}/console/stream`, { headers });
    this.socket.on('message', (data, binary) => {
      if (!binary) this.messages.push(JSON.parse(String(data)) as ServerMessage);
    });
    this.socket.on('error', () => {});
  }

  async refusal(): Promise<number | undefined> {
    const refused = once(this.socket, 'unexpected-response').then(([, { statusCode }]) => statusCode as number);
    const status = await Promise.race([refused, once(this.socket, 'open').then(() => undefined)]);
    this.socket.terminate();
    return status;
  }

  async has(type: ServerMessage['type']): Promise<void> {
    while (!this.messages.some((one) => one.type === type)) await once(this.socket, 'message');
  }

  async closed(): Promise<number> {
    const [code] = (await once(this.socket, 'close')) as [number];
    return code;
  }
}

describe('the stream of the console', () => {
  it('is for who is logged in, from a page of this server', async () => {
    await using server = await open();
    const cookie = await server.cookie('guest');
    const origin = server.base;
    const refusal = (headers: object): Promise<number | undefined> =>
      new LivePage(server.base, headers as ClientOptions['headers']).refusal();
    expect(await refusal({})).toBe(401);
    expect(await refusal({ origin })).toBe(401);
    expect(await refusal({ cookie })).toBe(403);
    expect(await refusal({ cookie, origin: 'https://evil.example.com' })).toBe(403);
    expect(await refusal({ cookie: 'tandem_session=guess', origin })).toBe(401);
    expect(await refusal({ cookie, origin })).toBeUndefined();
    expect(await refusal({ authorization: 'Bearer a-token' })).toBeUndefined();
  });

  it('begins with the lists', async () => {
    await using server = await open();
    const page = new LivePage(server.base, { cookie: await server.cookie('guest'), origin: server.base });
    await page.has('totals');
    expect(page.messages.map(({ type }) => type).slice(0, 3)).toEqual(['hello', 'registrations', 'calls']);
    page.socket.terminate();
  });

  it('an oversized message ends the connection, and no other', async () => {
    await using server = await open();
    const headers = { cookie: await server.cookie('operator'), origin: server.base };
    const [bad, good] = [new LivePage(server.base, headers), new LivePage(server.base, headers)];
    await Promise.all([bad.has('calls'), good.has('calls')]);
    bad.socket.send('x'.repeat(5_000));
    expect(await bad.closed()).toBe(1009);
    good.socket.send(JSON.stringify({ type: 'watch', id: '1:1' }));
    await good.has('call');
    good.socket.terminate();
  });

  it('what is no text at all is an error', async () => {
    await using server = await open();
    const page = new LivePage(server.base, { cookie: await server.cookie('operator'), origin: server.base });
    await page.has('calls');
    page.socket.send(Buffer.from([0xff, 0xfe]));
    await page.has('error');
    page.socket.terminate();
  });

  it('is told when the server goes', async () => {
    const server = await open();
    const page = new LivePage(server.base, { cookie: await server.cookie('operator'), origin: server.base });
    await page.has('calls');
    const code = page.closed();
    await server[Symbol.asyncDispose]();
    expect(await code).toBe(1001);
  });
});

describe('the pages of the console', () => {
  it('are served by the same HTTP, and need no login; what they ask for does', async () => {
    await using server = await open();
    expect([200, 503]).toContain((await ask(server.base, '/')).status);
    expect((await ask(server.base, '/phone/config')).status).toBe(200);
    expect((await ask(server.base, '/console/finished')).status).toBe(401);
    const cookie = await server.cookie('guest');
    expect((await ask(server.base, '/console/finished', { headers: { cookie } })).text).toBe(
      '{"rows":[],"more":false}',
    );
  });
});
