/** What stopped, killed or bloated another stack (one test each). After each the next call is served. */
import { afterEach, describe, expect, it } from 'vitest';
import type { SipEndpoint } from '../../src/sip/endpoint.ts';
import { address, openLab, reply, write } from './lab.ts';
import { openEndpoint, openTcpPeer, openUdpPeer, type SocketPeer } from './sockets.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const listen = (['udp', 'tcp'] as const).map((transport) => ({ transport, bindHost: '127.0.0.1', bindPort: 0 }));

async function attacked(): Promise<{ endpoint: SipEndpoint; udp: number; tcp: number; peer: SocketPeer }> {
  const endpoint = await openEndpoint(listen);
  const peer = await openUdpPeer('127.0.0.1');
  opened.push(peer, endpoint);
  endpoint.onInvite = (invite) => invite.reject(486);
  const [udp = 0, tcp = 0] = endpoint.listeners.map(({ port }) => port);
  return { endpoint, udp, tcp, peer };
}

let calls = 0;

async function servesTheNextCall({ udp, peer }: { udp: number; peer: SocketPeer }): Promise<void> {
  const branch = `z9hG4bKnext${++calls}`;
  peer.send(write({ callId: branch, via: `SIP/2.0/UDP 127.0.0.1;rport;branch=${branch}` }), udp);
  for (;;) {
    const response = await peer.next();
    if (response.get('Call-ID') !== branch) continue;
    expect(response.what).toBe('486');
    return;
  }
}

const via = 'SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKattack';

describe('one datagram', () => {
  const blanks = ' '.repeat(8_000);
  it.each([
    ['K1: To with blanks', write({ via, to: `<${blanks}` })],
    ['K1: Contact with blanks', write({ via, contact: `<${blanks}` })],
    ['K1: Refer-To with folds', write({ via, headers: [`Refer-To: <${'\r\n '.repeat(2_000)}`] })],
    ['K2: a status line with blanks', `SIP/2.0 200 ${blanks}\nx\ny`],
    ['S1: To with blanks behind the address', write({ via, to: `<sip:a@b>${blanks.repeat(7)}` })],
    ['S1: Authorization of one word', write({ via, headers: [`Authorization: ${'a'.repeat(60_000)}`] })],
    ['nothing but blanks', blanks.repeat(8)],
    ['nothing but zeros', '\0'.repeat(60_000)],
    ['headers named like properties of objects', write({ via, headers: ['__proto__: 1', 'constructor: 2'] })],
    ['tags and branch that hold separators', write({ via: 'SIP/2.0/UDP x|y;branch=|', from: '<sip:a@b>;tag=|' })],
  ])('%s', async (_name, text) => {
    const attack = await attacked();
    attack.peer.send(text, attack.udp);
    await servesTheNextCall(attack);
    expect(attack.endpoint.stats.counters.internalErrors).toBe(0);
  });
});

describe('one TCP connection', () => {
  it.each([
    ['K3: 12,000 heads of one word', 'x\r\n\r\n'.repeat(12_000)],
    ['M1: a Content-Length that is no number, then data', `${write({ length: 'abc' })}${'x'.repeat(1_000_000)}`],
    ['a Content-Length beyond the limit, then data', `${write({ length: '9999999' })}${'x'.repeat(1_000_000)}`],
    ['no Content-Length', write().replace(/Content-Length: 0\r\n/, '')],
    ['a head without end', `INVITE sip:a@b SIP/2.0\r\n${'X-Filler: x\r\n'.repeat(20_000)}`],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ])('%s: it is closed', async (_name, text) => {
    const attack = await attacked();
    const connection = await openTcpPeer('127.0.0.1', attack.tcp);
    connection.send(text);
    await connection.closed;
    await servesTheNextCall(attack);
    expect(attack.endpoint.stats.connections).toBe(0);
    expect(attack.endpoint.stats.counters).toMatchObject({ malformed: 1, internalErrors: 0 });
  });

  it('a body beyond the limit is answered 413 first', async () => {
    const attack = await attacked();
    const connection = await openTcpPeer('127.0.0.1', attack.tcp);
    connection.send(write({ length: '70000', via: 'SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKbig' }));
    expect((await connection.next()).what).toBe('413');
    await connection.closed;
    await servesTheNextCall(attack);
  });

  it('a peer that sends requests and reads no answers is cut off', async () => {
    const attack = await attacked();
    const connection = await openTcpPeer('127.0.0.1', attack.tcp);
    connection.socket.pause();
    let i = 0;
    const flood = (): void => {
      while (!connection.socket.destroyed && i < 200_000) {
        const branch = `z9hG4bKf${i++}`;
        if (
          !connection.socket.write(write({ method: 'OPTIONS', callId: branch, via: `SIP/2.0/TCP h;branch=${branch}` }))
        )
          return;
      }
    };
    connection.socket.on('drain', flood);
    flood();
    while (attack.endpoint.stats.counters.connectionsRefused === 0) await new Promise((next) => setImmediate(next));
    connection.close();
    await servesTheNextCall(attack);
    expect(attack.endpoint.stats.connections).toBe(0);
  });
});

