import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RpcFault } from '../../../src/control/rpc/fault.ts';
import { FakeClock } from '../../../src/testing/index.ts';
import { method, openServer, post, request, TestSubject } from './support.ts';

/** A client that says exactly this. */
async function raw(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

const closeOf = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve));

const rawPost = (body: string): string =>
  `POST /RPC HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** A hundred thousand of them are more than any buffer on the way holds. */
const record = { 'call-id': 'x'.repeat(500), state: 4 };

describe('POST /RPC', () => {
  it('answers whatever the body says it is', async () => {
    await using server = await openServer(new TestSubject(method('t.text', () => 'Alive')));
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'made/up; charset=utf-8' },
    ])
      expect(await post(server.base, request('t.text'), headers)).toEqual({
        status: 200,
        reason: 'OK',
        text: '{"jsonrpc":"2.0","result":"Alive","id":1}',
      });
    const bare = await raw(server.port, rawPost(request('t.text')));
    expect(String(await once(bare, 'data'))).toContain('200 OK');
    bare.destroy();
  });

  it('has the text of a fault as reason phrase, as far as one can have it', async () => {
    const subject = new TestSubject(
      method('t.fault', () => {
        throw new RpcFault(404, 'Dialog not found');
      }),
      method('t.odd', () => {
        throw new RpcFault(7, 'ü\r\nX-Made-Up: 1');
      }),
    );
    await using server = await openServer(subject);
    expect(await post(server.base, request('t.fault'))).toMatchObject({ status: 404, reason: 'Dialog not found' });
    const odd = await fetch(`${server.base}/RPC`, { method: 'POST', body: request('t.odd') });
    expect({ status: odd.status, reason: odd.statusText }).toEqual({ status: 500, reason: '???X-Made-Up: 1' });
    expect(odd.headers.get('x-made-up')).toBe(null);
    expect(await odd.json()).toMatchObject({ error: { code: 7, message: 'ü\r\nX-Made-Up: 1' } });
  });

  it('reads UTF-8', async () => {
    await using server = await openServer(new TestSubject(method('t.echo', (args) => args.string())));
    const { text } = await post(server.base, request('t.echo', ['grüß 👋']));
    expect(JSON.parse(text).result).toBe('grüß 👋');
  });

  it('says nothing to a notification', async () => {
    await using server = await openServer(new TestSubject(method('t.text', () => 'Alive')));
    expect(await post(server.base, '{"jsonrpc":"2.0","method":"t.text"}')).toMatchObject({ status: 204, text: '' });
  });

  it('takes an empty body for what it is', async () => {
    await using server = await openServer(new TestSubject());
    const socket = await raw(server.port, 'POST /RPC HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
    expect(String(await once(socket, 'data'))).toContain('-32700');
    socket.destroy();
  });

  it('tells a command who calls', async () => {
    let caller = '';
    const who = method('t.who', (_, context) => {
      caller = context.who;
      return undefined;
    });
    await using server = await openServer(new TestSubject(who));
    await post(server.base, request('t.who'));
    expect(caller).toMatch(/^http:127\.0\.0\.1:\d+$/);
  });

  it('takes no more than the limit', async () => {
    await using server = await openServer(new TestSubject(), { limits: { bodyBytes: 100 } });
    expect(await post(server.base, ' '.repeat(101))).toMatchObject({ status: 413 });
    expect(await post(server.base, ' '.repeat(100))).toMatchObject({ status: 400 });
  });

  it('runs no more commands at once than the limit', async () => {
    const hold = Promise.withResolvers<undefined>();
    const subject = new TestSubject(
      method('t.hold', () => hold.promise),
      method('t.text', () => 'Alive'),
    );
    await using server = await openServer(subject, { limits: { requests: 2 } });
    const held = [post(server.base, request('t.hold')), post(server.base, request('t.hold'))];
    await expect.poll(async () => (await post(server.base, request('t.text'))).status).toBe(503);
    hold.resolve(undefined);
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await post(server.base, request('t.text'))).toMatchObject({ status: 200 });
  });
});

describe('a list of 100,000', () => {
  it('is streamed, and everybody else runs meanwhile', async () => {
    let made = 0;
    const list = method('t.list', () => ({
      list: (function* () {
        for (; made < 100_000; made++) yield { h_entry: made };
      })(),
    }));
    await using server = await openServer(new TestSubject(list));
    // How many records are made between two turns of the event loop.
    let before = 0;
    let most = 0;
    let turns = 0;
    let over = false;
    const turn = (): void => {
      most = Math.max(most, made - before);
      before = made;
      turns++;
      if (!over) setImmediate(turn);
    };
    setImmediate(turn);
    const { status, text } = await post(server.base, request('t.list'));
    over = true;
    expect(status).toBe(200);
    const { result } = JSON.parse(text);
    expect(result).toHaveLength(100_000);
    expect(result.at(-1)).toEqual({ h_entry: 99_999 });
    expect(turns).toBeGreaterThan(1_000);
    expect(most).toBeLessThanOrEqual(130); // two pieces
  });

  it('ends when its client goes away, and so does what waits for the client', async () => {
    let made = 0;
    const closed = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    const list = method('t.list', (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      return {
        list: (function* () {
          try {
            for (; made < 100_000; made++) yield record;
          } finally {
            closed.resolve();
          }
        })(),
      };
    });
    await using server = await openServer(new TestSubject(list));
    const socket = await raw(server.port, rawPost(request('t.list')));
    await once(socket, 'data');
    socket.destroy();
    await Promise.all([closed.promise, aborted.promise]);
    expect(made).toBeLessThan(100_000);
  });

  it('is made no faster than it is read, and a client that reads nothing is cut off', async () => {
    const clock = new FakeClock();
    let made = 0;
    const closed = Promise.withResolvers<void>();
    const list = method('t.list', () => ({
      list: (function* () {
        try {
          for (; made < 100_000; made++) yield record;
        } finally {
          closed.resolve();
        }
      })(),
    }));
    await using server = await openServer(new TestSubject(list), { clock });
    const socket = await raw(server.port, rawPost(request('t.list')));
    socket.pause();
    await expect.poll(() => clock.pendingTimers().map(({ label }) => label)).toContain('slow reader');
    const stalledAt = made;
    await clock.advance(29_000);
    expect(made).toBe(stalledAt);
    await clock.advance(1_000);
    await closed.promise;
    expect(made).toBe(stalledAt);
    expect(stalledAt).toBeLessThan(100_000);
    socket.resume();
    await closeOf(socket);
  });

  it('that breaks half-way is an answer without an end, not a wrong one', async () => {
    const list = method('t.list', () => ({
      list: (function* () {
        for (let i = 0; i < 1_000; i++) yield record;
        throw new Error('broken');
      })(),
    }));
    await using server = await openServer(new TestSubject(list));
    await expect(post(server.base, request('t.list'))).rejects.toThrow();
  });

  it.each([
    ['alone', (list: string) => list],
    ['in a batch', (list: string) => `[1,${list}]`],
  ])('%s is closed when its client left before it was there', async (_, body) => {
    const hold = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const started = Promise.withResolvers<AbortSignal>();
    const list = method('t.list', async (_, { signal }) => {
      started.resolve(signal);
      await hold.promise;
      return {
        list: (function* () {
          try {
            for (;;) yield record;
          } finally {
            closed.resolve();
          }
        })(),
      };
    });
    await using server = await openServer(new TestSubject(list), { limits: { requests: 1 } });
    const socket = await raw(server.port, rawPost(body(request('t.list'))));
    const signal = await started.promise;
    socket.destroy();
    await once(signal, 'abort');
    // The place is free again, whether or not the command heeds its signal.
    await expect.poll(async () => (await post(server.base, '{}')).status).toBe(400);
    hold.resolve();
    await closed.promise;
  });
});

describe('clients that hold on to a connection', () => {
  it.each([
    ['say nothing', ''],
    ['leave off in the headers', 'POST /RPC HTTP/1.1\r\nHost: local'],
    ['leave off in the body', 'POST /RPC HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{'],
  ])('and %s are cut off', async (_, text) => {
    await using server = await openServer(new TestSubject(), { limits: { requestMs: 100 } });
    const socket = await raw(server.port, text);
    socket.resume();
    await closeOf(socket);
  });

  it('or speak another language get 400', async () => {
    await using server = await openServer(new TestSubject());
    const socket = await raw(server.port, '\u0016\u0003\u0001 nonsense\r\n\r\n');
    expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('are gone when the server closes', async () => {
    const server = await openServer(new TestSubject(method('t.hold', () => new Promise(() => {}))));
    const idle = await raw(server.port, '');
    const waiting = await raw(server.port, rawPost(request('t.hold')));
    const closed = Promise.all([closeOf(idle), closeOf(waiting)]);
    await Promise.all([server.http.close(), server.http.close()]);
    await closed;
    await expect(fetch(`${server.base}/healthz`)).rejects.toThrow();
  });
});
