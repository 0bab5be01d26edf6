import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Forwarder } from '../../media/bridge.ts';
import { readRtp, rtpView, writeRtpHeader } from '../../media/rtp/packet.ts';
import { RtpReceiver } from '../../media/rtp/receiver.ts';
import { readRtcp, writeRtcp } from '../../media/rtp/rtcp.ts';
import { RtpSender } from '../../media/rtp/sender.ts';
import { addSeq, addTimestamp, seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import { seededRandom } from '../../src/testing/index.ts';

const seq = fc.nat(0xffff);
const uint32 = fc.nat(0xffffffff);

describe('numbers that wrap', () => {
  it('add and subtract to what they were', () => {
    fc.assert(
      fc.property(seq, uint32, fc.integer({ min: -32_000, max: 32_000 }), (s, t, n) => {
        expect(seqDiff(addSeq(s, n), s)).toBe(n);
        expect(timestampDiff(addTimestamp(t, n), t)).toBe(n);
      }),
    );
  });
});

describe('an RTP packet', () => {
  it('reads as it was written, wherever it lies in a buffer', () => {
    const packet = fc.record({ type: fc.nat(63), marker: fc.boolean(), seq, timestamp: uint32, ssrc: uint32 });
    fc.assert(
      fc.property(packet, fc.nat(40), fc.nat(200), ({ type, marker, seq: sequence, timestamp, ssrc }, at, length) => {
        const buffer = new Uint8Array(at + 12 + length + 5);
        writeRtpHeader(buffer, at, type, marker, sequence, timestamp, ssrc);
        const view = rtpView();
        expect(readRtp(buffer, at, 12 + length, view)).toBe(true);
        const payload = { payloadOffset: at + 12, payloadLength: length };
        expect(view).toEqual({ payloadType: type, marker, sequence, timestamp, ssrc, ...payload });
      }),
    );
  });

  it('keeps contributors, extension and padding out of the payload', () => {
    const bytes = new Uint8Array(12 + 8 + 4 + 4 + 10 + 3);
    writeRtpHeader(bytes, 0, 0, false, 1, 2, 3);
    bytes[0] = 0x80 | 0x20 | 0x10 | 2; // padding, extension, two CSRCs
    bytes[12 + 8 + 3] = 1; // one word of extension
    bytes[bytes.length - 1] = 3;
    const view = rtpView();
    expect(readRtp(bytes, 0, bytes.length, view)).toBe(true);
    expect(view).toMatchObject({ payloadOffset: 28, payloadLength: 10 });
    bytes[bytes.length - 1] = 200;
    expect(readRtp(bytes, 0, bytes.length, view)).toBe(false);
  });

  it('is never found beyond the datagram, whatever is in it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const view = rtpView();
        if (!readRtp(bytes, 0, bytes.length, view)) return;
        expect(view.payloadOffset).toBeGreaterThanOrEqual(12);
        expect(view.payloadOffset + view.payloadLength).toBeLessThanOrEqual(bytes.length);
        expect(view.payloadLength).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('what was received', () => {
  const receiveAll = (numbers: readonly number[]): RtpReceiver => {
    const receiver = new RtpReceiver();
    for (const [i, n] of numbers.entries()) receiver.packet(n & 0xffff, n * 160, 1, 160, i * 20, 8000);
    return receiver;
  };

  it('counts what is lost, late and double, across a wrap', () => {
    const receiver = receiveAll([65_533, 65_534, 65_536, 65_535, 65_536, 65_539]);
    expect(receiver.lost).toBe(2);
    expect(receiver.state).toMatchObject({ packets: 6, octets: 960, outOfOrder: 1, duplicates: 1 });
    expect(receiver.report()).toMatchObject({ lost: 2, fractionLost: 73, highest: 65_539 });
    expect(receiver.report()).toMatchObject({ lost: 2, fractionLost: 0 });
  });

  it('takes a jump for a new beginning only when a second packet confirms it', () => {
    const receiver = new RtpReceiver();
    const arrivals = [1, 2, 30_000, 3, 40_000, 40_001].map((n) => receiver.packet(n, 0, 1, 1, 0, 0));
    expect(arrivals).toEqual(['restart', 'next', 'bad', 'next', 'bad', 'restart']);
  });

  it('takes another SSRC for another source only when two of its packets come in sequence (RFC 3550 §A.1)', () => {
    const receiver = new RtpReceiver();
    const take = (n: number, ssrc: number): string => receiver.packet(n, 0, ssrc, 1, 0, 0);
    expect([take(65_534, 1), take(65_535, 1)]).toEqual(['restart', 'next']);
    // Packets from nowhere among them change nothing.
    expect([take(7, 2), take(0, 1), take(9, 2), take(1, 1), take(9, 3), take(2, 1)]).toEqual([
      ...['bad', 'next', 'bad', 'next', 'bad', 'next'],
    ]);
    expect(receiver.state).toMatchObject({ ssrc: 1, invalid: 3 });
    expect(receiver.lost).toBe(0);
    expect([take(65_535, 4), take(0, 4), take(3, 1), take(1, 4)]).toEqual(['bad', 'restart', 'bad', 'next']);
    expect(receiver.state.ssrc).toBe(4);
    expect(receiver.expected).toBe(5 + 2);
  });

  it('has no jitter on a steady stream, and the mean deviation on another', () => {
    const steady = new RtpReceiver();
    const uneven = new RtpReceiver();
    for (let i = 0; i < 500; i++) {
      steady.packet(i, i * 160, 1, 160, i * 20, 8000);
      uneven.packet(i, i * 160, 1, 160, i * 20 + (i % 2) * 5, 8000);
    }
    expect(steady.jitter).toBe(0);
    expect(uneven.jitter).toBeCloseTo(40, 0);
  });
});

describe('a sender', () => {
  it('keeps pace with the clock over pauses, and never goes back', () => {
    const sender = RtpSender.create(seededRandom(1));
    const first = sender.begin(100, 8000);
    const send = (at: number): number => {
      const timestamp = sender.begin(at, 8000);
      sender.sent(sender.nextSequence, timestamp, 160, at, 160);
      return timestampDiff(timestamp, first);
    };
    expect([send(100), send(120), send(1120)]).toEqual([0, 160, 8160]);
    // Begun within a packet, twice: 30 ms ahead. The pause behind it is so much shorter.
    expect([send(1125), send(1130)]).toEqual([8320, 8480]);
    expect(sender.busyUntil(8000)).toBe(1180);
    expect(send(1280)).toBe(8 * 1180);
  });
});

describe('forwarding', () => {
  it('closes up over what is left out, and keeps every other distance', () => {
    const pattern = fc.array(fc.record({ skip: fc.nat(3), leave: fc.boolean() }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(pattern, seq, seq, (packets, start, outStart) => {
        const forwarder = new Forwarder();
        forwarder.begin(1, start, 0, outStart, 0);
        let input = start;
        let last = addSeq(outStart, -1);
        let gap = 0;
        for (const [i, { skip, leave }] of packets.entries()) {
          input = addSeq(input, i === 0 ? 0 : 1 + skip);
          if (i > 0) gap += skip;
          if (leave && i > 0) {
            forwarder.leaveOut(1, input);
            continue;
          }
          const out = forwarder.sequence(input);
          expect(seqDiff(out, last)).toBe(1 + gap);
          gap = 0;
          last = out;
        }
      }),
    );
  });
});

describe('RTCP', () => {
  const report = {
    ssrc: 7,
    fractionLost: 25,
    lost: 12,
    highest: 70_000,
    jitter: 33,
    lastSenderReport: 0x12345678,
    delay: 65_536,
  };

  it('reads as it was written', () => {
    const sender = { ntp: 0x0123456789abcdefn, timestamp: 42, packets: 10, octets: 1600 };
    const bytes = writeRtcp({ ssrc: 5, cname: 'a@b', sender, report, bye: true });
    expect(bytes.length % 4).toBe(0);
    expect(readRtcp(bytes)).toEqual({
      ssrc: 5,
      ntp: 0x456789ab,
      cname: 'a@b',
      bye: true,
      reports: [{ ssrc: 7, fractionLost: 25, lost: 12, jitter: 33, lastSenderReport: 0x12345678, delay: 65_536 }],
    });
    expect(readRtcp(writeRtcp({ ssrc: 5, cname: 'ab' }))).toMatchObject({ ntp: undefined, reports: [], bye: false });
  });

  it('ends the items of every description with a null octet, however long the name', () => {
    for (let length = 1; length < 10; length++) {
      const bytes = writeRtcp({ ssrc: 5, cname: 'x'.repeat(length) });
      expect(bytes.at(-1)).toBe(0);
      expect(readRtcp(bytes)!.cname).toBe('x'.repeat(length));
    }
  });

  it('never throws on what it is given: cut short, with bytes turned, or of any kind', () => {
    const valid = writeRtcp({ ssrc: 5, cname: 'a@b', report, bye: true });
    fc.assert(
      fc.property(fc.nat(valid.length), fc.nat(valid.length - 1), fc.nat(255), (length, at, value) => {
        const bytes = valid.slice();
        bytes[at] = value;
        expect(() => readRtcp(bytes.subarray(0, length))).not.toThrow();
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(200, 201, 202, 203, 205), (bytes, type) => {
        if (bytes.length > 1) bytes.set([0x80 | (bytes[0]! & 0x3f), type]);
        expect(() => readRtcp(bytes)).not.toThrow();
      }),
    );
  });
});
