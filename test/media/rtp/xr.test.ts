/** Extended RTCP reports (RFC 3611): the bytes, how losses are spread, and what a leg makes of both. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NegotiatedAudio } from '../../../media/index.ts';
import { burstMetrics, countBurst, createBursts } from '../../../media/rtp/bursts.ts';
import { RtpReceiver } from '../../../media/rtp/receiver.ts';
import { readRtcp, writeRtcp } from '../../../media/rtp/rtcp.ts';
import { readXr, type VoipMetrics, writeXr } from '../../../media/rtp/xr.ts';
import { openLab } from '../support/lab.ts';
import { noise } from '../support/open-media.ts';
import { negotiated, rtpBytes } from '../support/phone.ts';

const metrics: VoipMetrics = {
  lossRate: 0.125,
  discardRate: 0.0625,
  burstDensity: 0.5,
  gapDensity: 0.03125,
  burstMs: 500,
  gapMs: 70_000,
  roundTripMs: 120,
  endSystemDelayMs: 60,
  signalLevel: -20,
  noiseLevel: undefined,
  echoReturnLoss: undefined,
  rFactor: 81.4,
  mosLq: 4.2,
  mosCq: 3.96,
  jitterBufferMs: 40,
  jitterBufferMaxMs: 200,
};

describe('an extended report', () => {
  it('is laid out as RFC 3611 draws it', () => {
    const bytes = writeXr(0x01020304, {
      reference: 0xaabbccdd_11223344n,
      since: { ssrc: 0x0a0b0c0d, reference: 0xccdd1122, delay: 65_536 },
      metrics: { ...metrics, ssrc: 0x0a0b0c0d, adaptive: true },
    })!;
    const words = Array.from({ length: bytes.length / 4 }, (_, i) =>
      Buffer.from(bytes).toString('hex', i * 4, i * 4 + 4),
    );
    expect(words).toEqual([
      ...['80cf0011', '01020304'],
      ...['04000002', 'aabbccdd', '11223344'],
      ...['05000003', '0a0b0c0d', 'ccdd1122', '00010000'],
      ...['07000008', '0a0b0c0d', '20108008', '01f4ffff', '0078003c', 'ec7f7f10', '517f2a28', 'f0000028', '00c800c8'],
    ]);
  });

  it('is read back out of a compound', () => {
    const compound = writeRtcp({
      ssrc: 7,
      cname: 'a',
      xr: {
        reference: 1n << 32n,
        since: { ssrc: 9, reference: 5, delay: 6 },
        metrics: { ...metrics, ssrc: 9, adaptive: false },
      },
      bye: true,
    });
    expect(readRtcp(compound)).toMatchObject({
      ssrc: 7,
      cname: 'a',
      bye: true,
      xr: {
        reference: 0x10000,
        since: [{ ssrc: 9, reference: 5, delay: 6 }],
        metrics: [{ ssrc: 9, metrics: { ...metrics, gapMs: 65_535, rFactor: 81, mosCq: 4 } }],
      },
    });
    expect(readRtcp(writeRtcp({ ssrc: 7, cname: 'a', xr: {} }))?.xr).toBeUndefined();
  });

  it('of somebody else, in a compound of the peer, does not count', () => {
    const other = writeXr(8, { metrics: { ...metrics, ssrc: 9, adaptive: true } })!;
    const compound = Buffer.concat([writeRtcp({ ssrc: 7, cname: 'a' }), other]);
    expect(readRtcp(compound)).toMatchObject({ ssrc: 7, xr: undefined });
  });

  it('with values that cannot be has none', () => {
    const bytes = writeXr(7, { metrics: { ...metrics, ssrc: 9, adaptive: true } })!;
    bytes.set([127, 127, 200, 16, 101, 101, 9, 51], 8 + 20);
    expect(readXr(bytes.subarray(8)).metrics[0]?.metrics).toMatchObject({
      signalLevel: undefined,
      noiseLevel: undefined,
      echoReturnLoss: undefined,
      rFactor: undefined,
      mosLq: undefined,
      mosCq: undefined,
    });
  });

  it('passes over blocks it does not know, or of another length', () => {
    const known = writeXr(7, { reference: 1n << 16n })!.subarray(8);
    const unknown = Uint8Array.of(1, 0, 0, 1, 9, 9, 9, 9, 7, 0, 0, 0, 4, 0, 0, 0);
    expect(readXr(Buffer.concat([unknown, known]))).toEqual({ reference: 1, since: [], metrics: [] });
  });

  it('whatever is in it, throws nothing and gives nothing out of range', () => {
    const real = writeRtcp({
      ssrc: 7,
      cname: 'a',
      xr: { reference: 5n, metrics: { ...metrics, ssrc: 9, adaptive: true } },
    });
    const mutant = fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { maxLength: 12 }).map((changes) => {
      const bytes = Uint8Array.from(real);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    const check = (xr: ReturnType<typeof readXr>): void => {
      expect(xr.since.length + xr.metrics.length).toBeLessThanOrEqual(64);
      for (const { metrics: m } of xr.metrics) {
        for (const share of [m.lossRate, m.discardRate, m.burstDensity, m.gapDensity])
          expect(share >= 0 && share < 1).toBe(true);
        for (const mos of [m.mosLq, m.mosCq]) expect(mos === undefined || (mos >= 1 && mos <= 5)).toBe(true);
        expect(m.rFactor === undefined || (m.rFactor >= 0 && m.rFactor <= 100)).toBe(true);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (body) => check(readXr(body))),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(mutant, fc.nat(real.length), (bytes, length) => {
        const xr = readRtcp(bytes.subarray(0, length))?.xr;
        if (xr) check(xr);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('how losses are spread', () => {
  const spread = (pattern: string) => {
    const state = createBursts();
    for (const mark of pattern) countBurst(state, mark === 'x');
    return burstMetrics(state, 20);
  };
  const good = (count: number): string => '.'.repeat(count);

  it('is one long gap where nothing is lost', () => {
    expect(spread(good(100))).toEqual({ burstDensity: 0, gapDensity: 0, burstMs: 0, gapMs: 2000 });
    expect(spread('')).toEqual({ burstDensity: 0, gapDensity: 0, burstMs: 0, gapMs: 0 });
  });

  it('is a gap with a density where single ones are lost, 16 and more apart', () => {
    const { gapDensity, burstDensity, burstMs } = spread(`${good(49)}x`.repeat(40));
    expect(gapDensity).toBeCloseTo(1 / 50, 2);
    expect(burstDensity).toBeGreaterThan(0.99);
    expect(burstMs).toBeLessThanOrEqual(20);
  });

  it('has bursts where they are closer', () => {
    // 200 good ones, then 20 of which every other one is lost.
    const { gapDensity, burstDensity, burstMs, gapMs } = spread(`${good(200)}${'x.'.repeat(10)}`.repeat(20));
    expect(gapDensity).toBe(0);
    expect(burstDensity).toBeCloseTo(0.5, 1);
    expect(gapMs).toBeCloseTo(201 * 20, -2);
    expect(burstMs).toBeCloseTo(19 * 20, -2);
  });

  it('does not take for lost what was only overtaken, nor miss what was', () => {
    const receiver = new RtpReceiver();
    receiver.countBursts();
    const order = Array.from({ length: 300 }, (_, i) => 65_400 + i);
    [order[100], order[103]] = [order[103]!, order[100]!];
    for (const [i, number] of order.entries())
      if (i < 200 || i >= 203) receiver.packet(number & 0xffff, i * 160, 1, 160, i * 20, 8000);
    const { run, lost, c11, c13, c33 } = receiver.state.bursts!;
    expect({ lost, c13, c33 }).toEqual({ lost: 3, c13: 1, c33: 2 });
    expect(c11).toBe(200);
    // Those behind the last 32 are settled.
    expect(run).toBe(300 - 203 - 32);
    // A hole that is longer than what is remembered.
    receiver.packet((65_400 + 1299) & 0xffff, 0, 1, 160, 0, 8000);
    expect(receiver.state.bursts!.c33).toBeGreaterThan(950);
  });
});

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const rtcpXr = { voipMetrics: true, receiverRtt: true };

async function openLeg(options: Partial<NegotiatedAudio>) {
  const lab = await openLab({ rtcpInterval: 1000 });
  const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated(remote, options));
  await lab.clock.advance(1);
  const reports = () => lab.sentTo(4001).map((bytes) => readRtcp(bytes)!);
  const hear = async (from: number, to: number, lost: (n: number) => boolean = () => false): Promise<void> => {
    for (let n = from; n < to; n++) {
      if (!lost(n))
        lab.deliver(rtpBytes({ sequence: n, timestamp: n * 160, ssrc: 77, payload: noise(160, n) }), 4000, leg.port);
      await lab.clock.advance(20);
    }
  };
  return { lab, leg, reports, hear };
}

describe('a leg', () => {
  it('tells how it hears the peer, where that was agreed', async () => {
    const { lab, reports, hear, leg } = await openLeg({ rtcpXr });
    await using _lab = lab;
    leg.play(noise(160 * 1000), '');
    // Of every 100 packets ten in a row are lost.
    await hear(0, 1000, (n) => n % 100 >= 50 && n % 100 < 60);
    const told = reports().at(-1)!.xr!;
    expect(told.reference).toBeUndefined();
    expect(told.metrics).toHaveLength(1);
    const [{ ssrc, metrics: found }] = told.metrics as [(typeof told.metrics)[0]];
    expect(ssrc).toBe(77);
    expect(found.lossRate).toBeCloseTo(0.1, 1);
    expect(found.burstDensity).toBeGreaterThan(0.9);
    expect(found.gapDensity).toBe(0);
    expect(found.burstMs).toBeGreaterThan(150);
    expect(found.burstMs).toBeLessThan(250);
    expect(found.gapMs).toBeGreaterThan(1500);
    expect(found.mosLq).toBeLessThan(3);
    expect(found.rFactor).toBeLessThan(60);
    expect(found).toMatchObject({ discardRate: 0, endSystemDelayMs: 20, jitterBufferMs: 0, jitterBufferMaxMs: 0 });
  });

  it('tells nothing of it where it was not', async () => {
    const { lab, reports, hear, leg } = await openLeg({});
    await using _lab = lab;
    leg.play(noise(160 * 200), '');
    await hear(0, 200);
    expect(reports().length).toBeGreaterThan(2);
    expect(reports().every(({ xr }) => xr === undefined)).toBe(true);
  });

  it('shows what the peer tells, of our stream and of no other; it is in the snapshot', async () => {
    const { lab, hear, leg } = await openLeg({ rtcpXr });
    await using _lab = lab;
    await hear(0, 40, (n) => n === 3);
    const { ssrc } = (await leg.stats()).sent;
    const tell = (about: number, value: VoipMetrics): void => {
      const xr = { metrics: { ...value, ssrc: about, adaptive: true } };
      lab.deliver(writeRtcp({ ssrc: 77, cname: 'b', xr }), 4001, leg.rtcpPort);
    };
    tell(ssrc, metrics);
    tell(ssrc + 1, { ...metrics, lossRate: 0 });
    const shown = { ...metrics, gapMs: 65_535, rFactor: 81, mosCq: 4 };
    expect((await leg.stats()).rtcp.voipMetrics).toEqual(shown);
    const taken = leg.handOver();
    await lab.clock.advance(1);
    const snapshot = structuredClone(await taken);
    expect(snapshot.receiver.bursts?.run).toBe(4);
    const again = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a', snapshot });
    expect((await again.stats()).rtcp.voipMetrics).toEqual(shown);
  });

  it('that sends nothing learns the round-trip time by references, and answers those of the peer', async () => {
    const { lab, reports, hear, leg } = await openLeg({ rtcpXr, direction: 'recvonly' });
    await using _lab = lab;
    await hear(0, 20);
    const { ssrc } = (await leg.stats()).sent;
    for (const before = reports().length; reports().length === before; ) await lab.clock.advance(1);
    expect(reports().at(-1)).toMatchObject({ ntp: undefined, xr: { since: [] } });
    const reference = reports().at(-1)!.xr!.reference!;
    // 30 ms to the peer, 100 ms there, 30 ms back.
    await lab.clock.advance(160);
    const since = { ssrc, reference, delay: Math.round(0.1 * 65_536) };
    lab.deliver(writeRtcp({ ssrc: 77, cname: 'b', xr: { reference: 0x1234_5678n << 16n, since } }), 4001, leg.rtcpPort);
    expect(Math.abs((await leg.stats()).rtcp.roundTripMs! - 60)).toBeLessThanOrEqual(1);
    await hear(20, 120);
    expect(reports().at(-1)!.xr!.since).toMatchObject([{ ssrc: 77, reference: 0x1234_5678 }]);
    expect(reports().at(-1)!.xr!.since[0]!.delay).toBeGreaterThan(0);
  });
});