describe('targets of the peer', () => {
  it.each([
    ['K5: a port that does not exist', '<sip:a@1.2.3.4:99999>', 416],
    ['K6: a transport that does not exist', '<sip:x@10.0.0.2;transport=sctp>', 503],
    ['a host name that does not exist', '<sip:x@no.such.name>', 503],
    ['sips', '<sips:x@10.0.0.2>', 503],
    ['tel', '<tel:+4930>', 416],
    ['port 0', '<sip:x@10.0.0.2:0>', 416],
    ['an IPv6 address with nothing to reach it by', '<sip:x@[::1]>', 503],
  ])('%s as Contact of a 200, then our ACK, re-INVITE and BYE', async (_name, contact, status) => {
    const lab = await openLab();
    const client = lab.endpoint.invite({
      uri: 'sip:peer@10.0.0.2:5070',
      from: address('sip:me@10.0.0.1'),
      to: address('sip:peer@10.0.0.2'),
    });
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 200, { contact }));
    const { dialog } = await client.final;
    dialog?.ack();
    const again = dialog?.request('INVITE');
    await lab.clock.advance(1000);
    expect((await again)?.status).toBe(status);
    const bye = dialog?.bye();
    await lab.clock.advance(40_000);
    await bye;
    expect(lab.endpoint.stats).toMatchObject({ dialogs: 0, transactions: 0, timers: 0 });
    expect(lab.endpoint.stats.counters.internalErrors).toBe(0);
    await lab.send(write({ callId: 'next' }));
    expect(lab.last().what).toBe('480');
  });

  it.each([
    ['Contact', { contact: '<sip:x@10.0.0.2;transport=sctp>' }, 503],
    ['Record-Route', { headers: ['Record-Route: <sip:1.2.3.4:99999;lr>'] }, 416],
    ['Record-Route', { headers: ['Record-Route: <http://example.com>'] }, 416],
  ])('%s of an INVITE, then our BYE', async (_name, spec, status) => {
    const lab = await openLab();
    let bye: Promise<void> | undefined;
    const ends: unknown[] = [];
    lab.endpoint.onInvite = (invite) => {
      invite.accept();
      invite.onAck = () => {
        bye = invite.dialog.bye();
      };
      invite.dialog.onEnd = ({ by, response }) => ends.push([by, response?.status]);
    };
    await lab.send(write(spec));
    await lab.send(write({ method: 'ACK', to: lab.last().get('To') }));
    await bye;
    await lab.clock.advance(0);
    expect(ends).toEqual([['local', status]]);
    await lab.clock.advance(40_000);
    expect(lab.endpoint.stats).toMatchObject({ dialogs: 0, transactions: 0, timers: 0 });
  });

  it('K7: a datagram from port 0, or with a Via of port 0, is no reason to stop', async () => {
    const lab = await openLab();
    await lab.send(write(), 0);
    await lab.send(write({ via: 'SIP/2.0/UDP 10.0.0.2:0;branch=z9hG4bK0' }));
    await lab.send(write({ via: 'SIP/2.0/UDP 10.0.0.2:99999;branch=z9hG4bK9' }));
    expect(lab.endpoint.stats.counters).toMatchObject({ dropped: 1, internalErrors: 0 });
    await lab.send(write({ callId: 'next' }));
    expect(lab.last().what).toBe('480');
  });
});

describe('floods', () => {
  it('M2: 20,000 INVITEs that get no more than 100 are gone after the limit', async () => {
    const lab = await openLab({ timers: { timerC: 60_000 } });
    let pending = 0;
    lab.endpoint.onInvite = (invite) => {
      pending++;
      invite.onCancel = () => pending--;
    };
    for (let i = 0; i < 20_000; i++) {
      lab.deliver(write({ callId: `flood-${i}`, branch: `z9hG4bKm2${i}` }));
    }
    await lab.clock.advance(1_000);
    expect(lab.heard().filter((what) => what === '100')).toHaveLength(20_000);
    expect([pending, lab.endpoint.stats.transactions, lab.endpoint.stats.dialogs]).toEqual([20_000, 20_000, 20_000]);
    await lab.clock.advance(59_000);
    expect(lab.heard().filter((what) => what === '408')).toHaveLength(20_000);
    expect([pending, lab.endpoint.stats.dialogs]).toEqual([0, 0]);
    await lab.clock.advance(33_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
    expect(lab.clock.pending).toBe(0);
    await lab.send(write({ callId: 'next' }));
    await lab.clock.advance(200);
    expect(lab.last().what).toBe('100');
  });
});
