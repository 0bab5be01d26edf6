import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NaptrRecord, Resolver, SrvRecord } from '../../src/base/io.ts';
import { DnsCache } from '../../src/sip/dns-cache.ts';
import { inOrder, type LocateOptions, locate } from '../../src/sip/locate.ts';
import type { SipTransportName } from '../../src/sip/options.ts';
import { FakeClock, seededRandom } from '../../src/testing/index.ts';

interface Zone {
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
}

/** A domain name system, and what it was asked. */
function dns({ naptr = {}, srv = {}, hosts = {} }: Zone): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const find = async <T>(kind: string, table: Readonly<Record<string, readonly T[]>>, name: string) => {
    asked.push(`${kind} ${name}`);
    const found = table[name];
    if (!found) throw Object.assign(new Error(`ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
    return found;
  };
  return {
    asked,
    naptr: (name) => find('NAPTR', naptr, name),
    srv: (name) => find('SRV', srv, name),
    lookup: async (name) =>
      (await find('A', hosts, name)).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  };
}

const all: readonly SipTransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss'];
const service = (order: number, preference: number, name: string, replacement: string, flags = 's'): NaptrRecord => ({
  order,
  preference,
  flags,
  service: name,
  replacement,
});
const record = (name: string, port: number, priority = 0, weight = 0): SrvRecord => ({ name, port, priority, weight });

async function whereTo(
  uri: string,
  resolver: Resolver,
  options: Partial<LocateOptions> = {},
  transport?: SipTransportName,
) {
  const found = await locate(uri, transport, { resolver, random: seededRandom(1), transports: all, ...options });
  return found.ok ? found.targets.map((one) => `${one.transport} ${one.address} ${one.port}`) : found.error.code;
}

describe('a numeric address', () => {
  it.each([
    ['sip:192.0.2.1', 'udp 192.0.2.1 5060'],
    ['sip:192.0.2.1:5070', 'udp 192.0.2.1 5070'],
    ['sips:192.0.2.1', 'tls 192.0.2.1 5061'],
    ['sip:192.0.2.1;transport=tcp', 'tcp 192.0.2.1 5060'],
    ['sip:192.0.2.1;transport=TLS', 'tls 192.0.2.1 5061'],
    ['sips:192.0.2.1;transport=tcp', 'tls 192.0.2.1 5061'],
    ['sip:192.0.2.1;transport=ws', 'ws 192.0.2.1 80'],
    ['sip:192.0.2.1;transport=wss', 'wss 192.0.2.1 443'],
    ['sips:192.0.2.1;transport=ws', 'wss 192.0.2.1 443'],
    ['sip:[2001:db8::1]:5080;transport=tcp', 'tcp 2001:db8::1 5080'],
    ['sip:example.com;maddr=192.0.2.9', 'udp 192.0.2.9 5060'],
  ])('%s is asked of nobody', async (uri, target) => {
    const resolver = dns({});
    expect(await whereTo(uri, resolver)).toEqual([target]);
    expect(resolver.asked).toEqual([]);
  });
});

describe('RFC 3263 §4', () => {
  const zone: Zone = {
    naptr: {
      'example.com': [
        service(90, 50, 'SIP+D2T', '_sip._tcp.example.com'),
        service(50, 50, 'SIPS+D2T', '_sips._tcp.example.com'),
        service(100, 50, 'SIP+D2U', '_sip._udp.example.com'),
        service(10, 1, 'E2U+sip', 'nonsense.example.com', 'u'),
      ],
    },
    srv: {
      '_sips._tcp.example.com': [record('s1.example.com', 5061)],
      '_sip._tcp.example.com': [record('s2.example.com', 5070, 1), record('s1.example.com', 5060, 0)],
      '_sip._udp.example.com': [record('s2.example.com', 5060)],
    },
    hosts: { 's1.example.com': ['192.0.2.1', '2001:db8::1'], 's2.example.com': ['192.0.2.2'] },
  };

  it('NAPTR says which transports the domain likes best, SRV which hosts', async () => {
    expect(await whereTo('sip:b@example.com', dns(zone))).toEqual([
      'tls 192.0.2.1 5061',
      'tls 2001:db8::1 5061',
      'tcp 192.0.2.1 5060',
      'tcp 2001:db8::1 5060',
      'tcp 192.0.2.2 5070',
      'udp 192.0.2.2 5060',
    ]);
  });

  it('of those that we have', async () => {
    expect(await whereTo('sip:b@example.com', dns(zone), { transports: ['udp'] })).toEqual(['udp 192.0.2.2 5060']);
  });

  it('sips goes by TLS alone', async () => {
    expect(await whereTo('sips:b@example.com', dns(zone))).toEqual(['tls 192.0.2.1 5061', 'tls 2001:db8::1 5061']);
    const { 'example.com': _, ...naptr } = zone.naptr ?? {};
    const found = await whereTo('sips:b@example.com', dns({ ...zone, naptr }));
    expect(found).toEqual(['tls 192.0.2.1 5061', 'tls 2001:db8::1 5061']);
  });

  it('a transport that was asked for goes straight to its SRV', async () => {
    const resolver = dns(zone);
    expect(await whereTo('sip:b@example.com;transport=tcp', resolver)).toEqual([
      'tcp 192.0.2.1 5060',
      'tcp 2001:db8::1 5060',
      'tcp 192.0.2.2 5070',
    ]);
    expect(resolver.asked[0]).toBe('SRV _sip._tcp.example.com');
    expect(await whereTo('sip:b@example.com', dns(zone), {}, 'udp')).toEqual(['udp 192.0.2.2 5060']);
  });

  it('a port goes straight to the addresses', async () => {
    const resolver = dns(zone);
    expect(await whereTo('sip:s1.example.com:5099', resolver)).toEqual(['udp 192.0.2.1 5099', 'udp 2001:db8::1 5099']);
    expect(resolver.asked).toEqual(['A s1.example.com']);
  });

  it('without NAPTR the SRV names are tried, without SRV the host by UDP', async () => {
    const { naptr: _, ...noNaptr } = zone;
    const found = await whereTo('sip:example.com', dns(noNaptr));
    expect(found[0]).toBe('udp 192.0.2.2 5060');
    expect(found).toContain('tls 192.0.2.1 5061');
    expect(await whereTo('sip:s1.example.com', dns(zone))).toEqual(['udp 192.0.2.1 5060', 'udp 2001:db8::1 5060']);
    expect(await whereTo('sips:s1.example.com', dns(zone))).toEqual(['tls 192.0.2.1 5061', 'tls 2001:db8::1 5061']);
  });

  it('a NAPTR of addresses (flag a) has no SRV', async () => {
    const naptr = { 'example.com': [service(1, 1, 'SIP+D2T', 's2.example.com', 'a')] };
    expect(await whereTo('sip:example.com', dns({ ...zone, naptr }))).toEqual(['tcp 192.0.2.2 5060']);
  });

  it('"." says that there is no such service', async () => {
    const srv = { '_sip._udp.example.com': [record('.', 0)] };
    const hosts = { 'example.com': ['192.0.2.7'] };
    expect(await whereTo('sip:example.com', dns({ srv, hosts }))).toEqual(['udp 192.0.2.7 5060']);
  });

  it('a host of SRV without an address is left out', async () => {
    const srv = { '_sip._udp.example.com': [record('gone.example.com', 1), record('s2.example.com', 2)] };
    expect(await whereTo('sip:example.com', dns({ ...zone, naptr: {}, srv }))).toEqual(['udp 192.0.2.2 2']);
  });

  it.each([
    ['sip:nobody.example.com', 'ERR_RESOLVE'],
    ['sip:me@x9.invalid;transport=ws', 'ERR_RESOLVE'],
    ['sip:192.0.2.1;transport=sctp', 'ERR_TRANSPORT'],
    ['sips:192.0.2.1;transport=udp', 'ERR_TRANSPORT'],
    ['tel:+4930123', 'ERR_URI_SCHEME'],
    ['sip:', 'ERR_URI'],
  ])('%s is %s', async (uri, code) => {
    expect(await whereTo(uri, dns({}))).toBe(code);
  });
});

describe('the order of SRV (RFC 2782)', () => {
  const records = fc.array(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 4 }),
      port: fc.integer({ min: 1, max: 65_535 }),
      priority: fc.integer({ min: 0, max: 3 }),
      weight: fc.integer({ min: 0, max: 65_535 }),
    }),
    { maxLength: 12 },
  );

  it('keeps every record once, priorities in order', () => {
    fc.assert(
      fc.property(records, fc.integer(), (given, seed) => {
        const ordered = inOrder(given, seededRandom(seed));
        expect(ordered).toHaveLength(given.length);
        expect(new Set(ordered)).toEqual(new Set(given));
        const priorities = ordered.map(({ priority }) => priority);
        expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
      }),
    );
  });

  it('goes by weight', () => {
    const random = seededRandom(7);
    const given = [record('a', 1, 0, 60), record('b', 1, 0, 30), record('c', 1, 0, 10), record('d', 1, 0, 0)];
    const first: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };
    const rounds = 20_000;
    for (let round = 0; round < rounds; round++) {
      const name = inOrder(given, random)[0]?.name ?? '';
      first[name] = (first[name] ?? 0) + 1;
    }
    // Weight 0 has a small chance: one in 101 here.
    for (const [name, weight] of [
      ['a', 60],
      ['b', 30],
      ['c', 10],
      ['d', 1],
    ] as const)
      expect((first[name] ?? 0) / rounds).toBeCloseTo(weight / 101, 1);
    expect(first.d).toBeGreaterThan(0);
  });
});

describe('a domain with more records than any needs', () => {
  const names = Array.from({ length: 32 }, (_, n) => `h${n}.example.com`);
  const hosts = Object.fromEntries(names.map((name) => [name, ['10.0.0.1', '10.0.0.2', '10.0.0.3']]));
  const srv = { '_sip._udp.example.com': names.map((name) => record(name, 5060)) };

  it('is asked for as many services as there are, and tried at 32 addresses', async () => {
    const naptr = { 'example.com': names.map((_, n) => service(n, 0, 'SIP+D2U', '_sip._udp.example.com')) };
    const resolver = dns({ naptr, srv, hosts });
    expect(await whereTo('sip:example.com', resolver)).toHaveLength(32);
    expect(resolver.asked.filter((name) => name.startsWith('SRV'))).toHaveLength(5);
  });
});

describe('the cache', () => {
  const hosts = { 'a.example.com': ['192.0.2.1'] };

  it('asks once for as long as an answer is kept, at the same moment too', async () => {
    const clock = new FakeClock();
    const resolver = dns({ hosts });
    const cache = new DnsCache(resolver, clock);
    await Promise.all([cache.lookup('a.example.com'), cache.lookup('a.example.com')]);
    await clock.advance(9_999);
    await cache.lookup('a.example.com');
    expect(resolver.asked).toHaveLength(1);
    await clock.advance(1);
    await cache.lookup('a.example.com');
    expect(resolver.asked).toHaveLength(2);
  });

  it('asks again after a failure', async () => {
    const resolver = dns({ hosts });
    const cache = new DnsCache(resolver, new FakeClock());
    for (let times = 0; times < 2; times++) await expect(cache.srv('_sip._udp.example.com')).rejects.toThrow();
    expect(resolver.asked).toHaveLength(2);
  });

  it('keeps 32 records of an answer, however many a domain has', async () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`);
    const cache = new DnsCache(dns({ hosts: { 'a.example.com': many } }), new FakeClock());
    expect(await cache.lookup('a.example.com')).toHaveLength(32);
  });

  it('holds no more than it may', async () => {
    const resolver: Resolver = { lookup: async () => [] };
    const cache = new DnsCache(resolver, new FakeClock());
    for (let n = 0; n < 20_000; n++) await cache.lookup(`h${n}.example.com`);
    expect(cache.size).toBe(10_000);
  });
});
