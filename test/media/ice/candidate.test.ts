/** Candidates in SDP, and credentials. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidatePriority, hostCandidate, parseCandidate, printCandidate } from '../../../media/ice/candidate.ts';
import { areIceCredentials, newIceCredentials } from '../../../media/ice/credentials.ts';
import { seededRandom } from '../../../src/testing/index.ts';

describe('a candidate', () => {
  it('is read as browsers write it', () => {
    expect(
      parseCandidate(
        'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport 46154 generation 0 ufrag EEtu network-cost 999',
      ),
    ).toEqual({
      foundation: '842163049',
      component: 1,
      transport: 'udp',
      priority: 1_677_729_535,
      address: '203.0.113.7',
      port: 46_154,
      type: 'srflx',
      relatedAddress: '10.0.0.17',
      relatedPort: 46_154,
    });
    expect(parseCandidate('1 1 UDP 2130706431 2001:DB8:0:0:0:0:0:1 8998 typ host')).toMatchObject({
      address: '2001:db8::1',
      type: 'host',
    });
  });

  it.each([
    ['a name that hides an address', '1 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host'],
    ['TCP', '1 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active'],
    ['another component', '1 3 udp 2130706431 10.0.0.1 8998 typ host'],
    ['no priority', '1 1 udp 0 10.0.0.1 8998 typ host'],
    ['too much priority', '1 1 udp 2147483648 10.0.0.1 8998 typ host'],
    ['no port', '1 1 udp 1 10.0.0.1 0 typ host'],
    ['a port that is none', '1 1 udp 1 10.0.0.1 65536 typ host'],
    ['no address', '1 1 udp 1 0.0.0.0 1000 typ host'],
    ['no type', '1 1 udp 1 10.0.0.1 1000'],
    ['another type', '1 1 udp 1 10.0.0.1 1000 typ constructor'],
    ['half an extension', '1 1 udp 1 10.0.0.1 1000 typ host generation'],
    ['nothing', ''],
    ['too much', `1 1 udp 1 10.0.0.1 1000 typ host${' a b'.repeat(400)}`],
  ])('is passed over: %s', (_, value) => {
    expect(parseCandidate(value)).toBeUndefined();
  });

  it('printed is read as it was', () => {
    const candidate = fc.record({
      foundation: fc.stringMatching(/^[A-Za-z0-9+/]{1,32}$/),
      component: fc.constantFrom<1 | 2>(1, 2),
      transport: fc.constant('udp' as const),
      priority: fc.integer({ min: 1, max: 0x7fffffff }),
      address: fc.oneof(fc.ipV4(), fc.constant('2001:db8::5')).filter((address) => address !== '0.0.0.0'),
      port: fc.integer({ min: 1, max: 0xffff }),
      type: fc.constantFrom('srflx' as const, 'prflx' as const, 'relay' as const),
      relatedAddress: fc.ipV4(),
      relatedPort: fc.integer({ min: 0, max: 0xffff }),
    });
    fc.assert(
      fc.property(candidate, (one) => {
        expect(parseCandidate(printCandidate(one))).toEqual(one);
      }),
    );
  });

  it('of any text is read or passed over soon', () => {
    const words = fc.constantFrom(
      'candidate:',
      '1',
      'udp',
      'typ',
      'host',
      '10.0.0.1',
      ' ',
      '  ',
      'raddr',
      'rport',
      '::',
      '\0',
      'é',
    );
    const text = fc.array(fc.oneof(words, fc.string()), { maxLength: 300 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(text, (value) => {
        const read = parseCandidate(value);
        if (read) expect(parseCandidate(printCandidate(read))).toEqual(read);
      }),
    );
  });

  it('ranks by its type, then by the address among ours (RFC 8445 §5.1.2)', () => {
    expect(candidatePriority('host')).toBe(2_130_706_431);
    expect(candidatePriority('srflx')).toBe(1_694_498_815);
    expect(candidatePriority('prflx')).toBeGreaterThan(candidatePriority('srflx'));
    expect(candidatePriority('relay', 0)).toBe(255);
    expect(hostCandidate('10.0.0.1', 1).priority).toBeGreaterThan(hostCandidate('10.0.0.2', 1, 1).priority);
  });
});

describe('credentials', () => {
  it('have the characters and the length that RFC 8839 asks for, and are new each time', () => {
    const random = seededRandom(1);
    const made = Array.from({ length: 100 }, () => newIceCredentials(random));
    expect(made.every(areIceCredentials)).toBe(true);
    expect(new Set(made.map(({ ufrag }) => ufrag)).size).toBe(100);
    expect(areIceCredentials({ ufrag: 'abc', pwd: 'x'.repeat(22) })).toBe(false);
    expect(areIceCredentials({ ufrag: 'abcd', pwd: 'x'.repeat(21) })).toBe(false);
    expect(areIceCredentials({ ufrag: 'ab:d', pwd: 'x'.repeat(22) })).toBe(false);
    expect(areIceCredentials({ ufrag: 'a'.repeat(257), pwd: 'x'.repeat(22) })).toBe(false);
  });
});
