import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AudioCodec } from '../../../media/codec/index.ts';
import { Playout } from '../../../media/jitter/playout.ts';
import { codec, encoded, hear, level, longestSilence, type Packet, packets, throughCodec, voice } from './stream.ts';

const minute = voice(8000 * 60);

describe('a steady stream', () => {
  it('is heard sample for sample, 40 ms behind, whatever the order and however often packets come', () => {
    const sent = packets(voice(8000));
    const shuffled = sent.flatMap((packet, n) =>
      n % 7 === 3 ? [] : n % 7 === 2 && sent[n + 1] ? [sent[n + 1]!, packet, packet] : [packet],
    );
    const late = shuffled.map((packet, n) => ({ ...packet, at: 30 + n * 17.5 }));
    for (const stream of [sent, late.toSorted((a, b) => a.at - b.at)]) {
      const { samples, playout } = hear(stream, 1200);
      expect(samples.subarray(0, 7600)).toEqual(throughCodec(voice(8000)).subarray(0, 7600));
      expect(playout.stats).toMatchObject({ late: 0, dropped: 0 });
    }
    const first = hear(sent, 1000).playout.stats.delayMs;
    expect(first).toBeGreaterThanOrEqual(40);
    expect(first).toBeLessThan(60);
  });

  it('keeps the delay it is told to in fixed mode', () => {
    const { playout, samples } = hear(packets(voice(16_000), { jitter: 5 }), 2000, {
      mode: 'fixed',
      min: 120,
      max: 120,
    });
    expect(playout.stats.delayMs).toBeGreaterThanOrEqual(120);
    expect(playout.stats.delayMs).toBeLessThan(150);
    expect(samples.subarray(0, 8000)).toEqual(throughCodec(voice(16_000)).subarray(0, 8000));
  });

  it('comes in packets of any length', () => {
    const payload = encoded(voice(8000));
    for (const ms of [10, 30, 60]) {
      const size = ms * 8;
      const sent: Packet[] = [];
      for (let n = 0; n * size < payload.length; n++)
        sent.push({
          sequence: n,
          timestamp: n * size,
          payload: payload.subarray(n * size, (n + 1) * size),
          at: 30 + n * ms,
        });
      expect(hear(sent, 1200).samples.subarray(0, 7000)).toEqual(throughCodec(voice(8000)).subarray(0, 7000));
    }
  });
});

describe('10 % loss and 60 ms of jitter', () => {
  it.each([1, 2, 3])('leave no gap longer than the loss, and their energy (seed %i)', (seed) => {
    const network = { loss: 0.1, jitter: 60, seed };
    const sent = packets(minute, network);
    const { samples, playout } = hear(sent, 60_000);
    const lost = 3000 - sent.length;
    // All that came is played, but for the few that were late while the jitter was being learnt.
    expect(playout.stats.late).toBeLessThanOrEqual(20);
    expect(playout.stats.concealedMs / 20).toBeLessThanOrEqual(lost + 2 * playout.stats.late + 5);
    expect(playout.stats.concealedMs / 20).toBeGreaterThanOrEqual(lost - 5);
    const numbers = sent.map(({ timestamp }) => ((timestamp - 4_294_960_000) >>> 0) / 160).toSorted((a, b) => a - b);
    const burst = Math.max(...numbers.slice(1).map((n, i) => n - numbers[i]! - 1));
    // After 60 ms a gap is silent; anything shorter is filled.
    expect(longestSilence(samples)).toBeLessThanOrEqual(Math.max(0, burst * 20 - 50) * 8 + 40);
    const clean = level(throughCodec(minute));
    expect(Math.abs(level(samples) - clean)).toBeLessThan(0.5);

    // The same without concealment: silence where a packet is missing.
    const bare = throughCodec(minute);
    const came = new Set(numbers);
    for (let n = 0; n < 3000; n++) if (!came.has(n)) bare.fill(0, n * 160, n * 160 + 160);
    expect(level(bare)).toBeLessThan(clean - 0.35);
    expect(longestSilence(bare)).toBeGreaterThanOrEqual(burst * 160);
  });

  it('need more delay, and give it back when the network has calmed down', () => {
    const rough = packets(voice(8000 * 10), { jitter: 60 });
    const calm = packets(voice(8000 * 30)).slice(500);
    const { playout } = hear(rough, 10_000);
    expect(playout.stats.targetMs).toBeGreaterThan(50);
    expect(playout.stats.targetMs).toBeLessThanOrEqual(60);
    const after = hear([...rough.filter(({ at }) => at < 10_000), ...calm], 30_000).playout.stats;
    expect(after.targetMs).toBe(40);
    expect(after.delayMs).toBeLessThanOrEqual(80);
  });
});

