/** Records, fragments and numbers, each on its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, concat, u8, u16, u24 } from '../../../media/dtls/bytes.ts';
import { groups, prf } from '../../../media/dtls/crypto.ts';
import { Reassembly } from '../../../media/dtls/reassembly.ts';
import { RecordCipher, ReplayWindow, readRecords } from '../../../media/dtls/records.ts';
import { seededRandom } from '../../../src/testing/index.ts';

const any = (): boolean => true;

function fragment(sequence: number, body: Uint8Array, from: number, to: number, type = 11): Uint8Array {
  return concat(u8(type), u24(body.length), u16(sequence), u24(from), u24(to - from), body.subarray(from, to));
}

describe('Fragments', () => {
  it('make a message, however they are cut, overlap, and come', () => {
    const cut = fc.tuple(fc.nat(400), fc.nat(60));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.array(cut, { maxLength: 40 }), (body, cuts) => {
        const reassembly = new Reassembly();
        for (const [at, length] of cuts) {
          const from = Math.min(at, body.length);
          const to = Math.min(body.length, from + length);
          expect(reassembly.add(new ByteReader(fragment(0, body, from, to)), any)).toBe('used');
        }
        const rest = Math.ceil(body.length / 3);
        for (let from = body.length - (body.length % rest || rest); from >= 0; from -= rest)
          reassembly.add(new ByteReader(fragment(0, body, from, Math.min(body.length, from + rest))), any);
        expect(Buffer.from(reassembly.take()!.body)).toEqual(Buffer.from(body));
        expect(reassembly.take()).toBeUndefined();
      }),
    );
  });

  it('of messages to come wait for their turn; of those that were answered they say so', () => {
    const reassembly = new Reassembly();
    const one = (sequence: number): string =>
      reassembly.add(new ByteReader(fragment(sequence, Uint8Array.of(sequence), 0, 1)), any);
    expect([one(1), one(7), one(8)]).toEqual(['used', 'used', 'bad']);
    expect(reassembly.take()).toBeUndefined();
    one(0);
    expect([reassembly.take()?.body[0], reassembly.take()?.body[0], reassembly.take()]).toEqual([0, 1, undefined]);
    expect([one(0), one(1)]).toEqual(['used', 'used']);
    reassembly.answer();
    expect([one(0), one(1), one(2)]).toEqual(['answered', 'answered', 'used']);
  });

  it('take no more than 16 kB, and never from the message that is next', () => {
    const reassembly = new Reassembly();
    const begin = (sequence: number, length: number): string =>
      reassembly.add(new ByteReader(fragment(sequence, new Uint8Array(length), 0, 1)), any);
    expect([begin(1, 16_385), begin(1, 16_000), begin(2, 400), begin(2, 100)]).toEqual(['bad', 'used', 'bad', 'used']);
    const body = new Uint8Array(16_384);
    expect(reassembly.add(new ByteReader(fragment(0, body, 0, body.length)), any)).toBe('used');
    expect(reassembly.take()?.body).toHaveLength(16_384);
    expect(begin(1, 16_384)).toBe('used');
  });

  it('with more gaps than anybody sends are refused', () => {
    const reassembly = new Reassembly();
    const body = new Uint8Array(1000);
    const uses = Array.from({ length: 40 }, (_, i) =>
      reassembly.add(new ByteReader(fragment(0, body, 2 * i, 2 * i + 1)), any),
    );
    expect(uses.lastIndexOf('used')).toBe(31);
    expect(reassembly.add(new ByteReader(fragment(0, body, 0, 1000)), any)).toBe('used');
    expect(reassembly.take()).toBeDefined();
  });

  it('that contradict each other do not stop the true one', () => {
    const reassembly = new Reassembly();
    reassembly.add(new ByteReader(fragment(0, new Uint8Array(5000), 3, 9, 14)), any);
    const body = Uint8Array.of(1, 2, 3);
    reassembly.add(new ByteReader(fragment(0, body, 0, 3)), any);
    expect(reassembly.take()?.body).toEqual(Buffer.from(body));
  });
});

describe('Records', () => {
  it('can be read of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const { header, fragment } of readRecords(bytes)) {
          expect(header).toHaveLength(13);
          expect(fragment.length).toBeLessThanOrEqual(bytes.length - 13);
        }
      }),
    );
  });

  it.each([16, 32])('open as they were sealed, and not with a bit turned: key of %i bytes', (keyBytes) => {
    const cipher = new RecordCipher(new Uint8Array(keyBytes).fill(7), Uint8Array.of(1, 2, 3, 4));
    const header = (length: number): Uint8Array => concat(u8(22), u16(0xfefd, 1, 0, 0, 5, length));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(), (content, bit) => {
        const sealed = cipher.seal(header(content.length), content);
        const bytes = concat(header(sealed.length), sealed);
        expect(Buffer.from(cipher.open(readRecords(bytes)[0]!)!)).toEqual(Buffer.from(content));
        const at = bit % (8 * bytes.length);
        bytes[at >> 3]! ^= 1 << (at & 7);
        const [record] = readRecords(bytes);
        if (record) expect(cipher.open(record)).toBeUndefined();
      }),
    );
  });

  it('count once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 200 }), (sequences) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const sequence of sequences) {
          const tooOld = sequence <= Math.max(-1, ...seen) - 64;
          expect(window.isNew(sequence)).toBe(!tooOld && !seen.has(sequence));
          if (tooOld) continue;
          window.mark(sequence);
          seen.add(sequence);
        }
      }),
    );
  });
});

describe('Cryptography', () => {
  it('derives as others do', () => {
    // https://www.ietf.org/mail-archive/web/tls/current/msg03416.html
    const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
    const secret = hex('9b be 43 6b a9 40 f0 17 b1 76 52 84 9a 71 db 35');
    const seed = hex('a0 ba 9f 93 6c da 31 18 27 a6 f7 96 ff d5 19 8c');
    expect(Buffer.from(prf('sha256', secret, 'test label', seed, 100)).toString('hex')).toBe(
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17' +
        'abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    );
  });

  it.each(groups)('$name: two shares have one secret, and what is no share has none', ({ newShare }) => {
    const [a, b] = [newShare(seededRandom(1)), newShare(seededRandom(2))];
    expect(a.secret(b.public)).toEqual(b.secret(a.public));
    expect(newShare(seededRandom(1)).public).toEqual(a.public);
    for (const peer of [new Uint8Array(0), new Uint8Array(a.public.length), new Uint8Array(200)])
      expect(() => a.secret(peer)).toThrow();
    const beside = Uint8Array.from(b.public);
    beside[64] = (beside[64] ?? 0) ^ 1;
    if (b.public.length === 65) expect(() => a.secret(beside)).toThrow();
  });
});
