/** STUN (RFC 8489): the vectors of RFC 5769, and what has to hold of any message. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HmacSha1 } from '../../../media/srtp/sha1.ts';
import { attributeType, type StunClass, stunClass } from '../../../media/stun/constants.ts';
import { shortTermKey } from '../../../media/stun/integrity.ts';
import { ipBytes, ipText } from '../../../media/stun/ip.ts';
import { StunReader } from '../../../media/stun/reader.ts';
import { StunWriter } from '../../../media/stun/writer.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const key = shortTermKey('VOkJxbRl1RmTxUk/WvJxBt');
const transaction = hex('b7e7a701bc34d686fa87dfae');

/** RFC 5769 §2.1 to §2.4. */
const vectors = {
  request: hex(`00010058 2112a442 b7e7a701 bc34d686 fa87dfae
    80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff 80290008 932ff9b1 51263b36
    00060009 6576746a 3a683676 59202020
    00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`),
  ipv4: hex(`0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
    8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
    00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`),
  ipv6: hex(`01010048 2112a442 b7e7a701 bc34d686 fa87dfae
    8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
    00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`),
  longTerm: hex(`00010060 2112a442 78ad3433 c6ad72c0 29da412e
    00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
    0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341
    0014000b 6578616d 706c652e 6f726700
    00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`),
};

function read(bytes: Uint8Array, offset = 0, length = bytes.length): StunReader {
  const reader = new StunReader();
  expect(reader.read(bytes, offset, length)).toBe(true);
  return reader;
}

