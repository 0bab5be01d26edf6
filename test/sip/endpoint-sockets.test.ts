import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { SipEndpoint } from '../../src/sip/endpoint.ts';
import { address, reply, sdp, write } from './lab.ts';
import { openEndpoint, openTcpPeer, openUdpPeer, tcpPeer } from './sockets.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
function closing<T extends { close(): unknown }>(one: T): T {
  opened.push(one);
  return one;
}

const portOf = (endpoint: SipEndpoint, index = 0): number => endpoint.listeners[index]?.port ?? 0;

describe.each([
  ['udp', '127.0.0.1'],
  ['udp', '::1'],
  ['udp', '0.0.0.0'],
  ['tcp', '127.0.0.1'],
  ['tcp', '::1'],
  ['tcp', '0.0.0.0'],
] as const)('two endpoints over %s at %s', (transport, bindHost) => {
  it('make a call, re-INVITE and end it, and leave nothing', async () => {
    const listen = [{ transport, bindHost, bindPort: 0 }];
    const a = closing(await openEndpoint(listen));
    const b = closing(await openEndpoint(listen));
    const host = bindHost === '::1' ? '[::1]' : '127.0.0.1';
    const ends: string[] = [];
    const acked = new Promise<void>((resolve) => {
      b.onInvite = (invite) => {
        invite.provisional(180);
        invite.accept({ contentType: 'application/sdp', body: Buffer.from(sdp) });
        invite.onAck = () => resolve();
        invite.dialog.onEnd = ({ by }) => ends.push(by);
        invite.dialog.onRequest = (request) => request.respond(200);
      };
    });
    const client = a.invite({
      uri: `sip:b@${host}:${portOf(b)};transport=${transport}`,
      from: address('sip:a@example.com'),
      to: address('sip:b@example.com'),
      contactUser: 'a',
    });
    const { response, dialog } = await client.final;
    expect([response.status, Buffer.from(response.body).toString()]).toEqual([200, sdp]);
    dialog?.ack();
    await acked;
    expect((await dialog?.request('INVITE'))?.status).toBe(200);
    dialog?.ack();
    await dialog?.bye();
    expect(ends).toEqual(['remote']);
    // A wildcard is no address to give to anybody: this peer is told the one that faces it.
    expect(dialog?.localContact).toContain(`sip:a@${host}:${portOf(a)}`);
    expect([a.stats.dialogs, b.stats.dialogs]).toEqual([0, 0]);
    expect([a.stats.connections, b.stats.connections]).toEqual(transport === 'tcp' ? [1, 1] : [0, 0]);
    await a.close();
    await b.close();
    for (const { stats } of [a, b]) expect(stats).toMatchObject({ transactions: 0, connections: 0, timers: 0 });
  });
});

describe('listeners', () => {
  it('say what is in use, with transport, host and port', async () => {
    for (const transport of ['udp', 'tcp'] as const) {
      const first = closing(await openEndpoint([{ transport, bindHost: '127.0.0.1', bindPort: 0 }]));
      const port = portOf(first);
      await expect(openEndpoint([{ transport, bindHost: '127.0.0.1', bindPort: port }])).rejects.toMatchObject({
        code: 'ERR_PORT_IN_USE',
        facts: { transport, host: '127.0.0.1', port },
      });
    }
  });

  it('open all or none', async () => {
    const first = closing(await openEndpoint([{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }]));
    const probe = await openEndpoint([{ transport: 'tcp', bindHost: '127.0.0.1', bindPort: 0 }]);
    const free = portOf(probe);
    await probe.close();
    const both = [
      { transport: 'tcp', bindHost: '127.0.0.1', bindPort: free },
      { transport: 'udp', bindHost: '127.0.0.1', bindPort: portOf(first) },
    ] as const;
    await expect(openEndpoint(both)).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE' });
    closing(await openEndpoint([both[0]]));
  });

  it('refuse an address this machine does not have', async () => {
    await expect(openEndpoint([{ transport: 'udp', bindHost: '192.0.2.1', bindPort: 0 }])).rejects.toMatchObject({
      code: 'ERR_LISTEN',
    });
  });

  it('show the granted receive buffer and the external address', async () => {
    const endpoint = closing(
      await openEndpoint([
        { transport: 'udp', bindHost: '127.0.0.1', bindPort: 0, externalHost: 'sip.example.com', externalPort: 5062 },
      ]),
    );
    expect(endpoint.listeners[0]).toMatchObject({ externalHost: 'sip.example.com', externalPort: 5062 });
    expect(endpoint.listeners[0]?.receiveBuffer).toBeGreaterThan(0);
    const peer = closing(await openUdpPeer('127.0.0.1'));
    endpoint.onInvite = (invite) => invite.accept();
    peer.send(write({ via: 'SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKe' }), portOf(endpoint));
    expect((await peer.next()).get('Contact')).toBe('<sip:1000@sip.example.com:5062>');
  });
});

