import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import type { ListenOptions, SipEndpoint, SipEndpointOptions } from '../../src/sip/endpoint.ts';
import type { HttpTaker } from '../../src/sip/transport/network.ts';
import { TestAuthority } from '../helpers/certificates.ts';
import { address, read, reply, write } from './lab.ts';
import { openEndpoint, tcpPeer } from './sockets.ts';

const authority = new TestAuthority();
const { ca } = authority;
const own = authority.issue('IP:127.0.0.1', 'IP:::1', 'DNS:localhost');
afterAll(() => authority[Symbol.dispose]());

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(listen: Partial<ListenOptions>[], options: Partial<SipEndpointOptions> = {}) {
  const full = listen.map((one) => ({ transport: 'tls' as const, bindHost: '127.0.0.1', bindPort: 0, ...one }));
  const endpoint = await openEndpoint(full, { tls: { ca }, ...options });
  opened.push(endpoint);
  return endpoint;
}

const tls = { ...own, ca };
const portOf = (endpoint: SipEndpoint, index = 0): number => endpoint.listeners[index]?.port ?? 0;
const names = { from: address('sip:a@example.com'), to: address('sip:b@example.com') };
const ask = (endpoint: SipEndpoint, uri: string) => endpoint.request({ ...names, method: 'OPTIONS', uri });

/** A call with a re-INVITE, hung up by the side that was called. */
async function callAndBack(a: SipEndpoint, b: SipEndpoint, uri: string): Promise<{ contacts: string[] }> {
  const contacts: string[] = [];
  const called = Promise.withResolvers<void>();
  b.onInvite = (invite) => {
    invite.provisional(180);
    invite.accept();
    invite.onAck = () => {
      contacts.push(invite.dialog.localContact, invite.dialog.remoteTarget);
      invite.dialog.bye().then(called.resolve, called.reject);
    };
  };
  const { response, dialog } = await a.invite({ ...names, uri, contactUser: 'a' }).final;
  expect(response.status).toBe(200);
  dialog?.ack();
  await called.promise;
  expect([a.stats.dialogs, b.stats.dialogs]).toEqual([0, 0]);
  return { contacts };
}

describe.each([
  ['tls', '127.0.0.1'],
  ['tls', '::1'],
  ['ws', '127.0.0.1'],
  ['ws', '::1'],
  ['wss', '127.0.0.1'],
  ['wss', '::1'],
] as const)('over %s at %s', (transport, bindHost) => {
  const listener = { transport, bindHost, ...(transport === 'ws' ? {} : { tls }) };
  const host = bindHost === '::1' ? '[::1]' : bindHost;
  const uriOf = (endpoint: SipEndpoint): string => `sip:b@${host}:${portOf(endpoint)};transport=${transport}`;

  it('two that listen call each other, on one connection', async () => {
    const [a, b] = [await open([listener]), await open([listener])];
    const param = transport === 'tls' ? 'tls' : 'ws';
    const { contacts } = await callAndBack(a, b, uriOf(b));
    expect(contacts).toEqual([
      `sip:b@${host}:${portOf(b)};transport=${param}`,
      `sip:a@${host}:${portOf(a)};transport=${param}`,
    ]);
    expect([a.stats.connections, b.stats.connections]).toEqual([1, 1]);
    await a.close();
    await b.close();
    for (const { stats } of [a, b]) expect(stats).toMatchObject({ transactions: 0, connections: 0, timers: 0 });
  });

  it('one that listens on UDP alone calls, names its end of the connection, and is hung up over it', async () => {
    const [a, b] = [await open([{ transport: 'udp', bindHost }]), await open([listener])];
    const { contacts } = await callAndBack(a, b, uriOf(b));
    const [, peer] = contacts;
    expect(peer).toMatch(/^sip:a@(127\.0\.0\.1|\[::1\]):\d+;transport=(tls|ws)$/);
    expect(peer).not.toContain(`:${portOf(a)}`);
    expect(b.stats.connections).toBe(1);
  });

  it('a message larger than one read arrives whole', async () => {
    const [a, b] = [await open([listener]), await open([listener])];
    const seen = Promise.withResolvers<number>();
    b.onOptions = (request) => {
      seen.resolve(request.body.length);
      return { status: 200, body: request.body };
    };
    const body = new Uint8Array(60_000).fill(0x61);
    const response = await a.request({ ...names, method: 'OPTIONS', uri: uriOf(b), body });
    expect([await seen.promise, response.body.length]).toEqual([60_000, 60_000]);
  });
});

