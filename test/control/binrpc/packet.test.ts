import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maxRequestBytes,
  type Packet,
  PacketReader,
  readAnswer,
  readPacket,
  writeFault,
  writePacket,
  writeRequest,
} from '../../../src/control/binrpc/packet.ts';
import * as golden from './golden.ts';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const asHex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');

describe('packets', () => {
  it('are the bytes of kamcmd and Kamailio', () => {
    expect(asHex(writeRequest(0x18a1e43b, 'dlg.stats_active', []))).toBe(
      'a1031318a1e43b9111646c672e73746174735f61637469766500',
    );
    expect(asHex(writeRequest(0x47e2c742, 'dlg.end_dlg', [1, 1]))).toBe(
      'a1031247e2c742910c646c672e656e645f646c670010011001',
    );
    expect(asHex(writeFault(0x47e2c742, 404, 'Dialog not found'))).toBe(
      'a1331647e2c74220019491114469616c6f67206e6f7420666f756e6400',
    );
    expect(asHex(writeFault(0, 400, 'bad request: corrupted packet'))).toBe(
      'a1302300200190911e62616420726571756573743a20636f72727570746564207061636b657400',
    );
    expect(asHex(writePacket('reply', 7, hex(golden.packet).subarray(5)))).toBe(golden.packet);
    expect(asHex(writePacket('reply', 7, new Uint8Array(0)))).toBe('a1100007');
    expect(asHex(writePacket('reply', 0xffff_ffff, new Uint8Array(616)))?.slice(0, 16)).toBe('a1170268ffffffff');
  });

  it('come out of a stream however it is cut', () => {
    const stream = Buffer.concat([
      writeRequest(1, 'core.version', []) as Buffer,
      writeRequest(0x1234_5678, 'core.echo', ['x'.repeat(500), 7]) as Buffer,
      writePacket('reply', 0, new Uint8Array(0)),
    ]);
    const whole = packetsOf(new PacketReader(maxRequestBytes), [stream]);
    expect(whole.map((packet) => packet && [packet.kind, packet.cookie])).toEqual([
      ['request', 1],
      ['request', 0x1234_5678],
      ['reply', 0],
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const reader = new PacketReader(maxRequestBytes);
        expect(packetsOf(reader, pieces(stream, sizes))).toEqual(whole);
        expect(reader.pending).toBe(0);
      }),
    );
  });

  it.each([
    ['another magic', 'b1030001'],
    ['another version', 'a2000001 00'],
    ['a type that is none', 'a120 0001'],
    ['text', Buffer.from('GET / HTTP/1.0\r\n\r\n').toString('hex')],
    ['a body that is too long', 'a10c ffffffff 07'],
    ['a packet that is one byte too long', `a104 ${(maxRequestBytes - 4).toString(16)} 07`],
  ])('end a stream that begins with %s, once', (_, bytes) => {
    const reader = new PacketReader(maxRequestBytes);
    expect(packetsOf(reader, [hex(bytes)])).toEqual([undefined]);
    expect(packetsOf(reader, [hex('a1000007')])).toEqual([]);
    expect(reader.pending).toBe(0);
  });

  it('tell a stream that is none by its first byte', () => {
    expect(packetsOf(new PacketReader(100), [hex('00')])).toEqual([undefined]);
  });

  it('that come before what is none are given first', () => {
    const reader = new PacketReader(maxRequestBytes);
    const found = packetsOf(reader, [Buffer.concat([writeRequest(5, 'core.version', []) as Buffer, hex('00')])]);
    expect(found.map((packet) => packet?.cookie)).toEqual([5, undefined]);
  });

  it('hold no more than the largest one, however much comes', () => {
    const reader = new PacketReader(1000);
    const stream = Buffer.concat(Array.from({ length: 500 }, (_, i) => writePacket('request', i, new Uint8Array(90))));
    let found = 0;
    for (const _ of reader.push(stream)) {
      found++;
      expect(reader.pending).toBeLessThanOrEqual(1000);
    }
    expect(found).toBe(500);
  });

  it('in a datagram are whole and alone', () => {
    const one = writeRequest(9, 'core.version', []) as Buffer;
    expect(readPacket(one)?.cookie).toBe(9);
    expect(readPacket(one.subarray(0, -1))).toBeUndefined();
    expect(readPacket(Buffer.concat([one, one]))).toBeUndefined();
    expect(readPacket(new Uint8Array(0))).toBeUndefined();
  });

  it('of a request that is too long are not made', () => {
    expect(writeRequest(1, 'core.echo', ['x'.repeat(66_000)])).toBeUndefined();
  });

  it('of an answer are read as reply or fault', () => {
    const packet = readPacket(writeFault(3, 404, 'Dialog not found')) as Packet;
    expect(readAnswer(packet)).toEqual({ fault: { code: 404, text: 'Dialog not found' } });
    expect(readAnswer({ kind: 'reply', cookie: 1, body: hex('1005') })).toEqual({
      records: [{ type: 'int', value: 5 }],
    });
    expect(readAnswer({ kind: 'reply', cookie: 1, body: hex('50') })).toBeUndefined();
    expect(readAnswer({ kind: 'fault', cookie: 1, body: hex('1005') })).toBeUndefined();
    expect(readAnswer({ kind: 'request', cookie: 1, body: hex('1005') })).toBeUndefined();
  });
});

function packetsOf(reader: PacketReader, parts: readonly Uint8Array[]): (Packet | undefined)[] {
  return parts.flatMap((part) => [...reader.push(part)]);
}

function pieces(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = sizes[i % sizes.length] as number;
    parts.push(stream.subarray(at, at + size));
    at += size;
  }
  return parts;
}
