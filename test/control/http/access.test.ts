import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLogger } from '../../../src/base/log.ts';
import { ConfigError, openHttp } from '../../../src/index.ts';
import { FakeClock } from '../../../src/testing/index.ts';
import { method, openServer, post, request, TestSubject } from './support.ts';

const token = 'a long token for those who control';
const viewToken = 'another one for those who look';
const asBearer = (text: string) => ({ authorization: `Bearer ${text.replaceAll(' ', '-')}` });
const tokens = { token: token.replaceAll(' ', '-'), viewToken: viewToken.replaceAll(' ', '-') };

const subject = () =>
  new TestSubject(
    method('t.look', () => 'seen'),
    method('t.change', () => 'done', true),
  );

describe('without a token', () => {
  it.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.com:0'])('HTTP is not opened on %s', async (listen) => {
    const opening = openHttp(subject(), { listen, logger: createLogger('silent') });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(/http\.token/);
  });

  it.each(['nonsense', '127.0.0.1', '127.0.0.1:99999', ':8080', '::1:8080'])('nor on %s', async (listen) => {
    const opening = openHttp(subject(), { listen, logger: createLogger('silent') });
    await expect(opening).rejects.toThrow(/is no address: write host:port/);
  });

  it('every program on this machine may do everything', async () => {
    await using server = await openServer(subject());
    expect(await post(server.base, request('t.change'))).toMatchObject({ status: 200 });
  });

  it.each([
    ['of another origin', { origin: 'https://example.com' }, 403],
    ['that hides its origin', { origin: 'null' }, 403],
    ['of a name that was made to lead here', { host: 'example.com:8080', origin: 'http://example.com:8080' }, 403],
    ['of this server', { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' }, 200],
    ['of this server by name', { host: 'localhost', origin: 'http://localhost' }, 200],
  ])('a page %s', async (_, headers, status) => {
    await using server = await openServer(subject());
    // fetch sets Host and Origin by itself.
    const { request: ask } = await import('node:http');
    const said = await new Promise<number | undefined>((resolve, reject) => {
      const asking = ask(`${server.base}/RPC`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asking.on('error', reject);
      asking.end(request('t.look'));
    });
    expect(said).toBe(status);
  });
});

describe('with a token', () => {
  it('it is needed for all but the probes, on loopback, too', async () => {
    await using server = await openServer(subject(), tokens);
    const status = async (path: string, headers = {}) => (await fetch(`${server.base}${path}`, { headers })).status;
    for (const path of ['/metrics', '/events', '/nothing', '/RPC']) expect(await status(path)).toBe(401);
    for (const path of ['/healthz', '/readyz', '/healthz?x']) expect(await status(path)).toBe(200);
    expect(await status('/metrics', asBearer(token))).toBe(200);
    expect(await status('/metrics', asBearer(viewToken))).toBe(200);
    expect(await status('/metrics', { authorization: 'Basic YTpi' })).toBe(401);
    const { headers } = await fetch(`${server.base}/metrics`);
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  it('in the query it counts for /events alone', async () => {
    await using server = await openServer(subject(), tokens);
    const stop = new AbortController();
    const events = await fetch(`${server.base}/events?token=${tokens.viewToken}`, { signal: stop.signal });
    expect(events.status).toBe(200);
    stop.abort();
    expect((await fetch(`${server.base}/metrics?token=${tokens.token}`)).status).toBe(401);
    const socket = new WebSocket(`${server.base.replace('http', 'ws')}/events?token=${tokens.viewToken}`);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.terminate();
    const refused = new WebSocket(`${server.base.replace('http', 'ws')}/events?token=nonsense`);
    await expect(new Promise((resolve, reject) => refused.once('open', resolve).once('error', reject))).rejects.toThrow(
      '401',
    );
  });

  it('who may only look cannot change anything', async () => {
    await using server = await openServer(subject(), tokens);
    expect(await post(server.base, request('t.look'), asBearer(viewToken))).toMatchObject({ status: 200 });
    expect(await post(server.base, request('t.change'), asBearer(viewToken))).toEqual({
      status: 403,
      reason: 'Forbidden',
      text: '{"jsonrpc":"2.0","error":{"code":403,"message":"Forbidden"},"id":1}',
    });
    expect(await post(server.base, request('t.change'), asBearer(token))).toMatchObject({ status: 200 });
  });

  it('who guesses is slowed down, and does not even learn of a right guess', async () => {
    const clock = new FakeClock();
    await using server = await openServer(subject(), { ...tokens, clock });
    const ask = async (text: string) => (await post(server.base, request('t.look'), asBearer(text))).status;
    for (let i = 0; i < 10; i++) expect(await ask(`guess-${i}`)).toBe(401);
    expect(await ask('guess-10')).toBe(429);
    expect(await ask(token)).toBe(429);
    await clock.advance(5_000);
    expect(await ask('guess-11')).toBe(401);
    expect(await ask('guess-12')).toBe(429);
    await clock.advance(5_000);
    expect(await ask(token)).toBe(200);
  });

  it('the body of who has none is not waited for', async () => {
    let bodies = 0;
    const counting = new TestSubject(method('t.change', () => void bodies++));
    await using server = await openServer(counting, tokens);
    expect(await post(server.base, request('t.change'))).toMatchObject({ status: 401 });
    expect(bodies).toBe(0);
  });

  it.each([
    ['a view token alone', { viewToken: 'b' }],
    ['a view token that is the same', { token: 'a', viewToken: 'a' }],
    // Nobody could show it, or everybody would.
    ['a token with a space', { token: 'a b' }],
    ['an empty token', { token: '', listen: '0.0.0.0:0' }],
    ['an empty view token', { token: 'a', viewToken: '' }],
  ])('%s is refused', async (_, options) => {
    const opening = openServer(subject(), options);
    await expect(opening).rejects.toThrow(ConfigError);
  });
});

it('the port that is taken is named', async () => {
  await using server = await openServer(subject());
  const opening = openServer(subject(), { listen: `127.0.0.1:${server.port}` });
  await expect(opening).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE', facts: { service: 'http' } });
});
