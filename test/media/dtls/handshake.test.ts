import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ByteReader, concat, vector16 } from '../../../media/dtls/bytes.ts';
import { type DtlsSrtpProfile, profileIds } from '../../../media/dtls/handshake.ts';
import { fingerprintOf, isVouchedFor } from '../../../media/dtls/identity.ts';
import { clientHello, handshakeTypes, readClientHello, readServerHello } from '../../../media/dtls/messages.ts';
import { Outgoing } from '../../../media/dtls/outgoing.ts';
import { handshakeHeaderBytes, Reassembly, wholeMessage } from '../../../media/dtls/reassembly.ts';
import { contentTypes, readRecords, recordHeaderBytes } from '../../../media/dtls/records.ts';
import type { DtlsFingerprint, DtlsRole } from '../../../media/dtls/types.ts';
import { masterBytes, type SrtpProfile } from '../../../media/srtp/profiles.ts';
import { End, identities, Pair } from './pair.ts';

const profiles = Object.keys(profileIds) as DtlsSrtpProfile[];
const roles = ['client', 'server'] as const satisfies readonly DtlsRole[];
const other = (role: DtlsRole): DtlsRole => (role === 'client' ? 'server' : 'client');
const states = ({ client, server }: Pair): string[] => [client.endpoint.state, server.endpoint.state];

/** The handshake messages of a flight in the clear. */
function messagesOf(datagrams: readonly Uint8Array[]): { type: number; body: Uint8Array }[] {
  const reassembly = new Reassembly();
  for (const { type, epoch, fragment } of datagrams.flatMap(readRecords))
    if (type === contentTypes.handshake && epoch === 0) reassembly.add(new ByteReader(fragment), () => true);
  return Array.from({ length: 9 }, () => reassembly.take()).filter((message) => message !== undefined);
}

function helloOf(client: End): Uint8Array {
  client.endpoint.start(0);
  return client.take()[0]!;
}

/** A ClientHello with more in it, in as many datagrams as it takes. */
function helloWith(extensions: readonly (readonly [number, Uint8Array])[], mtu = 1200): Uint8Array[] {
  const hello = readClientHello(messagesOf([helloOf(new End('client'))])[0]!.body)!;
  const body = clientHello({ ...hello, extensions: new Map([...hello.extensions, ...extensions]) });
  const whole = wholeMessage(handshakeTypes.clientHello, 0, body);
  return new Outgoing(mtu).flight([{ kind: 'handshake', epoch: 0, whole }]);
}

describe('A handshake', () => {
  it.each(profiles)('ends with the keys of both sides for %s', (profile) => {
    const { client, server } = new Pair({ server: { profiles: [profile] } }).run();
    expect(client.keys?.profile).toBe(profile);
    expect(server.keys?.profile).toBe(profile);
    expect(client.keys?.remote).toEqual([server.keys?.local]);
    expect(server.keys?.remote).toEqual([client.keys?.local]);
    expect(client.keys?.local).not.toEqual(server.keys?.local);
    expect(Buffer.from(client.keys?.local.inline ?? '', 'base64')).toHaveLength(masterBytes(profile));
  });

  it('takes the server’s preference of what the client offers', () => {
    const order: DtlsSrtpProfile[] = ['AEAD_AES_256_GCM', 'AES_CM_128_HMAC_SHA1_80'];
    const pair = new Pair({ client: { profiles: order.toReversed() }, server: { profiles: order } }).run();
    expect(pair.client.keys?.profile).toBe('AEAD_AES_256_GCM');
    expect(new Pair().run().client.keys?.profile).toBe('AES_CM_128_HMAC_SHA1_80');
  });

  it('fails without a profile in common', () => {
    const pair = new Pair({
      client: { profiles: ['AEAD_AES_128_GCM'] },
      server: { profiles: ['AEAD_AES_256_GCM'] },
    }).run();
    expect(pair.server.message).toContain('no SRTP profile in common');
    expect(pair.client.events).toEqual(['ERR_DTLS_ALERT']);
    expect(pair.client.message).toContain('handshakeFailure');
  });

  it('has nothing to do with profiles that DTLS has no number for', () => {
    const all: SrtpProfile[] = ['AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM'];
    expect(new Pair({ client: { profiles: all } }).run().server.keys?.profile).toBe('AEAD_AES_128_GCM');
    expect(() => new End('client', { profiles: ['AES_256_CM_HMAC_SHA1_80'] })).toThrow(/needs a profile/);
  });

  it('has other keys each time', () => {
    const [one, another] = [new Pair({ seed: 1 }).run(), new Pair({ seed: 2 }).run()];
    expect(one.client.keys?.local).not.toEqual(another.client.keys?.local);
  });

  it('goes into datagrams of 300 bytes', () => {
    let longest = 0;
    const path = (datagram: Uint8Array): number[] => {
      longest = Math.max(longest, datagram.length);
      return [0];
    };
    const pair = new Pair({ client: { mtu: 300 }, server: { mtu: 300 }, path }).run();
    expect(states(pair)).toEqual(['connected', 'connected']);
    expect(longest).toBeGreaterThan(250);
    expect(longest).toBeLessThanOrEqual(300);
  });

  it('needs four flights, of one datagram each', () => {
    const sizes: number[] = [];
    const path = ({ length }: Uint8Array): number[] => {
      sizes.push(length);
      return [1];
    };
    new Pair({ path }).run();
    expect(sizes).toHaveLength(4);
  });
});