describe('loss', () => {
  it('is filled with what sounds like before, fades, and is silent after 60 ms', () => {
    const sent = packets(voice(16_000)).filter((_, n) => n < 50 || n >= 60);
    const { samples } = hear(sent, 2000);
    const gap = samples.subarray(50 * 160, 60 * 160);
    const before = level(samples.subarray(48 * 160, 50 * 160));
    expect(Math.abs(level(gap.subarray(0, 80)) - before)).toBeLessThan(1.5);
    expect(level(gap.subarray(240, 320))).toBeLessThan(before - 1);
    expect(gap.subarray(480).every((sample) => sample === 0)).toBe(true);
    expect(samples.subarray(61 * 160, 80 * 160)).toEqual(throughCodec(voice(16_000)).subarray(61 * 160, 80 * 160));
  });

  it('makes no step in the waveform at either end', () => {
    const clean = throughCodec(voice(16_000));
    const steepest = (from: Int16Array): number =>
      from.reduce((most, sample, i) => Math.max(most, i === 0 ? 0 : Math.abs(sample - from[i - 1]!)), 0);
    for (let n = 20; n < 60; n++) {
      const { samples } = hear(
        packets(voice(16_000)).filter((_, i) => i !== n),
        2000,
      );
      const around = samples.subarray((n - 1) * 160, (n + 2) * 160);
      expect(steepest(around)).toBeLessThan(1.5 * steepest(clean.subarray((n - 2) * 160, (n + 3) * 160)));
    }
  });

  it('is made up by the codec where it can, with the packet behind it at hand', () => {
    const asked: (number | undefined)[] = [];
    const own: AudioCodec = {
      ...codec,
      conceal: (out, next) => {
        asked.push(next?.length);
        out.fill(1000);
        return out.length;
      },
    };
    const sent = packets(voice(16_000)).filter((_, n) => n !== 40 && n !== 50 && n !== 51);
    const { samples } = hear(sent, 1500, undefined, own);
    expect(asked).toEqual([160, undefined, 160]);
    expect(samples.subarray(40 * 160, 41 * 160).every((sample) => sample === 1000)).toBe(true);
    expect(samples.subarray(41 * 160, 50 * 160)).toEqual(throughCodec(voice(16_000)).subarray(41 * 160, 50 * 160));
  });
});

describe('a sender that says nothing for a while', () => {
  const pause = (sent: readonly Packet[]): Packet[] =>
    sent.filter((_, n) => n < 50 || n >= 90).map((packet, n) => ({ ...packet, sequence: (65_500 + n) & 0xffff }));

  it('is silent, and goes on where the clock is', () => {
    const { samples } = hear(pause(packets(voice(32_000))), 3000);
    expect(samples.subarray(53 * 160, 90 * 160).every((sample) => sample === 0)).toBe(true);
    expect(samples.subarray(90 * 160, 100 * 160)).toEqual(throughCodec(voice(32_000)).subarray(90 * 160, 100 * 160));
  });

  it('is heard as noise of the level that it told of (RFC 3389)', () => {
    const sent = packets(voice(32_000)).filter((_, n) => n < 50 || n >= 90);
    const at = 30 + 50 * 20;
    const noise = {
      sequence: (65_500 + 50) & 0xffff,
      timestamp: (4_294_960_000 + 50 * 160) >>> 0,
      content: 'noise',
    } as const;
    for (const dbov of [30, 50, 60]) {
      const described = { ...noise, payload: Uint8Array.of(dbov, 60, 140), at };
      const stream = [
        ...sent.filter((p) => p.at < at),
        described,
        ...sent.filter((p) => p.at >= at).map((p, n) => ({ ...p, sequence: (65_551 + n) & 0xffff })),
      ];
      const { samples, playout } = hear(stream, 3000);
      expect(Math.abs(level(samples.subarray(51 * 160, 89 * 160)) + dbov)).toBeLessThan(1.5);
      expect(playout.stats.concealedMs).toBe(0);
      expect(samples.subarray(90 * 160, 100 * 160)).toEqual(throughCodec(voice(32_000)).subarray(90 * 160, 100 * 160));
    }
  });

  it('presses a key: no audio is made up for it', () => {
    const sent = packets(voice(32_000)).map((packet, n) =>
      n >= 50 && n < 60
        ? { ...packet, content: 'event' as const, timestamp: 50 * 160, payload: new Uint8Array(4) }
        : packet,
    );
    const { samples, playout } = hear(sent, 2000);
    expect(playout.stats.concealedMs).toBe(0);
    expect(samples.subarray(50 * 160, 60 * 160).every((sample) => sample === 0)).toBe(true);
    expect(samples.subarray(60 * 160, 70 * 160)).toEqual(throughCodec(voice(32_000)).subarray(60 * 160, 70 * 160));
  });
});

