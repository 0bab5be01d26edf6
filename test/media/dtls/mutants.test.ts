/** What somebody on the path makes of a handshake. fast-check prints the seed of a failure. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, u16 } from '../../../media/dtls/bytes.ts';
import {
  readCertificate,
  readCertificateRequest,
  readClientHello,
  readClientKeyExchange,
  readHelloVerifyRequest,
  readList16,
  readServerHello,
  readServerKeyExchange,
  readSigned,
  readUseSrtp,
} from '../../../media/dtls/messages.ts';
import { between, pick, seededRandom } from '../../../src/testing/index.ts';
import { End, Pair } from './pair.ts';

/** Both have the same keys, or at least one has none. */
function expectNoWrongKeys({ client, server }: Pair): void {
  if (client.keys && server.keys) {
    expect(client.keys.remote).toEqual([server.keys.local]);
    expect(server.keys.remote).toEqual([client.keys.local]);
  }
  // What a server has said last may not arrive; nothing else leaves one with keys and the other without.
  if (client.keys) expect(server.keys).toBeDefined();
}

describe('On the path', () => {
  it('nobody can turn a bit and have keys that differ', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(20_000), (which, bit) => {
        let sent = 0;
        const change = (datagram: Uint8Array): Uint8Array => {
          if (sent++ !== which) return datagram;
          const bytes = Uint8Array.from(datagram);
          bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
          return bytes;
        };
        expectNoWrongKeys(new Pair({ change }).run(40_000));
      }),
      { numRuns: 300 },
    );
  });

  it('nobody can cut, lengthen and mix datagrams and have keys that differ', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = seededRandom(seed);
        const seen: Uint8Array[] = [];
        const change = (datagram: Uint8Array): Uint8Array => {
          seen.push(datagram);
          const bytes = Uint8Array.from(datagram);
          switch (between(random, 0, 9)) {
            case 0:
              return bytes.subarray(0, between(random, 0, bytes.length));
            case 1:
              return Buffer.concat([bytes, random.bytes(between(random, 0, 50))]);
            case 2:
              return pick(random, seen);
            case 3:
              bytes.set(random.bytes(2), between(random, 0, bytes.length - 2));
              return bytes;
            default:
              return bytes;
          }
        };
        expectNoWrongKeys(new Pair({ change, seed }).run(40_000));
      }),
      { numRuns: 200 },
    );
  });

  it('the list of cipher suites cannot be shortened', () => {
    // The strongest that both have would be another one.
    const change = (datagram: Uint8Array): Uint8Array => {
      const bytes = Buffer.from(datagram);
      const at = bytes.indexOf(u16(0xc02b, 0xc02f, 0xc02c, 0xc030));
      if (at >= 0) bytes.set(u16(0xc02c, 0xc02c, 0xc02c, 0xc02c), at);
      return bytes;
    };
    const { client, server } = new Pair({ change }).run();
    expect([client.keys, server.keys]).toEqual([undefined, undefined]);
    expect(server.message).toContain('a signature is wrong'); // the client's is over what it sent
  });
});

describe('Whatever comes', () => {
  it('to an endpoint in any state, nothing is thrown', () => {
    const sent: Uint8Array[] = [];
    new Pair({
      change: (datagram) => {
        sent.push(datagram);
        return datagram;
      },
    }).run();
    const header = fc.tuple(fc.integer({ min: 20, max: 23 }), fc.nat(1), fc.uint8Array({ maxLength: 80 }));
    const record = header.map(([type, epoch, body]) =>
      Uint8Array.of(type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 7, 0, body.length, ...body),
    );
    const datagram = fc.oneof(record, fc.uint8Array({ maxLength: 100 }), fc.constantFrom(...sent));
    fc.assert(
      fc.property(fc.array(datagram, { maxLength: 12 }), fc.boolean(), (datagrams, isClient) => {
        const end = new End(isClient ? 'client' : 'server');
        end.endpoint.start(0);
        for (const [at, one] of datagrams.entries()) {
          end.endpoint.datagram(one, at * 100);
          end.endpoint.tick(at * 100);
        }
        expect(end.keys).toBeUndefined();
        expect(end.events.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  it('is no message, or one within its bytes', () => {
    const readers = [
      readCertificate,
      readCertificateRequest,
      readClientHello,
      readClientKeyExchange,
      readHelloVerifyRequest,
      readList16,
      readServerHello,
      readServerKeyExchange,
      readSigned,
      readUseSrtp,
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        for (const read of readers) read(bytes);
        const reader = new ByteReader(bytes);
        reader.take(50);
        reader.vector16();
        expect(reader.left).toBeLessThanOrEqual(Math.max(0, bytes.length - 50));
      }),
      { numRuns: 2000 },
    );
  });
});