describe('A ClientHello', () => {
  it('may have any extensions, over several datagrams that change places', () => {
    const server = new End('server');
    const datagrams = helloWith([
      [51, new Uint8Array(1300)], // key_share, as long as a post-quantum one
      [43, Uint8Array.of(4, 0xfe, 0xfc, 0xfe, 0xfd)], // supported_versions: DTLS 1.3 and 1.2
      [0x0a0a, new Uint8Array(0)], // GREASE
    ]);
    expect(datagrams).toHaveLength(2);
    for (const datagram of datagrams.toReversed()) server.endpoint.datagram(datagram, 0);
    const [hello] = messagesOf(server.take());
    expect(hello?.type).toBe(handshakeTypes.serverHello);
    const { version, extensions } = readServerHello(hello!.body)!;
    expect(version).toBe(0xfefd);
    // renegotiation_info, extended_master_secret, ec_point_formats, use_srtp: nothing that was not asked for.
    expect([...extensions.keys()].toSorted((a, b) => a - b)).toEqual([11, 14, 23, 0xff01]);
  });

  it('of Chromium 156, which offers DTLS 1.3 and a post-quantum share, is answered with 1.2', () => {
    const text = readFileSync(new URL('files/chromium-156-client-hello.hex', import.meta.url), 'latin1');
    const datagrams = text
      .trim()
      .split('\n')
      .map((line) => Buffer.from(line, 'hex'));
    expect(datagrams).toHaveLength(2);
    const server = new End('server');
    for (const datagram of datagrams) server.endpoint.datagram(datagram, 0);
    const types = messagesOf(server.take()).map(({ type }) => type);
    const { serverHello, certificate, serverKeyExchange, certificateRequest, serverHelloDone } = handshakeTypes;
    expect(types).toEqual([serverHello, certificate, serverKeyExchange, certificateRequest, serverHelloDone]);
  });

  it('of DTLS 1.0 is refused', () => {
    const server = new End('server');
    const hello = Buffer.from(helloOf(new End('client')));
    hello.writeUInt16BE(0xfeff, recordHeaderBytes + handshakeHeaderBytes);
    server.endpoint.datagram(hello, 0);
    expect(server.message).toContain('DTLS 1.0');
    expect(Buffer.from(server.take()[0]!).toString('hex').slice(-4)).toBe('0246'); // fatal, protocol_version
  });

  it.each([
    ['signature_algorithms', 13, vector16(Uint8Array.of(2, 1)), 'signature scheme'],
    ['supported_groups', 10, vector16(Uint8Array.of(0, 24)), 'group'],
    ['use_srtp', 14, Uint8Array.of(0, 2, 0, 5, 0), 'SRTP profile'],
    ['use_srtp that is malformed', 14, Uint8Array.of(0, 2, 0), 'malformed'],
    ['renegotiation_info', 0xff01, Uint8Array.of(2, 1, 1), 'renegotiate'],
  ])('with nothing for us in %s is refused', (_, type, body, reason) => {
    const server = new End('server');
    for (const datagram of helloWith([[type, body]])) server.endpoint.datagram(datagram, 0);
    expect(server.events).toEqual(['ERR_DTLS_HANDSHAKE']);
    expect(server.message).toContain(reason);
  });

  it('by the thousand costs one answer, and no more than 20 a second', () => {
    const server = new End('server');
    const hello = helloOf(new End('client'));
    for (let i = 0; i < 1000; i++) server.endpoint.datagram(hello, i);
    const answers = server.take().map((datagram) => messagesOf([datagram]).map(({ body }) => Buffer.from(body)));
    expect(answers.length).toBe(20);
    // Each is the first one again: nothing was signed twice.
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(server.endpoint.stats.resent).toBe(19);
  });
});