describe('sips', () => {
  it('is TLS, and so is the Contact of both sides', async () => {
    const [a, b] = [await open([{ tls }]), await open([{ tls }])];
    const { contacts } = await callAndBack(a, b, `sips:b@127.0.0.1:${portOf(b)}`);
    expect(contacts).toEqual([`sips:b@127.0.0.1:${portOf(b)}`, `sips:a@127.0.0.1:${portOf(a)}`]);
  });

  it('over WebSocket is WSS', async () => {
    const [a, b] = [await open([{ transport: 'udp' }]), await open([{ transport: 'wss', tls }])];
    const { contacts } = await callAndBack(a, b, `sips:b@127.0.0.1:${portOf(b)};transport=ws`);
    expect(contacts[0]).toBe(`sips:b@127.0.0.1:${portOf(b)};transport=ws`);
  });
});

describe('certificates', () => {
  const serverFor = async (...of: readonly string[]): Promise<SipEndpoint> =>
    open([{ tls: { ...authority.issue(...of), ca } }]);

  it.each([
    ['the host', ['IP:127.0.0.1'], 200],
    ['the host as a SIP domain (RFC 5922)', ['URI:sip:127.0.0.1'], 200],
    ['somebody else', ['DNS:other.example.com'], 503],
    ['a user of the host, which stands for nobody but him', ['URI:sip:x@127.0.0.1'], 503],
  ])('of %s', async (_, of, status) => {
    const [a, b] = [await open([{ transport: 'udp' }]), await serverFor(...of)];
    expect((await ask(a, `sips:127.0.0.1:${portOf(b)}`)).status).toBe(status);
  });

  it('of a name that DNS led to an address for', async () => {
    const resolver = { lookup: async () => [{ address: '127.0.0.1', family: 4 as const }] };
    const [a, b] = [await open([{ transport: 'udp' }], { resolver }), await serverFor('DNS:sip.example.com')];
    expect((await ask(a, `sips:sip.example.com:${portOf(b)}`)).status).toBe(200);
    expect((await ask(a, `sips:sip2.example.com:${portOf(b)}`)).status).toBe(503);
  });

  it('that nobody knows are refused, unless any will do', async () => {
    const b = await open([{ tls }]);
    const uri = `sips:127.0.0.1:${portOf(b)}`;
    expect((await ask(await open([{ transport: 'udp' }], { tls: {} }), uri)).status).toBe(503);
    expect((await ask(await open([{ transport: 'udp' }], { tls: { insecure: true } }), uri)).status).toBe(200);
  });

  it('are chosen by the name that is asked for', async () => {
    const [one, all] = [authority.issue('DNS:one.example.com'), authority.issue('DNS:*.example.org')];
    const b = await open([{ tls: { ...tls, names: { 'one.example.com': one, '*.example.org': all } } }]);
    const subject = async (servername?: string): Promise<string | undefined> => {
      const socket = connect({
        host: '127.0.0.1',
        port: portOf(b),
        ca,
        rejectUnauthorized: false,
        ...(servername ? { servername } : {}),
      });
      opened.push({ close: () => socket.destroy() });
      await once(socket, 'secureConnect');
      return socket.getPeerCertificate().subjectaltname;
    };
    expect(await subject('one.example.com')).toBe('DNS:one.example.com');
    expect(await subject('ONE.example.com')).toBe('DNS:one.example.com');
    expect(await subject('x.example.org')).toBe('DNS:*.example.org');
    expect(await subject('x.y.example.org')).toContain('localhost');
    expect(await subject()).toContain('localhost');
  });

  it.each(['tls', 'wss'] as const)('change without a restart on %s, and calls go on', async (transport) => {
    const b = await open([{ transport, tls }]);
    const port = portOf(b);
    const serial = async (): Promise<[TLSSocket, string]> => {
      const socket = connect({ host: '127.0.0.1', port, ca });
      opened.push({ close: () => socket.destroy() });
      await once(socket, 'secureConnect');
      return [socket, socket.getPeerCertificate().serialNumber];
    };
    const [before, first] = await serial();
    b.secure({ ...authority.issue('IP:127.0.0.1'), ca });
    const [, second] = await serial();
    expect(second).not.toBe(first);
    if (transport === 'tls') {
      const peer = tcpPeer(before);
      peer.send(write({ method: 'OPTIONS', via: 'SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKold' }));
      expect((await peer.next()).what).toBe('200');
    }
    expect(() => b.secure({ cert: 'nonsense', key: own.key })).toThrow(expect.objectContaining({ code: 'ERR_TLS' }));
    expect(() => b.secure({ cert: own.cert, key: authority.issue('IP:::1').key })).toThrow(/cannot be used/);
    expect((await serial())[1]).toBe(second);
  });

  it('of no use let nothing start', async () => {
    await expect(open([{ tls: { cert: 'x', key: 'y' } }])).rejects.toMatchObject({ code: 'ERR_TLS' });
    await expect(open([{ transport: 'wss' }])).rejects.toMatchObject({ code: 'ERR_TLS' });
  });

  it.each([
    ['required', 'none', 503],
    ['required', 'stranger', 503],
    ['required', 'known', 200],
    ['optional', 'none', 200],
    ['optional', 'stranger', 503],
    ['optional', 'known', 200],
  ] as const)('of clients: %s, and the client shows %s', async (clients, shown, status) => {
    const b = await open([{ tls: { ...tls, clients } }]);
    using strange = new TestAuthority();
    const certificate =
      shown === 'none' ? undefined : (shown === 'known' ? authority : strange).issue('DNS:client.example.com');
    const a = await open([{ transport: 'udp' }], { tls: { ca, ...(certificate ? { certificate } : {}) } });
    expect((await ask(a, `sips:127.0.0.1:${portOf(b)}`)).status).toBe(status);
  });
});

