import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RpcContext } from '../../../src/control/rpc/methods.ts';
import { method, openServer, request, type TestServer, TestSubject } from './support.ts';

const limits = { commands: 2, replyLength: 10_000 };

async function connect(server: TestServer, query = '') {
  const socket = new WebSocket(`${server.base.replace('http', 'ws')}/events${query}`);
  const said: string[] = [];
  let heard = Promise.withResolvers<void>();
  socket.on('message', (data) => {
    said.push(String(data));
    heard.resolve();
    heard = Promise.withResolvers();
  });
  await once(socket, 'open');
  const next = async (): Promise<{ id?: unknown; result?: unknown; error?: unknown; event?: string }> => {
    if (said.length === 0) await heard.promise;
    return JSON.parse(said.shift() ?? '');
  };
  return { socket, next, [Symbol.dispose]: () => socket.terminate() };
}

function subject() {
  const contexts: RpcContext[] = [];
  const doors: (() => void)[] = [];
  const made = new TestSubject(
    method('t.slow', () => new Promise<string>((resolve) => doors.push(() => resolve('done')))),
    method('t.fast', (_, context) => {
      contexts.push(context);
      return 'seen';
    }),
    method('t.long', () => ({ list: Array.from({ length: 5000 }, (_, i) => `record ${i}`) })),
    method('t.change', () => 'changed', true),
  );
  return { made, contexts, doors };
}

describe('commands over the WebSocket of /events', () => {
  it('are answered by their ids as they are done, between the events', async () => {
    const { made, doors, contexts } = subject();
    await using server = await openServer(made, { limits });
    using client = await connect(server);
    client.socket.send(request('t.slow', [], 'a'));
    client.socket.send(request('t.fast', [], 'b'));
    expect(await client.next()).toEqual({ jsonrpc: '2.0', result: 'seen', id: 'b' });
    made.happens('room');
    expect(await client.next()).toMatchObject({ event: 'conference:ended' });
    doors[0]?.();
    expect(await client.next()).toEqual({ jsonrpc: '2.0', result: 'done', id: 'a' });
    expect(contexts[0]?.who).toMatch(/^ws:127\.0\.0\.1:\d+$/);
  });

  it('learn when their connection ends, and are one controller’s as long', async () => {
    const { made, contexts } = subject();
    await using server = await openServer(made, { limits });
    using client = await connect(server);
    for (const id of [1, 2]) {
      client.socket.send(request('t.fast', [], id));
      await client.next();
    }
    const [first, second] = contexts;
    expect(first?.connection).toBe(second?.connection);
    expect(first?.connection?.aborted).toBe(false);
    const aborted = new Promise((resolve) => first?.connection?.addEventListener('abort', resolve));
    client.socket.terminate();
    await aborted;
  });

  it('are so many at once, and the reply has a bounded length', async () => {
    const { made, doors } = subject();
    await using server = await openServer(made, { limits });
    using client = await connect(server);
    for (const id of [1, 2, 3]) client.socket.send(request('t.slow', [], id));
    expect(await client.next()).toMatchObject({ id: 3, error: { code: 503 } });
    for (const open of doors) open();
    expect([await client.next(), await client.next()]).toMatchObject([{ id: 1 }, { id: 2 }]);
    client.socket.send(request('t.long', [], 4));
    expect(await client.next()).toMatchObject({
      id: 4,
      error: { code: 500, message: expect.stringContaining('POST') },
    });
    client.socket.send('nonsense');
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32700 } });
  });

  it('of who may only look change nothing', async () => {
    const { made } = subject();
    await using server = await openServer(made, { token: 'one', viewToken: 'two' });
    using viewer = await connect(server, '?token=two');
    viewer.socket.send(request('t.change'));
    expect(await viewer.next()).toMatchObject({ error: { code: 403 } });
    using controller = await connect(server, '?token=one');
    controller.socket.send(request('t.change'));
    expect(await controller.next()).toMatchObject({ result: 'changed' });
  });
});
