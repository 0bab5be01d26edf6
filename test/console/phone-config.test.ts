import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type IceServer, iceHeader, iceServersFor, phoneConfigRoute } from '../../src/console/phone-config.ts';
import type { PhoneConfig } from '../../src/console/protocol.ts';
import { ask, openServer, TestSubject } from '../control/http/support.ts';

const now = 1_800_000_000_000;
const clock = { wallclock: () => now };
const stun: IceServer = { urls: 'stun:stun.example.com' };
const turn: IceServer = { urls: ['turn:turn.example.com', 'stun:turn.example.com'], secret: 'shared', ttl: 600 };

const listeners = () =>
  [
    { transport: 'udp', host: '0.0.0.0', port: 5060, externalHost: '192.0.2.1' },
    { transport: 'ws', host: '0.0.0.0', port: 5066, externalHost: '192.0.2.1' },
    { transport: 'wss', host: '0.0.0.0', port: 8443, externalHost: '192.0.2.1' },
  ] as const;

async function configOf(
  options: Partial<Parameters<typeof phoneConfigRoute>[0]>,
  headers = {},
  users: Readonly<Record<string, { password: string }>> = { ann: { password: 'pw' } },
): Promise<PhoneConfig> {
  const route = phoneConfigRoute({ iceServers: [], clock, listeners, ...options });
  const site = { routes: [route], sockets: [], close: () => {} };
  await using server = await openServer(new TestSubject(), { users, token: 'a-token', site });
  const { status, text } = await ask(server.base, '/phone/config', { headers });
  expect(status).toBe(200);
  return JSON.parse(text) as PhoneConfig;
}

describe('what the softphone is told', () => {
  it('where SIP is, by the name that the page was asked for', async () => {
    const { servers, domain } = await configOf({}, { host: 'pbx.example.com:8080' });
    expect(servers).toEqual(['ws://pbx.example.com:5066/ws', 'wss://pbx.example.com:8443/ws']);
    expect(domain).toBe('pbx.example.com');
  });

  it('as the settings say, where they do', async () => {
    const said = { servers: ['wss://edge.example.com/sip'], domain: 'example.com' };
    expect(await configOf(said)).toMatchObject(said);
  });

  it('of a listener on one address, that address', async () => {
    const one = () => [{ transport: 'ws', host: '10.0.0.5', port: 5066, externalHost: 'pbx.example.com' }] as const;
    expect((await configOf({ listeners: one })).servers).toEqual(['ws://pbx.example.com:5066/ws']);
  });

  it('IPv6 addresses in brackets', async () => {
    const { servers, domain } = await configOf({}, { host: '[2001:db8::1]:8080' });
    expect([servers[0], domain]).toEqual(['ws://[2001:db8::1]:5066/ws', '2001:db8::1']);
  });

  it('credentials for TURN are for who is known, and end', async () => {
    const iceServers = [stun, turn];
    const stranger = await configOf({ iceServers });
    expect(stranger.iceServers).toEqual([{ urls: ['stun:stun.example.com'] }, { urls: ['stun:turn.example.com'] }]);
    const known = await configOf({ iceServers }, { authorization: 'Bearer a-token' });
    const username = `${now / 1000 + 600}:token`;
    const credential = createHmac('sha1', 'shared').update(username).digest('base64');
    expect(known.iceServers).toEqual([
      { urls: ['stun:stun.example.com'] },
      { urls: ['turn:turn.example.com', 'stun:turn.example.com'], username, credential },
    ]);
    expect(JSON.stringify(known)).not.toContain('shared');
  });

  it('fixed credentials are handed on as they are', () => {
    const fixed = { urls: 'turns:turn.example.com', username: 'u', credential: 'c' };
    expect(iceServersFor([fixed], '5001', clock)).toEqual([{ ...fixed, urls: ['turns:turn.example.com'] }]);
  });

  it('who registered is told in the answer, in his own name', () => {
    const told = JSON.parse(Buffer.from(iceHeader([turn], '5001', clock), 'base64url').toString());
    expect(told).toEqual(iceServersFor([turn], '5001', clock));
    expect(told[0].username).toMatch(/:5001$/);
    expect(iceHeader([turn], '5001', clock)).toMatch(/^[\w-]+$/);
  });
});
