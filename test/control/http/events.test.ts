import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { FakeClock } from '../../../src/testing/index.ts';
import { openServer, type TestServer, TestSubject } from './support.ts';

interface Said {
  readonly seq: number;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Client extends Disposable {
  /** Resolves with the next message; rejects at the end. */
  next(): Promise<Said>;
  /** Resolves when the connection is over. */
  readonly over: Promise<unknown>;
}

/** Messages in the order that they came. */
class Inbox {
  readonly #said: Said[] = [];
  #waiting: PromiseWithResolvers<Said> | undefined;
  #over = false;

  add(text: string): void {
    const said = JSON.parse(text) as Said;
    if (this.#waiting) this.#waiting.resolve(said);
    else this.#said.push(said);
    this.#waiting = undefined;
  }

  end(): void {
    this.#over = true;
    this.#waiting?.reject(new Error('over'));
  }

  next(): Promise<Said> {
    const said = this.#said.shift();
    if (said) return Promise.resolve(said);
    if (this.#over) return Promise.reject(new Error('over'));
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}

async function sse(server: TestServer, query = '', headers: Record<string, string> = {}): Promise<Client> {
  const stop = new AbortController();
  const response = await fetch(`${server.base}/events${query}`, { headers, signal: stop.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const inbox = new Inbox();
  const read = async (): Promise<void> => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
        if (fields.data === undefined) continue;
        expect(JSON.parse(fields.data).seq).toBe(Number(fields.id));
        inbox.add(fields.data);
      }
    }
  };
  const over = read().then(
    () => inbox.end(),
    () => inbox.end(),
  );
  return { next: () => inbox.next(), over, [Symbol.dispose]: () => stop.abort() };
}

async function webSocket(server: TestServer, query = ''): Promise<Client & { readonly socket: WebSocket }> {
  const socket = new WebSocket(`${server.base.replace('http', 'ws')}/events${query}`);
  const inbox = new Inbox();
  socket.on('message', (data) => inbox.add(String(data)));
  socket.on('error', () => {});
  const over = new Promise<unknown>((resolve) =>
    socket.on('close', (code, reason) => {
      inbox.end();
      resolve({ code, reason: String(reason) });
    }),
  );
  await once(socket, 'open');
  return { socket, next: () => inbox.next(), over, [Symbol.dispose]: () => socket.terminate() };
}

const names = async (client: Client, count: number): Promise<unknown[]> => {
  const found: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const { event, data } = await client.next();
    found.push(data.conference ?? event);
  }
  return found;
};

/** Where there is nothing of a test's clock in the way. */
const tick = () => new Promise((resolve) => setImmediate(resolve));

describe.each([
  ['server-sent events', sse],
  ['a WebSocket', webSocket],
])('%s', (_, open) => {
  it('tell what happens in the Tandem and in the registry, in order', async () => {
    const subject = new TestSubject();
    await using server = await openServer(subject);
    using client = await open(server);
    subject.happens('one');
    await tick();
    subject.dialog('confirmed', { callId: 'a', hId: 2 });
    const [first, second] = [await client.next(), await client.next()];
    expect(first).toMatchObject({ event: 'conference:ended', data: { conference: 'one', reason: 'empty' } });
    expect(second).toMatchObject({ event: 'dialog:confirmed', data: { callId: 'a', dialog: { hId: 2 } } });
    expect(second.seq).toBe(first.seq + 1);
  });

  it('tell what was asked for', async () => {
    const subject = new TestSubject();
    await using server = await openServer(subject);
    using client = await open(server, '?events=dialog:*&callid=a%40b');
    subject.happens('not this');
    subject.dialog('early', { callId: 'x', hId: 3 });
    subject.dialog('early', { callId: 'a@b', hId: 4 });
    expect(await client.next()).toMatchObject({ event: 'dialog:early', data: { callId: 'a@b', dialog: { hId: 4 } } });
  });

  it('begin where the client was, and say what is gone meanwhile', async () => {
    const subject = new TestSubject();
    await using server = await openServer(subject, { events: { maxEvents: 3 } });
    using before = await open(server);
    subject.happens('a');
    const { seq } = await before.next();
    for (const name of ['b', 'c', 'd']) subject.happens(name);
    await names(before, 3);
    using again = await open(server, `?since=${seq}`);
    expect(await names(again, 3)).toEqual(['b', 'c', 'd']);
    for (const name of ['e', 'f']) subject.happens(name);
    await names(before, 2);
    using late = await open(server, `?since=${seq}`);
    expect(await late.next()).toEqual({ seq: seq + 2, event: 'log:gap', data: { after: seq, missed: 2 } });
    expect(await names(late, 3)).toEqual(['d', 'e', 'f']);
    using all = await open(server, '?since=0');
    expect(await names(all, 4)).toEqual(['log:gap', 'd', 'e', 'f']);
    using other = await open(server, '?since=77');
    expect(await other.next()).toEqual({ seq: seq + 2, event: 'log:gap', data: { after: 77 } });
    expect(await names(other, 3)).toEqual(['d', 'e', 'f']);
  });

  it('say that the server closes', async () => {
    const server = await openServer(new TestSubject());
    using client = await open(server);
    const closing = server.http.close();
    expect(await client.next()).toMatchObject({ event: 'log:closing' });
    await Promise.all([closing, client.over]);
  });

  it('are for so many clients', async () => {
    await using server = await openServer(new TestSubject(), { limits: { followers: 2 } });
    using first = await open(server);
    using _ = await open(server);
    expect((await fetch(`${server.base}/events`)).status).toBe(503);
    first[Symbol.dispose]();
    await first.over;
    await expect
      .poll(async () => {
        const stop = new AbortController();
        const { status } = await fetch(`${server.base}/events`, { signal: stop.signal });
        stop.abort();
        return status;
      })
      .toBe(200);
  });
});

it('a page comes back with the number of the last event', async () => {
  const subject = new TestSubject();
  await using server = await openServer(subject);
  using before = await sse(server);
  for (const name of ['a', 'b']) subject.happens(name);
  const { seq } = await before.next();
  using again = await sse(server, '?since=0', { 'last-event-id': String(seq) });
  expect(await names(again, 1)).toEqual(['b']);
});

it.each(['?since=x', '?since=-1', '?since=1.5', '?events=nonsense'])('a wrong query is refused: %s', async (query) => {
  await using server = await openServer(new TestSubject());
  expect((await fetch(`${server.base}/events${query}`)).status).toBe(400);
  await expect(webSocket(server, query)).rejects.toThrow('400');
});

it('there is no WebSocket elsewhere', async () => {
  await using server = await openServer(new TestSubject());
  const socket = new WebSocket(`${server.base.replace('http', 'ws')}/RPC`);
  await expect(once(socket, 'open')).rejects.toThrow('404');
});

describe('a client that does not read', () => {
  /** It sent its request and sleeps. */
  async function sleeper(server: TestServer, head: string): Promise<Socket> {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    await once(socket, 'connect');
    socket.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`);
    return socket;
  }
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const ways = [
    ['server-sent events', ''],
    ['a WebSocket', upgrade],
  ] as const;
  /** Until the buffers on the way, of some MB, are full and `done` says so. */
  async function flood(subject: TestSubject, done: (turn: number) => boolean): Promise<void> {
    for (let turn = 0; turn < 5_000 && !done(turn); turn++) {
      subject.happens('x'.repeat(10_000), 5);
      await tick();
    }
  }
  const timers = (clock: FakeClock): string[] => clock.pendingTimers().map(({ label }) => label);

  it.each(ways)('%s: it is dropped when the log went on without it, and told so', async (_, head) => {
    const clock = new FakeClock();
    const subject = new TestSubject();
    await using server = await openServer(subject, { clock, events: { maxEvents: 100 } });
    const socket = await sleeper(server, head);
    // That it follows is said by the first that it could read.
    await once(socket, 'readable');
    await flood(subject, () => timers(clock).includes('linger'));
    expect(timers(clock)).toContain('linger');
    // It reads at last: what it was sent, and then why it ends.
    let text = '';
    const over = new Promise((resolve) => socket.once('close', resolve));
    socket.setEncoding('latin1').on('data', (chunk) => {
      text = (text + chunk).slice(-1_000);
    });
    socket.resume();
    await expect.poll(() => text).toContain('"event":"log:dropped"');
    await clock.advance(2_000); // for a client that does not answer the end
    await over;
  });

  it.each(ways)('%s: it is not pinged any more once it was told that it is dropped', async (_, head) => {
    const clock = new FakeClock();
    const subject = new TestSubject();
    await using server = await openServer(subject, { clock, events: { maxEvents: 100 } });
    const socket = await sleeper(server, head);
    await once(socket, 'readable');
    await clock.advance(14_500);
    await flood(subject, () => timers(clock).includes('linger'));
    // The next sign of life is due before it is cut off; writing behind the end would be an error that nobody hears.
    await clock.advance(1_000);
    await tick();
    expect(timers(clock)).toContain('linger');
    const over = new Promise((resolve) => socket.once('close', resolve));
    await clock.advance(1_000);
    socket.resume();
    await over;
  });

  it.each(ways)('%s: it is dropped when it has not read for long, and cut off if it goes on', async (_, head) => {
    const clock = new FakeClock();
    const subject = new TestSubject();
    await using server = await openServer(subject, { clock, events: { maxEvents: 1_000_000, maxLength: 1e9 } });
    const socket = await sleeper(server, head);
    await once(socket, 'readable');
    await flood(subject, (turn) => turn === 400);
    await clock.advance(29_000);
    expect(timers(clock)).not.toContain('linger');
    await clock.advance(1_000);
    expect(timers(clock)).toContain('linger');
    await clock.advance(2_000);
    const over = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await over;
  });

  it('nor answers a ping is cut off', async () => {
    const clock = new FakeClock();
    await using server = await openServer(new TestSubject(), { clock });
    using dead = await webSocket(server);
    dead.socket.pong = () => {};
    (dead.socket as unknown as { _autoPong: boolean })._autoPong = false;
    using alive = await webSocket(server);
    const pinged = once(alive.socket, 'ping');
    await clock.advance(15_000);
    await pinged;
    await tick();
    await expect
      .poll(async () => {
        await clock.advance(15_000);
        return dead.socket.readyState;
      })
      .toBe(WebSocket.CLOSED);
    expect(alive.socket.readyState).toBe(WebSocket.OPEN);
  });
});
