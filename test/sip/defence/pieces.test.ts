import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { TokenBucket } from '../../../src/base/token-bucket.ts';
import { type Cidr, isInside, parseCidr } from '../../../src/sip/cidr.ts';
import { BanList } from '../../../src/sip/defence/ban-list.ts';
import { FairQueue } from '../../../src/sip/defence/fair-queue.ts';
import { knownScanners, scannerTest } from '../../../src/sip/defence/fingerprints.ts';
import { defenceSettings } from '../../../src/sip/defence/options.ts';
import { BoundedMap, Shares, sourceOf } from '../../../src/sip/defence/sources.ts';
import { FakeClock } from '../../../src/testing/index.ts';

function networks(...texts: string[]): Cidr[] {
  return texts.map((text) => {
    const parsed = parseCidr(text);
    if (!parsed.ok) throw new Error(parsed.error);
    return parsed.value;
  });
}

describe('a network', () => {
  it.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.1.2.3', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:db8:0:8000::/49', '2001:db8:0:8000::', true],
    ['2001:db8:0:8000::/49', '2001:db8:0:7fff::', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::1', '::1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['10.0.0.0/8', 'example.com', false],
  ])('%s and %s: %s', (network, address, inside) => {
    expect(isInside(networks(network), address)).toBe(inside);
  });

  it.each([
    '',
    'x',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '10.0.0.0/-1',
    '1.2.3.4/1e1',
  ])('is not %s', (text) => {
    expect(parseCidr(text).ok).toBe(false);
    expect(() => defenceSettings({ exempt: [text] })).toThrow(ConfigError);
  });

  it('has an address of IPv4 by its leading bits alone', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const address = fc.tuple(octet, octet, octet, octet);
    const number = (octets: readonly number[]): number => octets.reduce((sum, one) => sum * 256 + one, 0);
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (network, other, bits) => {
        const size = 2 ** (32 - bits);
        const same = Math.floor(number(network) / size) === Math.floor(number(other) / size);
        expect(isInside(networks(`${network.join('.')}/${bits}`), other.join('.'))).toBe(same);
      }),
    );
  });
});

describe('a source', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1:2::/64', '2001:db8:1:2::/64'],
  ])('of %s is %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });

  it('is forgotten when there are too many, the one that was touched last stays', () => {
    const map = new BoundedMap<number>(3);
    for (const key of ['a', 'b', 'c', 'a', 'd']) map.set(key, 1);
    expect([...map.entries()].map(([key]) => key)).toEqual(['c', 'a', 'd']);
  });

  it('has its share of what there is', () => {
    const shares = new Shares();
    shares.add('a');
    shares.add('a');
    shares.add('b');
    shares.remove('a');
    shares.remove('b');
    expect([shares.of('a'), shares.of('b')]).toEqual([1, 0]);
  });
});

describe('a fair queue', () => {
  it('gives what it was given, each source in its order and the sources in turns', () => {
    const queue = new FairQueue<string>();
    const lengths = { a: 1000, b: 3, c: 1 };
    for (const [source, length] of Object.entries(lengths))
      for (let i = 0; i < length; i++) queue.add(source, `${source}${i}`);
    expect(queue.size).toBe(1004);
    const taken = Array.from({ length: 1004 }, () => queue.take());
    expect(taken.slice(0, 8)).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'b2', 'a3']);
    for (const [source, length] of Object.entries(lengths))
      expect(taken.filter((one) => one?.startsWith(source))).toEqual(Array.from({ length }, (_, i) => `${source}${i}`));
    expect([queue.take(), queue.size]).toEqual([undefined, 0]);
  });

  it('can be used again when it was emptied', () => {
    const queue = new FairQueue<number>();
    queue.add('a', 1);
    queue.clear();
    expect([queue.size, queue.take()]).toEqual([0, undefined]);
    queue.add('a', 2);
    expect(queue.take()).toBe(2);
  });
});