describe('whoever is no TLS client', () => {
  it('costs nothing and hears nothing', async () => {
    const b = await open([{ tls }]);
    const [plain, silentOne] = [connectPlain(b), connectPlain(b)];
    plain.send('OPTIONS sip:x SIP/2.0\r\n\r\n');
    await plain.closed;
    expect(b.stats.connections).toBe(0);
    expect((await ask(await open([{ transport: 'udp' }]), `sips:127.0.0.1:${portOf(b)}`)).status).toBe(200);
    silentOne.close();
  });

  it('and a server that speaks no TLS is a 503, at once', async () => {
    const [a, b] = [await open([{ transport: 'udp' }]), await open([{ transport: 'tcp' }])];
    expect((await ask(a, `sips:127.0.0.1:${portOf(b)}`)).status).toBe(503);
    expect(a.stats).toMatchObject({ connections: 0, transactions: 0 });
  });
});

describe('WebSocket', () => {
  const socketTo = (endpoint: SipEndpoint, protocol: string | undefined, origin?: string): WebSocket => {
    const options = origin === undefined ? {} : { origin };
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(endpoint)}/`, protocol, options);
    socket.on('error', () => {});
    opened.push({ close: () => socket.terminate() });
    return socket;
  };
  const refusal = async (socket: WebSocket): Promise<number | undefined> => {
    const [, response] = await once(socket, 'unexpected-response');
    return response.statusCode;
  };
  const via = (host = 'df7jal23ls0d.invalid'): string => `SIP/2.0/WS ${host};branch=z9hG4bK${Math.random()}`;
  const next = async (socket: WebSocket) => {
    const [data] = (await once(socket, 'message')) as [RawData];
    return read(data.toString());
  };

  it('is for the subprotocol sip', async () => {
    const b = await open([{ transport: 'ws' }]);
    const socket = socketTo(b, 'sip');
    await once(socket, 'open');
    expect(socket.protocol).toBe('sip');
    expect(await refusal(socketTo(b, 'chat'))).toBe(400);
    expect(await refusal(socketTo(b, undefined))).toBe(400);
    const page = await fetch(`http://127.0.0.1:${portOf(b)}/`);
    expect(page.status).toBe(426);
  });

  it('is for the pages that are listed', async () => {
    const b = await open([{ transport: 'ws', origins: ['https://phone.example.com'] }]);
    expect(await refusal(socketTo(b, 'sip', 'https://evil.example.com'))).toBe(403);
    expect(await refusal(socketTo(b, 'sip'))).toBe(403);
    await once(socketTo(b, 'sip', 'https://phone.example.com'), 'open');
    expect(b.stats.counters.strangePages).toBe(2);
  });

  it('lets somebody else take what is no SIP', async () => {
    const asked: string[] = [];
    const http: HttpTaker = {
      request: ({ url }, response) => {
        asked.push(`request ${url}`);
        response.end('a page');
      },
      upgrade: ({ url }, socket) => {
        asked.push(`upgrade ${url}`);
        socket.end('HTTP/1.1 418 no\r\n\r\n');
      },
    };
    const b = await open([{ transport: 'ws', http }]);
    expect(await (await fetch(`http://127.0.0.1:${portOf(b)}/page`)).text()).toBe('a page');
    expect(await refusal(socketTo(b, undefined))).toBe(418);
    expect(await refusal(socketTo(b, 'chat'))).toBe(418);
    const socket = socketTo(b, 'sip');
    await once(socket, 'open');
    expect([socket.protocol, asked]).toEqual(['sip', ['request /page', 'upgrade /', 'upgrade /']]);
  });

  it('does not wait for what somebody else took when it closes', async () => {
    const taken = Promise.withResolvers<Duplex>();
    const http: HttpTaker = { request: () => {}, upgrade: (_, socket) => taken.resolve(socket) };
    const b = await open([{ transport: 'ws', http }]);
    socketTo(b, 'chat');
    const socket = await taken.promise;
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    await b.close();
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('a browser that no name leads to is called back on its connection', async () => {
    const b = await open([{ transport: 'ws' }]);
    const socket = socketTo(b, 'sip');
    await once(socket, 'open');
    b.onInvite = (invite) => {
      invite.accept();
      invite.onAck = () => void invite.dialog.request('INFO').then(() => invite.dialog.bye());
    };
    const contact = '<sip:me@df7jal23ls0d.invalid;transport=ws>';
    socket.send(write({ via: via(), contact }));
    const trying = await next(socket);
    const ok = trying.what === '100' ? await next(socket) : trying;
    expect(ok.what).toBe('200');
    socket.send(write({ method: 'ACK', via: via(), contact: undefined, to: ok.get('To') }));
    const info = await next(socket);
    expect(info.text).toMatch(/^INFO sip:me@df7jal23ls0d\.invalid;transport=ws SIP\/2\.0\r\nVia: SIP\/2\.0\/WS /);
    socket.send(reply(info, 200));
    const bye = await next(socket);
    expect(bye.what).toBe('BYE');
    socket.send(reply(bye, 200));
    await expect.poll(() => b.stats.dialogs).toBe(0);
  });

  it.each([
    ['text', (text: string): string | Buffer => text],
    ['binary', (text: string): string | Buffer => Buffer.from(text)],
    ['without Content-Length', (text: string): string | Buffer => text.replace(/Content-Length.*\r\n/, '')],
    ['in fragments', (text: string): string | Buffer => text],
  ])('takes a message as %s', async (how, made) => {
    const b = await open([{ transport: 'ws' }]);
    const socket = socketTo(b, 'sip');
    await once(socket, 'open');
    const message = made(write({ method: 'OPTIONS', via: via() }));
    if (how === 'in fragments') {
      socket.send(message.slice(0, 100), { fin: false });
      socket.send(message.slice(100), { fin: true });
    } else socket.send(message);
    expect((await next(socket)).what).toBe('200');
  });

  it('answers a keep-alive and goes on after nonsense', async () => {
    const b = await open([{ transport: 'ws' }]);
    const socket = socketTo(b, 'sip');
    await once(socket, 'open');
    socket.send('\r\n\r\n');
    const [data] = (await once(socket, 'message')) as [RawData];
    expect(data.toString()).toBe('\r\n');
    socket.send('what is this');
    socket.send(write({ method: 'OPTIONS', via: via() }));
    expect((await next(socket)).what).toBe('200');
    expect(b.stats.counters.malformed).toBe(1);
  });

  it('a frame beyond all bounds ends the connection', async () => {
    const b = await open([{ transport: 'ws' }]);
    const socket = socketTo(b, 'sip');
    await once(socket, 'open');
    socket.send('x'.repeat(1_000_000));
    const [code] = await once(socket, 'close');
    expect(code).toBe(1009);
    await expect.poll(() => b.stats.connections).toBe(0);
  });
});

function connectPlain(endpoint: SipEndpoint) {
  const peer = tcpPeer(createConnection({ host: '127.0.0.1', port: portOf(endpoint) }));
  opened.push(peer);
  return peer;
}
