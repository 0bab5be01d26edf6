import { describe, expect, it } from 'vitest';
import { Logins } from '../../../src/control/http/logins.ts';
import type { HttpOptions } from '../../../src/control/http/open.ts';
import { hashPassword, Passwords } from '../../../src/control/http/passwords.ts';
import { ConfigError } from '../../../src/index.ts';
import { FakeClock, seededRandom } from '../../../src/testing/index.ts';
import { memoryLogger } from '../../helpers/memory-logger.ts';
import { type Answer, ask, method, openServer, request, TestSubject } from './support.ts';

const users = {
  operator: { password: 'let me act', role: 'control' },
  guest: { password: 'let me look', role: 'view' },
} as const;

const subject = () =>
  new TestSubject(
    method('t.look', () => 'seen'),
    method('t.change', () => 'done', true),
  );

const open = (options: Partial<HttpOptions> = {}) => openServer(subject(), { users, ...options });
const login = (base: string, given: object, headers = {}) =>
  ask(base, '/console/login', { method: 'POST', headers, body: JSON.stringify(given) });
const cookieOf = ({ headers }: Answer): string => headers['set-cookie']?.[0]?.split(';')[0] ?? '';
const csrfOf = ({ text }: Answer): string => (JSON.parse(text) as { csrf: string }).csrf;
const rpc = (base: string, name: string, headers: Readonly<Record<string, string>>) =>
  ask(base, '/RPC', { method: 'POST', headers, body: request(name) });

async function loggedIn(base: string, user: keyof typeof users) {
  const answer = await login(base, { user, password: users[user].password });
  return { cookie: cookieOf(answer), csrf: csrfOf(answer) };
}