describe('two clocks', () => {
  it.each([500, -500])('that differ by %i ppm never run the buffer dry nor full', (drift) => {
    const { playout, samples } = hear(packets(minute, { drift }), 60_000);
    const { delayMs, late, concealedMs, dropped } = playout.stats;
    expect(delayMs).toBeGreaterThanOrEqual(20);
    expect(delayMs).toBeLessThan(110);
    expect(late + dropped).toBeLessThanOrEqual(2);
    // 500 ppm of a minute are 30 ms.
    expect(concealedMs).toBeLessThanOrEqual(80);
    expect(longestSilence(samples)).toBeLessThan(80);
  });
});

describe('a timeline that breaks', () => {
  const shifted = (sent: readonly Packet[], from: number, by: number, restart = false): Packet[] =>
    sent.map((packet, n) =>
      n < from ? packet : { ...packet, timestamp: (packet.timestamp + by) >>> 0, restart: restart && n === from },
    );

  it.each([8_000_000, -8_000_000, 3_000_000_000])('goes on when the timestamp jumps by %i', (by) => {
    const { samples, playout } = hear(shifted(packets(voice(32_000)), 60, by), 3000);
    expect(playout.stats.dropped).toBe(1);
    // The packet that jumps is confirmed by the next one; then the buffer fills anew.
    expect(longestSilence(samples.subarray(0, 100 * 160))).toBeLessThan(160 * 3);
    expect(playout.stats.delayMs).toBeLessThan(80);
    expect(level(samples.subarray(70 * 160, 120 * 160))).toBeGreaterThan(level(voice(8000)) - 1);
  });

  it.each([100, 300, 500])('goes on when all comes %i ms later than before, by the clock or by the timestamp', (ms) => {
    const sent = packets(voice(8000 * 10));
    const late = sent.map((packet, n) => (n < 100 ? packet : { ...packet, at: packet.at + ms }));
    for (const stream of [late, shifted(sent, 100, -8 * ms)]) {
      const { samples, playout } = hear(stream, 9000);
      const { late: dropped, concealedMs } = playout.stats;
      expect(dropped).toBeLessThanOrEqual(6);
      expect(concealedMs).toBeLessThan(ms + 200);
      expect(longestSilence(samples)).toBeLessThan(8 * (ms + 200));
      expect(level(samples.subarray(8 * 4000))).toBeGreaterThan(level(voice(8000)) - 1);
    }
  });

  it('is not followed by a single packet from nowhere', () => {
    const sent = packets(voice(32_000)).map((packet, n) =>
      n === 60 ? { ...packet, timestamp: 2_000_000_000 } : packet,
    );
    const { samples, playout } = hear(sent, 3000);
    expect(playout.stats).toMatchObject({ dropped: 1, late: 0, concealedMs: 20 });
    expect(samples.subarray(62 * 160, 90 * 160)).toEqual(throughCodec(voice(32_000)).subarray(62 * 160, 90 * 160));
  });

  it('begins anew with another source', () => {
    const { samples, playout } = hear(shifted(packets(voice(32_000)), 60, 12_345, true), 3000);
    expect(playout.stats.delayMs).toBeLessThan(80);
    expect(longestSilence(samples.subarray(0, 110 * 160))).toBeLessThan(160);
  });

  it('jumps to the present after a stall of the network', () => {
    const sent = packets(voice(8000 * 10)).map((packet) => ({
      ...packet,
      at: packet.at > 2000 && packet.at < 2800 ? 2800 : packet.at,
    }));
    const { playout } = hear(sent, 4000);
    expect(playout.stats.delayMs).toBeLessThanOrEqual(playout.stats.targetMs + 60);
    const after = hear(sent, 10_000).playout.stats;
    expect(after.targetMs).toBeLessThanOrEqual(200);
  });
});

describe('anything at all', () => {
  it('is taken without a throw, in bounded room, and leaves frames of 20 ms', () => {
    const step = fc.record({
      sequence: fc.oneof(fc.nat(0xffff), fc.nat(20)),
      timestamp: fc.oneof(fc.nat(0xffffffff), fc.nat(5000)),
      length: fc.oneof(fc.constant(160), fc.nat(3000)),
      content: fc.constantFrom('audio', 'noise', 'event'),
      restart: fc.integer({ min: 0, max: 20 }).map((n) => n === 0),
      wait: fc.oneof(fc.constant(20), fc.nat(3), fc.nat(5000)),
    });
    const bytes = new Uint8Array(3000).fill(0x55);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const playout = new Playout({ mode: 'adaptive', min: 20, max: 400 });
        let now = 0;
        for (const { sequence, timestamp, length, content, restart, wait } of steps) {
          const used = content === 'audio' ? codec : undefined;
          playout.packet(content, used, 8000, sequence, timestamp, bytes, 0, length, restart, now);
          now += wait;
          const frame = playout.frame(now);
          if (frame) expect(frame.length).toBe(160);
        }
        let left = 0;
        while (playout.rest()) left++;
        expect(left).toBeLessThan(100_000);
      }),
      { numRuns: 300 },
    );
  });
});
