/**
 * The torture messages of RFC 5118 (IPv6) against an endpoint that has an IPv6 address. The archive of the RFC's
 * appendix has lines that end with LF alone and three bodies of another length than they say: here lines end as SIP
 * has them (RFC 3261 §7), and those three come twice, as they are and with their length put right.
 */
import { describe, expect, test } from 'vitest';
import { createAnswer, parseSdp } from '../../media/sdp/index.ts';
import { parseUri, printUri } from '../../src/sip/uri.ts';
import { codecs, origin } from '../media/sdp/helpers.ts';
import { expectRoundTrip, expectVerdict, messageOf, namesIn, parsedRequest, torture, type Verdict } from './torture.ts';

const verdicts: readonly Verdict[] = [
  { name: 'ipv6-good', section: '4.1', rfc: 'well-formed', answers: [202] },
  { name: 'ipv6-bad', section: '4.2', rfc: '400', answers: [400] },
  { name: 'port-ambiguous', section: '4.3', rfc: 'well-formed: the port is a part of the address', answers: [202] },
  { name: 'port-unambiguous', section: '4.4', rfc: 'well-formed', answers: [202] },
  { name: 'via-received-param-with-delim', section: '4.5', rfc: 'must be read; no dialog', answers: [481] },
  { name: 'via-received-param-no-delim', section: '4.5', rfc: 'must be read', answers: [200] },
  {
    name: 'ipv6-in-sdp',
    section: '4.6',
    rfc: 'well-formed, but for its length',
    answers: [400],
    overTcp: { answers: [], closes: true },
    why: 'there are 17 bytes less than it says (RFC 3261 §18.3)',
  },
  { name: 'mult-ip-in-header', section: '4.7', rfc: 'well-formed; no dialog', answers: [481] },
  {
    name: 'mult-ip-in-sdp',
    section: '4.8',
    rfc: 'well-formed, but for its length',
    answers: [486],
    // What there is more than it says begins no message.
    overTcp: { answers: [486], closes: true },
  },
  {
    name: 'ipv4-mapped-ipv6',
    section: '4.9',
    rfc: 'well-formed, but for its length',
    answers: [486],
    overTcp: { answers: [486], closes: true },
  },
  { name: 'ipv6-bug-abnf-3-colons', section: '4.10', rfc: 'must be tolerated', answers: [200] },
  { name: 'ipv6-correct-abnf-2-colons', section: '4.10', rfc: 'well-formed', answers: [200] },
];

const message = (name: string) => messageOf('5118', name);
const uriOf = (text: string) => {
  const uri = parseUri(text);
  return uri.ok ? uri.value : expect.fail(uri.error);
};

/** With the Content-Length that its body has. */
function withTrueLength(name: string): Buffer {
  const text = message(name).toString('latin1');
  const length = text.length - text.indexOf('\r\n\r\n') - 4;
  return Buffer.from(text.replace(/Content-Length: \d+/, `Content-Length: ${length}`), 'latin1');
}