describe('UDP', () => {
  it('answers where the request came from when rport asks for it, IPv6 in brackets', async () => {
    const endpoint = closing(await openEndpoint([{ transport: 'udp', bindHost: '::1', bindPort: 0 }]));
    const peer = closing(await openUdpPeer('::1'));
    peer.send(
      write({ method: 'OPTIONS', via: 'SIP/2.0/UDP [2001:db8::9]:5070;rport;branch=z9hG4bKv6' }),
      portOf(endpoint),
    );
    const response = await peer.next();
    expect(response.what).toBe('200');
    expect(response.get('Via')).toBe(`SIP/2.0/UDP [2001:db8::9]:5070;rport=${peer.port};branch=z9hG4bKv6;received=::1`);
  });

  it('answers a burst without losing or repeating one', async () => {
    const endpoint = closing(await openEndpoint([{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }]));
    const peer = closing(await openUdpPeer('127.0.0.1'));
    const count = 100;
    const via = (i: number) => `SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKburst${i}`;
    for (let i = 0; i < count; i++)
      peer.send(write({ method: 'OPTIONS', callId: `c${i}`, via: via(i) }), portOf(endpoint));
    const calls = new Set<string>();
    for (let i = 0; i < count; i++) calls.add((await peer.next()).get('Call-ID'));
    expect(calls.size).toBe(count);
    expect(endpoint.stats.counters).toMatchObject({ retransmissionsReceived: 0, dropped: 0 });
  });

  it('ignores keep-alives', async () => {
    const endpoint = closing(await openEndpoint([{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }]));
    const peer = closing(await openUdpPeer('127.0.0.1'));
    for (const text of ['', '\r\n', '\r\n\r\n', '\0\0\0\0']) peer.send(text, portOf(endpoint));
    peer.send(write({ method: 'OPTIONS', via: 'SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKk' }), portOf(endpoint));
    expect((await peer.next()).what).toBe('200');
    expect(endpoint.stats.counters).toMatchObject({ malformed: 0, received: 1 });
  });
});