describe('a login', () => {
  it('gives a cookie that no script can read and no other page can send', async () => {
    await using server = await open();
    const answer = await login(server.base, { user: 'operator', password: 'let me act' });
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(/^tandem_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/),
    ]);
    expect(JSON.parse(answer.text)).toEqual({
      role: 'control',
      user: 'operator',
      csrf: expect.stringMatching(/^[\w-]{43}$/),
      loginNeeded: true,
      server: { name: 'Tandem', version: expect.stringMatching(/^\d/) },
    });
  });

  it('tells a page who it is, and a stranger that there is something to log in to', async () => {
    await using server = await open();
    const stranger = await ask(server.base, '/console/session');
    expect([stranger.status, JSON.parse(stranger.text)]).toMatchObject([200, { loginNeeded: true, csrf: '' }]);
    expect(JSON.parse(stranger.text)).not.toHaveProperty('role');
    const { cookie, csrf } = await loggedIn(server.base, 'guest');
    const known = await ask(server.base, '/console/session', { headers: { cookie } });
    expect(JSON.parse(known.text)).toMatchObject({ role: 'view', user: 'guest', csrf });
  });

  it('is not needed on loopback where nobody has said who may come', async () => {
    await using server = await openServer(subject());
    const { text } = await ask(server.base, '/console/session');
    expect(JSON.parse(text)).toMatchObject({ role: 'control', user: 'local', loginNeeded: false });
    const rebound = await ask(server.base, '/console/session', { headers: { host: 'evil.example.com' } });
    expect(JSON.parse(rebound.text)).not.toHaveProperty('role');
  });

  it('works with a token as well', async () => {
    await using server = await openServer(subject(), { token: 'a-token-to-act', viewToken: 'a-token-to-look' });
    expect(JSON.parse((await login(server.base, { token: 'a-token-to-act' })).text).role).toBe('control');
    expect(JSON.parse((await login(server.base, { token: 'a-token-to-look' })).text).role).toBe('view');
    expect((await login(server.base, { token: 'neither' })).status).toBe(401);
    expect((await login(server.base, { user: 'operator', password: 'a-token-to-act' })).status).toBe(401);
  });

  it.each([
    ['a wrong password', { user: 'operator', password: 'guess' }, 401],
    ['an unknown user', { user: 'nobody', password: 'let me act' }, 401],
    ['the password of another', { user: 'operator', password: 'let me look' }, 401],
    ['no password', { user: 'operator' }, 400],
    ['what is no text', { user: 'operator', password: { length: 3 } }, 400],
    ['a name of the language', { user: '__proto__', password: 'x' }, 401],
    ['a very long password', { user: 'operator', password: 'x'.repeat(5_000) }, 401],
    ['a list', [], 400],
  ])('with %s is refused', async (_, given, status) => {
    const { logger, lines } = memoryLogger();
    await using server = await open({ logger });
    const answer = await login(server.base, given);
    expect([answer.status, answer.headers['set-cookie']]).toEqual([status, undefined]);
    const failed = lines.filter(({ message }) => message === 'a login failed');
    expect(failed).toHaveLength(status === 401 ? 1 : 0);
    expect(JSON.stringify(lines)).not.toContain('let me');
  });

  it.each(['null', '{', '[1', '"x"', '', '\0'])('with %j as a body is refused', async (body) => {
    await using server = await open();
    expect((await ask(server.base, '/console/login', { method: 'POST', body })).status).toBe(400);
  });

  it('is slowed down for who guesses, and a right guess tells nothing then', async () => {
    const clock = new FakeClock();
    await using server = await open({ clock });
    const guess = async (password: string) => (await login(server.base, { user: 'operator', password })).status;
    for (let i = 0; i < 10; i++) expect(await guess(`guess ${i}`)).toBe(401);
    expect(await guess('let me act')).toBe(429);
    await clock.advance(5_000);
    expect(await guess('let me act')).toBe(200);
  });

  it('many at once get no more guesses than one after the other', async () => {
    await using server = await open({ clock: new FakeClock() });
    const guesses = Array.from({ length: 40 }, (_, i) => login(server.base, { user: 'guest', password: `${i}` }));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(10);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
  });

  it('by a page of another origin is refused', async () => {
    await using server = await open();
    const given = { user: 'operator', password: 'let me act' };
    expect((await login(server.base, given, { origin: 'https://evil.example.com' })).status).toBe(403);
    expect((await login(server.base, given, { origin: server.base })).status).toBe(200);
  });

  it('ends by a logout, for every copy of the cookie', async () => {
    await using server = await open();
    const { cookie, csrf } = await loggedIn(server.base, 'operator');
    const without = await ask(server.base, '/console/logout', { method: 'POST', headers: { cookie } });
    expect(without.status).toBe(403);
    const headers = { cookie, 'x-tandem-csrf': csrf };
    const out = await ask(server.base, '/console/logout', { method: 'POST', headers });
    expect([out.status, out.headers['set-cookie']?.[0]]).toEqual([200, expect.stringMatching(/=; Max-Age=0;/)]);
    expect((await rpc(server.base, 't.look', headers)).status).toBe(401);
  });

  it('ends when nobody used it for eight hours, and after a week in any case', async () => {
    const clock = new FakeClock();
    await using server = await open({ clock });
    const { cookie } = await loggedIn(server.base, 'guest');
    const isIn = async () => (await ask(server.base, '/metrics', { headers: { cookie } })).status === 200;
    const hour = 3_600_000;
    for (let hours = 0; hours < 167; hours += 7) {
      expect(await isIn()).toBe(true);
      await clock.advance(7 * hour + 1);
    }
    expect(await isIn()).toBe(false);
    const again = await loggedIn(server.base, 'guest');
    await clock.advance(8 * hour + 1);
    expect((await ask(server.base, '/metrics', { headers: { cookie: again.cookie } })).status).toBe(401);
  });
});

