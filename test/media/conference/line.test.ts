import { describe, expect, it } from 'vitest';
import { ConferenceLine } from '../../../media/conference/line.ts';
import { between, seededRandom } from '../../../src/testing/index.ts';

/** Sends packet n, whose samples all are n + 1, at `arrivals[n]` ms, reads every 20 ms. @returns one number per beat */
function play(arrivals: readonly number[], beats: number, pause = false): number[] {
  const line = new ConferenceLine(8000);
  const heard: number[] = [];
  const out = new Int16Array(160);
  const order = arrivals.map((at, n) => ({ at, n })).sort((a, b) => a.at - b.at);
  let next = 0;
  for (let beat = 0; beat < beats; beat++) {
    for (; next < order.length && order[next]!.at < beat * 20 + 20; next++) {
      const { n } = order[next]!;
      line.write((4_294_967_000 + n * 160) >>> 0, new Int16Array(160).fill(n + 1), pause);
    }
    line.read(out);
    heard.push(out[159]!);
  }
  return heard;
}

const steady = (count: number, jitter: (n: number) => number = () => 0): number[] =>
  Array.from({ length: count }, (_, n) => n * 20 + jitter(n));

describe('the line of a party', () => {
  it('plays what comes in time in order and without a gap, 20 to 40 ms later', () => {
    expect(play(steady(50), 40)).toEqual([0, ...Array.from({ length: 39 }, (_, n) => n + 1)]);
  });

  it('plays reordered packets in their places, and silence for those that never come', () => {
    const arrivals = steady(20);
    [arrivals[6], arrivals[7]] = [arrivals[7]!, arrivals[6]!];
    arrivals[12] = 1e9;
    const heard = play(arrivals, 20);
    expect(heard.slice(1, 13)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(heard.slice(13, 16)).toEqual([0, 14, 15]);
  });

  it('gives way to jitter until nothing is missing, and catches up in a pause', () => {
    const random = seededRandom(7);
    const heard = play(
      steady(500, () => between(random, 0, 60)),
      480,
    );
    expect(heard.slice(200).filter((sample) => sample === 0)).toEqual([]);
    const calm = play(
      steady(600, (n) => (n < 100 ? between(random, 0, 60) : 0)),
      580,
      true,
    );
    // Beat by beat the newest but one: the line lags no more than at the beginning.
    expect(570 - calm[570]!).toBeLessThanOrEqual(1);
  });

  it('follows a clock that is slower, and one that is faster, for a quarter of an hour', () => {
    for (const drift of [0.9995, 1.0005]) {
      const count = 45_000;
      const heard = play(
        Array.from({ length: count }, (_, n) => n * 20 * drift),
        count - 200,
        true,
      );
      const missing = heard.slice(2).filter((sample) => sample === 0).length;
      expect(missing).toBeLessThan(count / 500);
    }
  });

  it('begins anew where the timestamps jump or the network stood still', () => {
    const line = new ConferenceLine(8000);
    const out = new Int16Array(160);
    const hear = (timestamp: number): number => {
      line.write(timestamp, new Int16Array(160).fill(7), false);
      line.read(out);
      line.read(out);
      return out[159]!;
    };
    for (const timestamp of [0, 1_000_000, 50, 4_000_000_000]) expect(hear(timestamp)).toBe(7);
    line.skip(80_000);
    expect(hear(4_000_000_160)).toBe(7);
    expect(line.filled).toBe(false);
  });
});