describe('the vectors of RFC 5769', () => {
  it('§2.1: a request', () => {
    const request = read(vectors.request);
    expect(request).toMatchObject({ class: stunClass.request, method: 1, username: 'evtj:h6vY', priority: 0x6e0001ff });
    expect(request).toMatchObject({ controlled: { high: 0x932ff9b1, low: 0x51263b36 }, controlling: undefined });
    expect(request).toMatchObject({ fingerprintRight: true, useCandidate: false, unknown: [] });
    expect(request.transaction).toEqual(transaction);
    expect(request.usernameIs('evtj:', false)).toBe(true);
    expect(request.usernameIs('evtj:', true)).toBe(false);
    expect(request.integrityRight(key)).toBe(true);
    expect(request.integrityRight(shortTermKey('another'))).toBe(false);
  });

  it.each([
    ['§2.2', vectors.ipv4, '192.0.2.1'],
    ['§2.3', vectors.ipv6, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s: a response', (_, bytes, address) => {
    const response = read(bytes);
    expect(response).toMatchObject({ class: stunClass.success, method: 1, mapped: { address, port: 32_853 } });
    expect(response.fingerprintRight).toBe(true);
    expect(response.integrityRight(key)).toBe(true);
  });

  it('§2.4: a request with long-term credentials', () => {
    const request = read(vectors.longTerm);
    expect(request.username).toBe('マトリックス');
    const longTermKey = createHash('md5').update('マトリックス:example.org:TheMatrIX').digest();
    expect(request.integrityRight(new HmacSha1(longTermKey))).toBe(true);
    expect(request.fingerprintRight).toBe(false);
  });

  it('are what is written, but for what pads them', () => {
    const software = new TextEncoder().encode('test vector');
    for (const [bytes, address] of [
      [vectors.ipv4, '192.0.2.1'],
      [vectors.ipv6, '2001:db8:1234:5678:11:2233:4455:6677'],
    ] as const) {
      const written = new StunWriter(stunClass.success, 1, transaction)
        .put(attributeType.software, software)
        .xorMappedAddress(address, 32_853);
      const end = 20 + 16 + (address.includes(':') ? 24 : 12);
      expect(written.length).toBe(end);
      expect(written.message.subarray(20, 35)).toEqual(bytes.subarray(20, 35));
      expect(written.message.subarray(36)).toEqual(bytes.subarray(36, end));
      const signed = read(written.integrity(key).fingerprint().message);
      expect(signed.integrityRight(key) && signed.fingerprintRight).toBe(true);
    }
  });
});

describe('a message', () => {
  it('is refused when its length, its cookie or one of its attributes does not fit', () => {
    const reader = new StunReader();
    const spoilt = (at: number, value: number): Uint8Array => {
      const bytes = Uint8Array.from(vectors.request);
      bytes[at] = value;
      return bytes;
    };
    for (const bytes of [spoilt(0, 0x80), spoilt(3, 0x5c), spoilt(4, 0), spoilt(23, 0xff), spoilt(43, 5)])
      expect(reader.read(bytes, 0, bytes.length)).toBe(false);
    for (let length = 0; length < vectors.request.length; length++)
      expect(reader.read(vectors.request, 0, length)).toBe(false);
  });

  it('is refused when anything stands behind its fingerprint; behind its integrity nothing counts', () => {
    const late = new StunWriter(0, 1, transaction)
      .text(6, 'a:b')
      .integrity(key)
      .flag(0x25)
      .uint32(0x24, 1)
      .uint32(0x7777, 1);
    const reader = read(late.fingerprint().message);
    expect(reader).toMatchObject({ useCandidate: false, priority: undefined, unknown: [] });
    expect(reader.integrityRight(key)).toBe(true);
    const behind = new StunWriter(0, 1, transaction).fingerprint().flag(0x25).message;
    expect(new StunReader().read(behind, 0, behind.length)).toBe(false);
  });

  it('keeps its bytes when its integrity is looked at', () => {
    const bytes = Uint8Array.from(vectors.request);
    read(bytes).integrityRight(key);
    expect(bytes).toEqual(vectors.request);
  });

  it('written is read as it was meant, wherever it lies', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffffffff });
    const message = fc.record({
      kind: fc.constantFrom<StunClass>(0, 1, 2, 3),
      method: fc.integer({ min: 0, max: 0xfff }),
      transaction: fc.uint8Array({ minLength: 12, maxLength: 12 }),
      username: fc.string({ unit: 'grapheme-ascii', maxLength: 513 }),
      priority: uint32,
      tieBreaker: fc.record({ high: uint32, low: uint32 }),
      address: fc.oneof(fc.ipV4(), fc.ipV6()),
      port: fc.integer({ min: 0, max: 0xffff }),
      code: fc.integer({ min: 300, max: 699 }),
      password: fc.string({ maxLength: 256 }),
      offset: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(message, (it) => {
        const secret = shortTermKey(it.password);
        const written = new StunWriter(it.kind, it.method, it.transaction)
          .text(attributeType.username, it.username)
          .uint32(attributeType.priority, it.priority)
          .tieBreaker(attributeType.iceControlling, it.tieBreaker)
          .flag(attributeType.useCandidate)
          .error(it.code, 'whatever')
          .xorMappedAddress(it.address, it.port)
          .unknownAttributes([1, 2, 3])
          .integrity(secret)
          .fingerprint().message;
        const bytes = new Uint8Array(it.offset + written.length + 5);
        bytes.set(written, it.offset);
        const reader = read(bytes, it.offset, written.length);
        expect(reader).toMatchObject({
          class: it.kind,
          method: it.method,
          username: it.username,
          priority: it.priority,
          controlling: it.tieBreaker,
          controlled: undefined,
          useCandidate: true,
          errorCode: it.code,
        });
        expect(reader.isOf(it.transaction)).toBe(true);
        const mapped = reader.mapped!;
        expect(mapped.port).toBe(it.port);
        expect(ipBytes(mapped.address)).toEqual(ipBytes(it.address));
        expect(reader.integrityRight(secret) && reader.fingerprintRight).toBe(true);
      }),
    );
  });

  it('with one bit turned is never right', () => {
    const bits = fc.integer({ min: 0, max: 8 * vectors.request.length - 1 });
    fc.assert(
      fc.property(bits, (bit) => {
        const bytes = Uint8Array.from(vectors.request);
        bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
        const reader = new StunReader();
        expect(reader.read(bytes, 0, bytes.length) && reader.fingerprintRight && reader.integrityRight(key)).toBe(
          false,
        );
      }),
    );
  });

  it('of any bytes is read or refused, and asked about, without an error', () => {
    const head = fc.constantFrom(hex(''), vectors.request.subarray(0, 20), vectors.ipv6.subarray(0, 28));
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 200 }), (start, rest) => {
        const bytes = Uint8Array.from([...start, ...rest]);
        if (bytes.length >= 20) new DataView(bytes.buffer).setUint16(2, bytes.length - 20);
        const before = Uint8Array.from(bytes);
        const reader = new StunReader();
        if (!reader.read(bytes, 0, bytes.length)) return;
        const { errorCode, mapped, username, controlled, controlling, unknown } = reader;
        expect([errorCode, mapped, username, controlled, controlling, unknown.length <= 8]).toHaveLength(6);
        reader.integrityRight(key);
        expect(reader.fingerprintRight).toBeTypeOf('boolean');
        expect(bytes).toEqual(before);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an address', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001'],
    ['1:0:0:2::3', '00010000000000020000000000000003'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
  ])('%s is read and written', (text, bytes) => {
    expect(ipBytes(text)).toEqual(hex(bytes));
    expect(ipText(hex(bytes), 0, bytes.length / 2)).toBe(text);
  });

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1..2.3',
    '1.2.3.4 ',
    'host.local',
    ':',
    ':::',
    '1::2::3',
  ])('%j is none', (text) => {
    expect(ipBytes(text)).toBeUndefined();
  });

  it.each([
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3',
    '1.2.3.4::',
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
    'g::',
  ])('%j is none, either', (text) => {
    expect(ipBytes(text)).toBeUndefined();
  });
});