describe('who came by cookie', () => {
  it('shows what only the page knows with what changes something', async () => {
    await using server = await open();
    const { cookie, csrf } = await loggedIn(server.base, 'operator');
    expect((await rpc(server.base, 't.change', { cookie })).status).toBe(403);
    expect((await rpc(server.base, 't.change', { cookie, 'x-tandem-csrf': 'guess' })).status).toBe(403);
    expect((await rpc(server.base, 't.change', { cookie, 'x-tandem-csrf': csrf })).status).toBe(200);
    const other = await loggedIn(server.base, 'operator');
    expect((await rpc(server.base, 't.change', { cookie, 'x-tandem-csrf': other.csrf })).status).toBe(403);
  });

  it('from a page of another origin is refused', async () => {
    await using server = await open();
    const { cookie, csrf } = await loggedIn(server.base, 'operator');
    const headers = { cookie, 'x-tandem-csrf': csrf };
    expect((await rpc(server.base, 't.look', { ...headers, origin: 'https://evil.example.com' })).status).toBe(403);
    expect((await rpc(server.base, 't.look', { ...headers, origin: 'null' })).status).toBe(403);
    expect((await rpc(server.base, 't.look', { ...headers, origin: server.base })).status).toBe(200);
  });

  it('with the role view may read and not act; the log says who wanted to', async () => {
    const { logger, lines } = memoryLogger();
    const reading = new TestSubject(method('t.look', () => 'seen'));
    await using server = await openServer(reading, { users, logger });
    const { cookie, csrf } = await loggedIn(server.base, 'guest');
    const headers = { cookie, 'x-tandem-csrf': csrf };
    expect((await rpc(server.base, 't.look', headers)).status).toBe(200);
    await using acting = await open();
    const there = await loggedIn(acting.base, 'guest');
    const asked = await rpc(acting.base, 't.change', { cookie: there.cookie, 'x-tandem-csrf': there.csrf });
    expect(asked.status).toBe(403);
    expect(lines.find(({ message }) => message === 'logged in')?.fields).toMatchObject({
      user: 'guest',
      role: 'view',
      from: expect.stringContaining('127.0.0.1'),
    });
  });

  it.each([
    '',
    'tandem_session=',
    'tandem_session=nonsense',
    '=;;=',
    `tandem_session=${'a'.repeat(43)}`,
  ])('with %j is nobody', async (cookie) => {
    await using server = await open();
    expect((await ask(server.base, '/metrics', { headers: { cookie } })).status).toBe(401);
  });

  it('a bearer token needs no more than itself', async () => {
    await using server = await open({ token: 'a-token-to-act' });
    expect((await rpc(server.base, 't.change', { authorization: 'Bearer a-token-to-act' })).status).toBe(200);
  });
});

describe('sessions', () => {
  it('are bounded: the one that was used longest ago goes', () => {
    const logins = new Logins(new FakeClock(), seededRandom(1));
    const first = logins.open('first', 'view');
    const second = logins.open('second', 'view');
    for (let i = 0; i < 998; i++) logins.open(`user ${i}`, 'view');
    expect(logins.find(first.secret)?.user).toBe('first');
    logins.open('one more', 'view');
    expect(logins.size).toBe(1_000);
    expect(logins.find(second.secret)).toBeUndefined();
    expect(logins.find(first.secret)?.user).toBe('first');
  });
});

describe('passwords', () => {
  it('may be kept as a hash alone', async () => {
    const hash = await hashPassword('correct horse', new Uint8Array(16).fill(7));
    expect(hash).toMatch(/^scrypt:[\w-]{22}:[\w-]{43}$/);
    const passwords = new Passwords({ ann: { hash, role: 'control' } });
    expect(await passwords.roleOf('ann', 'correct horse')).toBe('control');
    expect(await passwords.roleOf('ann', 'wrong horse')).toBeUndefined();
    expect(await passwords.roleOf('bob', 'correct horse')).toBeUndefined();
  });

  it('few at once are looked at: each look costs memory', async () => {
    const hash = await hashPassword('correct horse', new Uint8Array(16).fill(7));
    const passwords = new Passwords({ ann: { hash } });
    const looks = await Promise.all(Array.from({ length: 6 }, () => passwords.roleOf('ann', 'correct horse')));
    expect(looks).toEqual(['view', 'view', 'view', 'view', 'busy', 'busy']);
  });

  it.each([
    ['neither', {}],
    ['both', { password: 'a', hash: 'scrypt:a:b' }],
    ['a hash that is none', { hash: 'secret' }],
  ])('a user with %s is refused', async (_, user) => {
    expect(() => new Passwords({ ann: user })).toThrow(ConfigError);
  });

  it('users are enough for HTTP on all addresses', async () => {
    await using server = await open({ listen: '0.0.0.0:0' });
    expect((await ask(`http://127.0.0.1:${server.port}`, '/metrics')).status).toBe(401);
  });
});
