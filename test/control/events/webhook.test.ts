import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { nodeFetch } from '../../../src/base/node.ts';
import { EventLog } from '../../../src/control/events/log.ts';
import { type WebhookOptions, Webhooks } from '../../../src/control/events/webhook.ts';
import { ConfigError } from '../../../src/index.ts';
import { FakeClock, MemoryFetch, seededRandom } from '../../../src/testing/index.ts';
import { quiet } from '../http/support.ts';

const url = 'https://hooks.example.com/tandem';
const hook: WebhookOptions = { url, secret: 'shared' };

function hooks(options: readonly WebhookOptions[] = [hook]) {
  const clock = new FakeClock();
  const fetch = new MemoryFetch(clock);
  const log = new EventLog(clock);
  const webhooks = new Webhooks(options, { log, clock, fetch, random: seededRandom(1), logger: quiet });
  const posted = () => fetch.posted.map(({ body }) => JSON.parse(body).event);
  return { clock, fetch, log, webhooks, posted };
}

describe('a webhook', () => {
  it('is signed, over its id, its time and its body', async () => {
    const { clock, fetch, log } = hooks();
    fetch.answer(url, { status: 204 });
    log.append('call:ended', { callId: 'a' });
    await clock.advance(100);
    const [{ body = '', headers = {} } = {}] = fetch.posted;
    expect(JSON.parse(body)).toMatchObject({ event: 'call:ended', data: { callId: 'a' } });
    const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = headers;
    expect(id).toMatch(new RegExp(`^[0-9a-f]{16}-${JSON.parse(body).seq}$`));
    expect(Number(time)).toBe(Math.floor(clock.wallclock() / 1000));
    const expected = createHmac('sha256', 'shared').update(`${id}.${time}.${body}`).digest('base64');
    expect(signature).toBe(`v1,${expected}`);
  });

  it('takes a secret in base64, as the standard writes it', async () => {
    const secret = `whsec_${Buffer.from('shared').toString('base64')}`;
    const { clock, fetch, log } = hooks([{ url, secret }]);
    fetch.answer(url, {});
    log.append('call:ended', {});
    await clock.advance(100);
    const [{ body = '', headers = {} } = {}] = fetch.posted;
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', 'shared').update(text).digest('base64')}`);
  });

  it('tells one event after the other, of those that were asked for', async () => {
    const { clock, fetch, log, posted, webhooks } = hooks([{ ...hook, events: ['call:*'] }]);
    fetch.answer(url, { afterMs: 1_000 });
    for (const name of ['call:created', 'media:dtmf', 'call:ended']) log.append(name, {});
    await clock.advance(500);
    expect(posted()).toEqual(['call:created']);
    await clock.advance(2_000);
    expect(posted()).toEqual(['call:created', 'call:ended']);
    expect(webhooks.stats).toEqual([{ host: 'hooks.example.com', delivered: 2, retried: 0, dropped: 0, queued: 0 }]);
  });

  it.each([
    ['refuses', { status: 500 }],
    ['sends elsewhere', { status: 302 }],
    ['does not answer', { afterMs: 60_000 }],
  ])('is told again, under the same id and before the next, when its server %s', async (_, answer) => {
    const { clock, fetch, log, posted, webhooks } = hooks();
    fetch.answer(url, answer);
    log.append('t:first', {});
    log.append('t:second', {});
    await clock.advance(15_000);
    const tries = posted().length;
    expect(tries).toBeGreaterThan(1);
    fetch.answer(url, {});
    await clock.advance(120_000);
    expect(posted().slice(-2)).toEqual(['t:first', 't:second']);
    const first = fetch.posted.filter(({ body }) => JSON.parse(body).event === 't:first');
    expect(new Set(first.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(webhooks.stats).toMatchObject([{ delivered: 2, retried: first.length - 1, dropped: 0, queued: 0 }]);
  });

  it('waits longer from try to try, up to a minute, and gives up in the end', async () => {
    const { clock, fetch, log, posted, webhooks } = hooks();
    const at: number[] = [];
    fetch.answer(url, () => {
      at.push(clock.now());
      return { status: 500, afterMs: 0 };
    });
    log.append('t:first', {});
    log.append('t:second', {});
    await clock.runUntil(() => posted().includes('t:second'), 3_600_000);
    const waits = at.slice(0, 25).map((now, index) => Math.round((now - (at[index - 1] ?? 0)) / 1000));
    expect(waits.slice(0, 9)).toEqual([0, 1, 2, 4, 8, 16, 32, 60, 60]);
    expect(posted().filter((name) => name === 't:first')).toHaveLength(25);
    expect(webhooks.stats).toMatchObject([{ dropped: 1, queued: 1 }]);
  });

  it('keeps so many events for a server that is away; the oldest go first, but for the one under way', async () => {
    const { clock, fetch, log, posted, webhooks } = hooks();
    fetch.answer(url, { status: 503 });
    for (let i = 0; i < 10_005; i++) log.append(`t:${i}`, {});
    await clock.advance(100);
    expect(webhooks.stats).toMatchObject([{ dropped: 5, queued: 10_000 }]);
    fetch.answer(url, { afterMs: 0 });
    await clock.advance(10_000);
    const taken = posted().slice(1);
    expect(taken.slice(0, 2)).toEqual(['t:0', 't:6']);
    expect(taken.at(-1)).toBe('t:10004');
    expect(webhooks.stats).toMatchObject([{ delivered: 10_000, queued: 0 }]);
  });

  it('does not wait for another', async () => {
    const { clock, fetch, log, posted } = hooks([hook, { url: 'http://other.example.com/', secret: 'b' }]);
    fetch.answer(url, { status: 500 });
    fetch.answer('http://other.example.com/', {});
    for (const name of ['t:a', 't:b', 't:c']) log.append(name, {});
    await clock.advance(500);
    expect(posted()).toEqual(['t:a', 't:a', 't:b', 't:c']);
  });

  it('that closes delivers what it can, for two seconds', async () => {
    const { clock, fetch, log, posted, webhooks } = hooks();
    fetch.answer(url, { afterMs: 500 });
    for (const name of ['t:a', 't:b']) log.append(name, {});
    const closed = webhooks.close();
    log.append('t:late', {});
    await clock.advance(1_000);
    await closed;
    expect(posted()).toEqual(['t:a', 't:b']);
    expect(clock.pending).toBe(0);
  });

  it('that closes while its server hangs or is waited for leaves nothing', async () => {
    for (const answer of [{ afterMs: 9_000 }, { status: 500 }]) {
      const { clock, fetch, log, webhooks } = hooks();
      fetch.answer(url, answer);
      log.append('t:a', {});
      await clock.advance(100);
      const closed = Promise.all([webhooks.close(), webhooks.close()]);
      await clock.advance(2_000);
      await closed;
      expect(clock.pending).toBe(0);
      expect(webhooks.stats).toMatchObject([{ queued: 1 }]);
    }
  });

  it.each([
    [{ url: 'ftp://example.com', secret: 'a' }, 'is no http(s) URL'],
    [{ url: 'nonsense', secret: 'a' }, 'is no http(s) URL'],
    [{ url, secret: '' }, 'needs a secret'],
    [{ url, secret: 'whsec_' }, 'needs a secret'],
    [{ url, secret: 'a', events: ['call'] }, 'names no events'],
  ])('is refused: %j', (options, message) => {
    expect(() => hooks([options])).toThrow(ConfigError);
    expect(() => hooks([options])).toThrow(message);
  });
});

it('a POST of Node.js brings body and headers, gives any status, and follows nothing', async () => {
  const got: { body: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ body, headers: request.headers });
    response.writeHead(307, { location: '/elsewhere' }).end('x');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const { signal } = new AbortController();
    const options = { body: 'ü', headers: { 'x-a': 'b' }, signal, timeoutMs: 5_000 };
    expect(await nodeFetch.post?.(`http://127.0.0.1:${port}/`, options)).toBe(307);
    expect(got).toMatchObject([{ body: 'ü', headers: { 'x-a': 'b' } }]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