describe('TCP', () => {
  const via = (branch: string): string => `SIP/2.0/TCP 127.0.0.1:5070;branch=${branch}`;
  const listen = [{ transport: 'tcp', bindHost: '127.0.0.1', bindPort: 0 }] as const;

  it('answers on the connection, byte by byte or many at once, and a ping with a pong', async () => {
    const endpoint = closing(await openEndpoint(listen));
    const peer = closing(await openTcpPeer('127.0.0.1', portOf(endpoint)));
    const options = (i: number) => write({ method: 'OPTIONS', callId: `c${i}`, via: via(`z9hG4bKt${i}`) });
    for (const byte of Buffer.from(options(1))) peer.send(Uint8Array.of(byte));
    expect((await peer.next()).get('Call-ID')).toBe('c1');
    peer.send(options(2) + options(3) + options(4));
    const answered = [await peer.next(), await peer.next(), await peer.next()];
    expect(answered.map((one) => one.get('Call-ID'))).toEqual(['c2', 'c3', 'c4']);
    const pong = new Promise<string>((resolve) => peer.socket.once('data', (bytes) => resolve(bytes.toString())));
    peer.send('\r\n\r\n');
    expect(await pong).toBe('\r\n');
  });

  it('sends requests in the dialog on the connection it came by', async () => {
    const endpoint = closing(await openEndpoint(listen));
    const peer = closing(await openTcpPeer('127.0.0.1', portOf(endpoint)));
    let bye: Promise<void> | undefined;
    endpoint.onInvite = (invite) => {
      invite.onAck = () => {
        bye = invite.dialog.bye();
      };
      invite.accept();
    };
    // Nobody listens at this Contact.
    peer.send(write({ via: via('z9hG4bKd'), contact: '<sip:phone@127.0.0.1:9;transport=tcp>' }));
    const ok = await peer.next();
    peer.send(write({ method: 'ACK', to: ok.get('To'), via: via('z9hG4bKack') }));
    const request = await peer.next();
    expect(request.what).toBe('BYE');
    peer.send(reply(request, 200));
    await bye;
    expect(endpoint.stats).toMatchObject({ connections: 1, dialogs: 0 });
  });

  it('opens a new connection to the sent-by port for a response whose connection is gone', async () => {
    const endpoint = closing(await openEndpoint(listen));
    const server = createServer();
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing({ close: () => new Promise((resolve) => server.close(resolve)) });
    const { port } = server.address() as AddressInfo;

    const peer = await openTcpPeer('127.0.0.1', portOf(endpoint));
    const invited = new Promise<void>((resolve) => {
      endpoint.onInvite = (invite) => {
        const poll = (): void => {
          if (endpoint.stats.connections > 0) setImmediate(poll);
          else invite.reject(486);
        };
        poll();
        resolve();
      };
    });
    peer.send(write({ via: `SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKgone` }));
    await invited;
    peer.close();
    const again = closing(tcpPeer(await accepted));
    expect((await again.next()).what).toBe('486');
  });

  it('503 when nobody listens there', async () => {
    const endpoint = closing(await openEndpoint(listen));
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const response = await endpoint.request({
      method: 'OPTIONS',
      uri: `sip:127.0.0.1:${port};transport=tcp`,
      from: address('sip:a@b'),
      to: address('sip:b@b'),
    });
    expect(response.status).toBe(503);
    expect(endpoint.stats).toMatchObject({ transactions: 0, connections: 0 });
  });

  it('takes a request that is too large for a datagram, and UDP where there is no TCP after all', async () => {
    const both = (port: number) => [
      { transport: 'udp' as const, bindHost: '127.0.0.1', bindPort: port },
      { transport: 'tcp' as const, bindHost: '127.0.0.1', bindPort: port },
    ];
    const a = closing(await openEndpoint(both(0)));
    const b = closing(await openEndpoint(both(0)));
    const request = (port: number, size: number) =>
      a.request({
        method: 'OPTIONS',
        uri: `sip:127.0.0.1:${port}`,
        from: address('sip:a@b'),
        to: address('sip:b@b'),
        headers: [['X-Padding', 'x'.repeat(size)]],
      });
    const seen: string[] = [];
    b.onOptions = (options) => {
      seen.push(options.headers.via[0]?.protocol ?? '');
      return { status: 200 };
    };
    // b's TCP listener has a port of its own: at its UDP port nobody accepts connections.
    expect((await request(portOf(b, 0), 100)).status).toBe(200);
    expect((await request(portOf(b, 0), 1_400)).status).toBe(200);
    expect((await request(portOf(b, 1), 1_400)).status).toBe(200);
    expect(seen).toEqual(['UDP', 'UDP', 'TCP']);
  });

  it('closes with connections open on both sides', async () => {
    const endpoint = await openEndpoint(listen);
    const peers = await Promise.all([1, 2, 3].map(() => openTcpPeer('127.0.0.1', portOf(endpoint))));
    peers[0]?.send('INVITE half');
    await endpoint.close();
    await Promise.all(peers.map((peer) => peer.closed));
    expect(endpoint.stats).toMatchObject({ connections: 0, timers: 0 });
  });
});
