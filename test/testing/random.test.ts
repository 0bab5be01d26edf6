import { describe, expect, it } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { between, chance, fraction, pick, seededRandom } from '../../src/testing/seeded-random.ts';

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.uint32());

/** How far counts are from all alike; for a fair draw about the number of cells, give or take a few square roots. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('seededRandom', () => {
  it('gives the same numbers for the same seed and name, whatever others draw', () => {
    const one = seededRandom(7, 'alice');
    const other = seededRandom(7, 'bob');
    const numbers = [0, 1, 2, 3].flatMap(() => {
      other.uint32();
      return draw(one, 25);
    });
    expect(numbers).toEqual(draw(seededRandom(7, 'alice'), 100));
    expect(numbers).toEqual(draw(seededRandom('7', 'alice'), 100));
  });

  it('gives numbers that have nothing in common for other seeds and names', () => {
    const names = ['', 'a', 'b', 'aa', '10.0.0.1 > 10.0.1.1 rtp', '10.0.1.1 > 10.0.0.1 rtp'];
    const streams = [1, 2, 3, '1.0', 'x'].flatMap((seed) => names.map((name) => draw(seededRandom(seed, name), 200)));
    expect(new Set(streams.flat()).size).toBeGreaterThan(streams.flat().length - 10);
  });

  it('stays the same from release to release: a seed in a bug report shows the bug for ever', () => {
    expect(draw(seededRandom(1), 3)).toEqual([2_146_938_852, 1_607_953_327, 500_486_805]);
    expect([...seededRandom(1, 'bytes').bytes(4)]).toEqual([194, 25, 99, 236]);
  });

  it('gives every value of a byte, and every bit of a number, equally often', () => {
    const random = seededRandom(3, 'bytes');
    const bytes = new Array<number>(256).fill(0);
    for (const byte of random.bytes(100_000)) bytes[byte] = (bytes[byte] ?? 0) + 1;
    expect(chiSquare(bytes)).toBeGreaterThan(170);
    expect(chiSquare(bytes)).toBeLessThan(350);
    const numbers = draw(seededRandom(3, 'bits'), 10_000);
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((number) => (number >>> bit) & 1).length;
      expect(ones).toBeGreaterThan(4_700);
      expect(ones).toBeLessThan(5_300);
    }
  });

  it('gives first numbers that differ for seeds that follow one another', () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => fraction(seededRandom(seed)));
    const tenths = new Array<number>(10).fill(0);
    for (const first of firsts) tenths[Math.floor(first * 10)] = (tenths[Math.floor(first * 10)] ?? 0) + 1;
    expect(chiSquare(tenths)).toBeLessThan(30);
  });

  it('gives as many bytes as asked for', () => {
    for (const length of [0, 1, 33]) expect(seededRandom(1).bytes(length)).toHaveLength(length);
  });
});

/** Random numbers that are as small, or as large, as they can be. */
const lowest: Random = { uint32: () => 0, bytes: (length) => new Uint8Array(length) };
const highest: Random = { uint32: () => 0xffff_ffff, bytes: (length) => new Uint8Array(length).fill(255) };

describe('what is drawn', () => {
  it('fraction: from 0 up to, and without, 1', () => {
    expect(fraction(lowest)).toBe(0);
    expect(fraction(highest)).toBeLessThan(1);
    expect(fraction(highest)).toBeGreaterThan(0.999_999);
  });

  it('between: whole numbers, both ends among them, equally often', () => {
    expect([between(lowest, 3, 7), between(highest, 3, 7)]).toEqual([3, 7]);
    expect([between(lowest, -2, 2), between(highest, 5, 5)]).toEqual([-2, 5]);
    const random = seededRandom(5);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) {
      const number = between(random, 1, 6);
      counts[number - 1] = (counts[number - 1] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + count)).toBe(6000);
    expect(chiSquare(counts)).toBeLessThan(25);
  });

  it('pick: one of the list, the first and the last among them', () => {
    expect([pick(lowest, ['a', 'b', 'c']), pick(highest, ['a', 'b', 'c'])]).toEqual(['a', 'c']);
  });

  it('chance: never for 0, always for 1, in its share of all cases between', () => {
    expect([chance(lowest, 0), chance(highest, 1)]).toEqual([false, true]);
    const random = seededRandom(5);
    const hits = Array.from({ length: 10_000 }, () => chance(random, 0.3)).filter((hit) => hit).length;
    expect(hits).toBeGreaterThan(2_850);
    expect(hits).toBeLessThan(3_150);
  });

  it('chance: draws nothing where nothing can happen, so that what comes after stays as it was', () => {
    const random = seededRandom(5);
    chance(random, 0);
    expect(random.uint32()).toBe(seededRandom(5).uint32());
  });
});