describe('a token bucket', () => {
  it('gives its burst at once, then its rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    const taken = [1, 1, 1, 1].map((count) => bucket.take(count, 0));
    expect([...taken, bucket.has(0)]).toEqual([true, true, true, false, false]);
    expect([bucket.has(99), bucket.has(100)]).toEqual([false, true]);
    bucket.take(1, 100);
    expect([bucket.has(199), bucket.has(200)]).toEqual([false, true]);
  });

  it('gives what there is when it is asked for more', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([bucket.take(2, 0), bucket.take(2, 0), bucket.has(0), bucket.has(100)]).toEqual([true, false, false, true]);
  });

  it('holds no more than its burst, however long it waits and whatever it is given', () => {
    const bucket = new TokenBucket(10, 2, 0);
    bucket.give(5, 1_000_000);
    bucket.take(2, 1_000_000);
    expect(bucket.has(1_000_000)).toBe(false);
  });
});

describe('a ban', () => {
  it('ends, and the next one of the same source is twice as long, a day at most', async () => {
    const clock = new FakeClock();
    const bans = new BanList(clock, 600_000);
    const lengths: number[] = [];
    for (let i = 0; i < 10; i++) {
      const { since, until } = bans.add('192.0.2.1', 'refused');
      lengths.push((until - since) / 60_000);
      await clock.advance(until - since - 1);
      expect(bans.has('192.0.2.1')).toBe(true);
      await clock.advance(1);
      expect(bans.has('192.0.2.1')).toBe(false);
      expect(bans.active).toEqual([]);
    }
    expect(lengths).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
    await clock.advance(86_400_000);
    const { since, until } = bans.add('192.0.2.1', 'refused');
    expect(until - since).toBe(600_000);
  });

  it('can be lifted, and is listed with its reason', () => {
    const clock = new FakeClock();
    const bans = new BanList(clock, 1000);
    bans.add('192.0.2.1', 'malformed');
    bans.add('192.0.2.2', 'manual', 5000);
    const at = clock.wallclock();
    expect(bans.active).toEqual([
      { address: '192.0.2.1', reason: 'malformed', since: at, until: at + 1000 },
      { address: '192.0.2.2', reason: 'manual', since: at, until: at + 5000 },
    ]);
    expect([bans.remove('192.0.2.1'), bans.remove('192.0.2.1')]).toEqual([true, false]);
    expect(bans.active).toHaveLength(1);
  });

  it('is one of ten thousand at most', () => {
    const bans = new BanList(new FakeClock(), 1000);
    for (let i = 0; i < 10_010; i++) bans.add(`s${i}`, 'scanner');
    expect(bans.active).toHaveLength(10_000);
    expect([bans.has('s9'), bans.has('s10')]).toEqual([false, true]);
  });
});

describe('a scanner', () => {
  const isScanner = scannerTest(knownScanners);

  it.each([
    'friendly-scanner',
    'SIPVicious/0.3',
    'sipcli/v1.8',
    'sundayddr',
    'pplsip',
    'VaxSIPUserAgent/3.1',
    'iWar',
  ])('is %s', (name) => expect(isScanner(name)).toBe(true));

  it.each([
    '',
    'Yealink SIP-T46S 66.85',
    'Zoiper v5',
    'baresip v3',
    'eyeBeam release 1102q',
    'Asterisk PBX',
    'sipp',
  ])('is not "%s"', (name) => expect(isScanner(name)).toBe(false));

  it('is whom the settings name, taken literally', () => {
    expect([scannerTest(['a.c'])('abc'), scannerTest(['a.c'])('XA.CX'), scannerTest([''])('abc')]).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('settings', () => {
  it.each([{ rate: 0 }, { burst: 0 }, { banAfter: -1 }, { maxDialogs: Number.NaN }])('cannot be %o', (options) => {
    expect(() => defenceSettings(options)).toThrow(ConfigError);
  });

  it('that are turned off exempt everybody', () => {
    const { exempt } = defenceSettings(false);
    expect(['203.0.113.1', '2001:db8::1'].map((address) => isInside(exempt, address))).toEqual([true, true]);
  });
});
