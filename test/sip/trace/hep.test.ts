/** HEP version 3, read by a decoder of the test's own, made from the specification. */
import { describe, expect, it } from 'vitest';
import { encodeHep } from '../../../src/sip/trace/hep.ts';
import { openLab, write } from '../lab.ts';

interface Hep {
  readonly [type: number]: Buffer;
}

/** @throws for what is no HEP3 packet to the last byte */
function decode(packet: Buffer): Hep {
  expect(packet.toString('latin1', 0, 4)).toBe('HEP3');
  expect(packet.readUInt16BE(4)).toBe(packet.length);
  const chunks: Record<number, Buffer> = {};
  let at = 6;
  while (at < packet.length) {
    expect(packet.readUInt16BE(at)).toBe(0);
    const length = packet.readUInt16BE(at + 4);
    expect(length).toBeGreaterThanOrEqual(6);
    chunks[packet.readUInt16BE(at + 2)] = packet.subarray(at + 6, at + length);
    at += length;
  }
  expect(at).toBe(packet.length);
  return chunks;
}

const number = (bytes: Buffer | undefined): number => bytes?.readUIntBE(0, bytes.length) ?? -1;

const ipv4 = {
  at: 1_700_000_000_123,
  direction: 'in',
  transport: 'udp',
  localAddress: '10.0.0.1',
  localPort: 5060,
  address: '10.0.0.2',
  port: 5070,
  bytes: new Uint8Array(),
} as const;

describe('a HEP packet', () => {
  it('says whence, whither, when and what', () => {
    const packet = encodeHep(ipv4, 'call-1', Buffer.from('OPTIONS …'), { captureId: 0x01020304, password: 'pw' });
    const hep = decode(Buffer.from(packet as Uint8Array));
    expect(Object.keys(hep).map(Number)).toEqual([1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 14, 15, 17]);
    expect([1, 2, 7, 8, 9, 10, 11, 12].map((type) => [type, hep[type]?.length, number(hep[type])])).toEqual([
      [1, 1, 2],
      [2, 1, 17],
      [7, 2, 5070],
      [8, 2, 5060],
      [9, 4, 1_700_000_000],
      [10, 4, 123_000],
      [11, 1, 1],
      [12, 4, 0x01020304],
    ]);
    expect([...(hep[3] ?? []), ...(hep[4] ?? [])]).toEqual([10, 0, 0, 2, 10, 0, 0, 1]);
    expect([14, 15, 17].map((type) => hep[type]?.toString())).toEqual(['pw', 'OPTIONS …', 'call-1']);
  });

  it('turns round for what is sent, and knows TCP and IPv6', () => {
    const message = {
      ...ipv4,
      direction: 'out',
      transport: 'tls',
      localAddress: '2001:db8::1',
      address: '2001:db8::2',
    };
    const packet = encodeHep(message as never, 'c', new Uint8Array(1), { captureId: 1, password: undefined });
    const hep = decode(Buffer.from(packet as Uint8Array));
    expect(Object.keys(hep).map(Number)).toEqual([1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 15, 17]);
    expect([number(hep[1]), number(hep[2]), number(hep[7]), number(hep[8])]).toEqual([10, 6, 5060, 5070]);
    expect(hep[5]?.toString('hex')).toBe('20010db8000000000000000000000001');
    expect(hep[6]?.toString('hex')).toBe('20010db8000000000000000000000002');
  });

  it('is none for a message that does not fit into a datagram', () => {
    const source = { captureId: 1, password: undefined };
    expect(encodeHep(ipv4, 'c', new Uint8Array(65_535), source)).toBeUndefined();
    expect(encodeHep(ipv4, 'c', new Uint8Array(65_000), source)).toBeDefined();
  });
});

describe('HEP export', () => {
  async function openCollector(host = '10.0.0.2') {
    const lab = await openLab({ trace: { hep: `udp:${host}:9060`, keep: 'none', captureId: 7, password: 'pw' } });
    const packets: Hep[] = [];
    lab.peer.openUdp('sip', 9060, (bytes) => packets.push(decode(Buffer.from(bytes))));
    await lab.clock.advance(0);
    return { ...lab, packets };
  }

  it('tells of every message in both directions, calls or not, without credentials', async () => {
    const lab = await openCollector();
    const authorization = 'Authorization: Digest username="bob", response="R3SPONSE", nonce="N"';
    const options = write({ method: 'OPTIONS', callId: 'o', headers: [authorization] });
    await lab.send(options);
    const texts = lab.packets.map((hep) => hep[15]?.toString('latin1') ?? '');
    expect(texts[0]).toBe(options.replace('R3SPONSE', '***').replace('"N"', '"***"'));
    expect(texts[1]).toBe(lab.last().text);
    expect(lab.packets.map((hep) => [number(hep[7]), number(hep[8]), hep[17]?.toString(), number(hep[12])])).toEqual([
      [5070, 5060, 'o', 7],
      [5060, 5070, 'o', 7],
    ]);
    expect(lab.endpoint.trace.of('o')).toEqual([]);
    expect(lab.endpoint.stats.counters.hepDropped).toBe(0);
  });

  it('finds the collector by name, and looks for it again when it is not there yet', async () => {
    const found = await openCollector('peer');
    await found.send(write({ method: 'OPTIONS' }));
    expect(found.packets).toHaveLength(2);
    await found.endpoint.close();

    const lab = await openLab({ trace: { hep: 'udp:homer:9060' } });
    await lab.send(write({ method: 'OPTIONS' }));
    expect(lab.heard()).toEqual(['200']);
    expect(lab.endpoint.stats.counters.hepDropped).toBe(2);
    const packets: Uint8Array[] = [];
    lab.network.host('homer', '10.0.0.9').openUdp('sip', 9060, (bytes) => packets.push(bytes));
    await lab.clock.advance(30_000);
    await lab.send(write({ method: 'OPTIONS' }));
    expect(packets).toHaveLength(2);
  });

  it('leaves nothing open, whether the collector was found or not', async () => {
    for (const host of ['10.0.0.2', 'nobody']) {
      const lab = await openLab({ trace: { hep: `udp:${host}:9060` } });
      await lab.clock.advance(10);
      await lab.endpoint.close();
      expect(lab.clock.pending).toBe(0);
      expect(lab.network.hostAt('10.0.0.1')?.open).toEqual([]);
    }
  });
});