describe('RFC 5118', () => {
  test('every message of the archive has its verdict', () => {
    expect(verdicts.map(({ name }) => name).sort()).toEqual(namesIn('5118').sort());
  });

  describe.each(['udp', 'tcp'] as const)('by %s', (transport) => {
    test.each(verdicts)('§$section $name: $rfc', async (verdict) => {
      expectVerdict(verdict, transport, await torture(message(verdict.name), transport, 6));
    });

    test.each(['ipv6-in-sdp', 'mult-ip-in-sdp', 'ipv4-mapped-ipv6'])('%s with its length put right', async (name) => {
      const outcome = await torture(withTrueLength(name), transport, 6);
      expectVerdict({ name, section: '', rfc: 'well-formed', answers: [486] }, transport, outcome);
      expect(outcome.closed).toBe(false);
    });
  });

  test.each(
    verdicts.filter(({ answers }) => answers[0] !== 400),
  )('$name is read and written as the same', (verdict) => {
    expectRoundTrip(parsedRequest(message(verdict.name)));
  });

  test('§4.1: brackets are not part of the address', () => {
    const { uri, headers } = parsedRequest(message('ipv6-good'));
    expect(uriOf(uri)).toMatchObject({ host: '2001:db8::10', port: undefined });
    expect(headers.via[0]).toMatchObject({ host: '2001:db8::9:1', port: undefined });
    expect(headers.contact).toMatchObject([{ uri: 'sip:caller@[2001:db8::1]' }]);
  });

  test('§4.3 and §4.4: a port is what comes behind the bracket', () => {
    expect(uriOf(parsedRequest(message('port-ambiguous')).uri)).toMatchObject({
      host: '2001:db8::10:5070',
      port: undefined,
    });
    expect(uriOf(parsedRequest(message('port-unambiguous')).uri)).toMatchObject({ host: '2001:db8::10', port: 5070 });
  });

  test.each([
    'via-received-param-with-delim',
    'via-received-param-no-delim',
  ])('§4.5 %s: what the client made up for received is replaced where it came from another address', async (name) => {
    const moved = message(name).toString('latin1').replace('UDP [2001:db8::9:1]', 'UDP [2001:db8::9:2]');
    const { answers } = await torture(Buffer.from(moved, 'latin1'), 'udp', 6);
    expect(answers[0]?.get('Via')).toMatch(/^SIP\/2\.0\/UDP \[2001:db8::9:2\];branch=\S+;received=2001:db8::9:1$/);
    expect(answers[0]?.get('Via')).not.toContain('2001:db8::9:255');
  });

  test('§4.7: Vias of both families go back as they came', async () => {
    const { answers } = await torture(message('mult-ip-in-header'), 'udp', 6);
    expect(answers[0]?.all('Via')).toEqual([
      'SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111',
      'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144',
      'SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200',
    ]);
  });

  test('§4.6, §4.8 and §4.9: addresses in SDP have no brackets, and each stream has its own', () => {
    const described = (name: string) => {
      const sdp = parseSdp(parsedRequest(withTrueLength(name)).body);
      return sdp.ok ? sdp.value : expect.fail(sdp.error);
    };
    expect(described('ipv6-in-sdp').connection).toMatchObject({ address: '2001:db8::20' });
    expect(described('mult-ip-in-sdp').media.map(({ connection }) => connection?.address)).toEqual([
      '192.0.2.1',
      '2001:db8::1',
    ]);
    expect(described('ipv4-mapped-ipv6').connection).toMatchObject({ address: '::ffff:192.0.2.2' });

    const answer = createAnswer(described('mult-ip-in-sdp'), {
      origin,
      local: { address: '192.0.2.9', port: 20_000 },
      codecs: codecs('PCMU'),
    });
    expect(answer.ok && answer.value.audio.remote).toMatchObject({ address: '192.0.2.1', port: 22_334 });
  });

  test('§4.9: addresses that are mapped from IPv4 are addresses', () => {
    const { headers } = parsedRequest(message('ipv4-mapped-ipv6'));
    expect(headers.via.map(({ host, port }) => [host, port])).toEqual([
      ['::ffff:192.0.2.10', 19_823],
      ['::ffff:192.0.2.2', undefined],
    ]);
  });

  test('§4.10: three colons before an IPv4 part mean two, and nowhere else', () => {
    const { uri } = parsedRequest(message('ipv6-bug-abnf-3-colons'));
    expect(uri).toBe('sip:user@[2001:db8:::192.0.2.1]');
    expect(printUri(uriOf(uri))).toBe('sip:user@[2001:db8::192.0.2.1]');
    for (const host of ['2001:db8:::1', ':::1', '1:::2:192.0.2.1', '2001::db8:::192.0.2.1'])
      expect(parseUri(`sip:[${host}]`).ok, host).toBe(false);
  });
});
