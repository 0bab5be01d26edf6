/** Our own address as a STUN server sees it. */
import { describe, expect, it } from 'vitest';
import { hostCandidate } from '../../../media/ice/candidate.ts';
import { ReflexiveGatherer } from '../../../media/ice/gather.ts';
import { StunWriter } from '../../../media/stun/writer.ts';
import { seededRandom } from '../../../src/testing/index.ts';
import { read } from './support.ts';

const base = hostCandidate('192.168.0.5', 20_000);
const server = { address: '198.51.100.1', port: 3478 };

function gather() {
  const sent: Uint8Array[] = [];
  const send = (bytes: Uint8Array, length: number): number => sent.push(bytes.slice(0, length));
  const gatherer = new ReflexiveGatherer({ random: seededRandom(1), base, server, send }, 0);
  const answer = (kind: 2 | 3 = 2) => new StunWriter(kind, 1, read(sent[0]!).transaction);
  const give = (bytes: Uint8Array, from = server) => gatherer.datagram(bytes, 0, bytes.length, from);
  return { sent, gatherer, answer, give };
}

describe('a STUN server', () => {
  it('that answers makes a candidate', () => {
    const { gatherer, answer, give } = gather();
    expect(give(answer().xorMappedAddress('203.0.113.5', 40_000).message)).toBe(true);
    expect(gatherer.state).toBe('found');
    expect(gatherer.candidate).toEqual({
      foundation: 's1',
      component: 1,
      transport: 'udp',
      priority: 1_694_498_815,
      address: '203.0.113.5',
      port: 40_000,
      type: 'srflx',
      relatedAddress: '192.168.0.5',
      relatedPort: 20_000,
    });
    expect(gatherer.due).toBeUndefined();
  });

  it('that sees us where we are makes none', () => {
    const { gatherer, answer, give } = gather();
    give(answer().xorMappedAddress(base.address, base.port).fingerprint().message);
    expect(gatherer).toMatchObject({ state: 'none', candidate: undefined });
  });

  it('that does not answer is asked twice, then no more', () => {
    const { sent, gatherer } = gather();
    const at: number[] = [];
    for (let due = gatherer.due; due !== undefined; due = gatherer.tick(due)) at.push(due);
    expect(at).toEqual([500, 1500]);
    expect(sent).toHaveLength(2);
    expect(new Set(sent.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
    expect(gatherer.state).toBe('failed');
  });

  it('that refuses, or says something else than an address, is no use', () => {
    for (const make of [
      (w: StunWriter) => w.error(500, 'Server Error'),
      (w: StunWriter) => w.xorMappedAddress('2001:db8::1', 5),
      (w: StunWriter) => w.xorMappedAddress('203.0.113.5', 0),
      (w: StunWriter) => w,
    ]) {
      const { gatherer, answer, give } = gather();
      expect(give(make(answer()).message)).toBe(true);
      expect(gatherer.state).toBe('failed');
    }
  });

  it('is not confused with anybody else', () => {
    const { gatherer, sent, answer, give } = gather();
    const right = answer().xorMappedAddress('203.0.113.5', 40_000).message;
    expect(give(right, { ...server, port: 1 })).toBe(false);
    expect(give(new StunWriter(2, 1, new Uint8Array(12)).message)).toBe(false);
    expect(give(sent[0]!)).toBe(false);
    expect(give(right.subarray(0, 21))).toBe(false);
    expect(gatherer.state).toBe('asking');
  });
});