describe('Who the peer is', () => {
  it.each(roles)('the %s checks by the fingerprint', (role) => {
    const pair = new Pair({ [role]: { fingerprints: [identities[role].fingerprint] } }).run();
    expect(pair[role].events).toEqual(['ERR_DTLS_FINGERPRINT']);
    expect(pair[role].keys).toBeUndefined();
    expect(pair[other(role)].events).toEqual(['ERR_DTLS_ALERT']);
    expect(pair[other(role)].message).toContain('badCertificate');
    expect(pair[other(role)].keys).toBeUndefined();
  });

  it.each(roles)('the %s checks by the key of the certificate', (role) => {
    const { key } = identities[role];
    const pair = new Pair({ [other(role)]: { identity: { ...identities[other(role)], key } } }).run();
    expect(pair[role].message).toContain('a signature is wrong');
    expect([pair.client.keys, pair.server.keys]).toEqual([undefined, undefined]);
  });

  it.each(roles)('the %s does not take for a certificate what is none, vouched for or not', (role) => {
    const cert = Uint8Array.from([0x30, 3, 1, 2, 3]);
    const pair = new Pair({
      [other(role)]: { identity: { ...identities[other(role)], cert } },
      [role]: { fingerprints: [fingerprintOf(cert, 'sha-256')] },
    }).run();
    expect(pair[role].message).toContain('cannot be read');
  });

  it('the strongest hash function of the fingerprints says', () => {
    const { cert } = identities.client;
    const right = (hash: DtlsFingerprint['hash']): DtlsFingerprint => fingerprintOf(cert, hash);
    const wrong = (hash: DtlsFingerprint['hash']): DtlsFingerprint => fingerprintOf(identities.server.cert, hash);
    expect(isVouchedFor(cert, [])).toBe(false);
    for (const hash of ['sha-1', 'sha-256', 'sha-384', 'sha-512'] as const) {
      expect(isVouchedFor(cert, [right(hash)])).toBe(true);
      expect(isVouchedFor(cert, [wrong(hash)])).toBe(false);
      expect(isVouchedFor(cert, [wrong(hash), right(hash)])).toBe(true);
      expect(isVouchedFor(cert, [{ hash, value: right(hash).value.toLowerCase() }])).toBe(true);
    }
    expect(isVouchedFor(cert, [right('sha-1'), wrong('sha-256')])).toBe(false);
    expect(isVouchedFor(cert, [wrong('sha-1'), right('sha-512'), wrong('sha-384')])).toBe(true);
    expect(right('sha-256').value).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it('is plain data for us', () => {
    expect(structuredClone(identities.client)).toEqual(identities.client);
  });
});

describe('A close', () => {
  it.each(roles)('by the %s is told to the other', (role) => {
    const pair = new Pair().run();
    pair[role].endpoint.close(pair.now);
    pair[role].endpoint.close(pair.now);
    const sent = pair[role].take();
    expect(sent).toHaveLength(1);
    const peer = pair[other(role)];
    peer.endpoint.datagram(sent[0]!, pair.now);
    peer.endpoint.datagram(sent[0]!, pair.now);
    expect(peer.events).toEqual(['closed']);
    // Answered once; who closed hears nothing any more.
    expect(peer.take().map((answer) => pair[role].endpoint.datagram(answer, pair.now))).toHaveLength(1);
    expect(pair[role].events).toEqual([]);
    expect(states(pair)).toEqual(['closed', 'closed']);
  });

  it('cannot be told by somebody without the keys', () => {
    const { client, server } = new Pair().run();
    const alert = (epoch: number): Uint8Array =>
      Uint8Array.of(contentTypes.alert, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 99, 0, 2, 2, 0);
    for (const { endpoint } of [client, server]) {
      const before = endpoint.stats.ignored;
      for (const epoch of [0, 1, 2]) endpoint.datagram(alert(epoch), 0);
      expect(endpoint.stats.ignored).toBe(before + 3);
      expect(endpoint.state).toBe('connected');
    }
  });

  it('in the middle of a handshake ends it on both sides', () => {
    const [client, server] = [new End('client'), new End('server')];
    server.endpoint.datagram(helloOf(client), 0);
    client.endpoint.close(1);
    for (const datagram of client.take()) server.endpoint.datagram(datagram, 1);
    expect(server.events).toEqual(['closed']);
    expect(server.endpoint.tick(1e6)).toBeUndefined();
  });

  it('before the start is the end', () => {
    const client = new End('client');
    client.endpoint.close(0);
    client.endpoint.start(0);
    expect([client.endpoint.state, client.take()]).toEqual(['closed', []]);
  });
});

describe('What is not of use', () => {
  it('is counted', () => {
    const { server, now } = new Pair().run();
    const before = server.endpoint.stats.ignored;
    const header = Uint8Array.of(contentTypes.applicationData, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40);
    const garbage = [
      new Uint8Array(0),
      Buffer.from('INVITE'),
      new Uint8Array(1500),
      concat(header, new Uint8Array(40)),
    ];
    for (const datagram of garbage) server.endpoint.datagram(datagram, now);
    expect(server.endpoint.stats.ignored).toBe(before + garbage.length);
    expect(server.endpoint.state).toBe('connected');
    expect(server.take()).toEqual([]);
  });

  it('does not begin a handshake, and a client that has not started hears nothing', () => {
    const [client, server] = [new End('client'), new End('server')];
    const alert = Uint8Array.of(contentTypes.alert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40);
    server.endpoint.datagram(alert, 0);
    client.endpoint.datagram(alert, 0);
    for (const datagram of helloWith([])) client.endpoint.datagram(datagram, 0);
    expect([client.endpoint.state, server.endpoint.state]).toEqual(['new', 'new']);
    expect([...client.events, ...server.events]).toEqual([]);
  });

  it('out of turn ends the handshake', () => {
    const server = new End('server');
    const whole = wholeMessage(handshakeTypes.clientKeyExchange, 0, Uint8Array.of(1, 2));
    for (const one of new Outgoing(1200).flight([{ kind: 'handshake', epoch: 0, whole }]))
      server.endpoint.datagram(one, 0);
    expect(server.message).toContain('clientKeyExchange is out of turn');
  });
});
