/** Randomness that is the same in every run of a seed. */
import type { Random } from '../base/random.ts';

/**
 * A stream of its own for each name, so that one who draws more often changes nothing for the others.
 * sfc32 (PractRand), seeded by FNV-1a.
 */
export function seededRandom(seed: number | string, name = ''): Random {
  let [a, b, c, counter] = [hash(`${seed}/${name}/a`), hash(`${seed}/${name}/b`), hash(`${seed}/${name}/c`), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // The first numbers of seeds that are alike are alike, too.
  for (let i = 0; i < 12; i++) next();
  return {
    uint32: next,
    bytes: (length) => {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = next() >>> 24;
      return bytes;
    },
  };
}

/** 0 up to, and without, 1. */
export function fraction(random: Random): number {
  return random.uint32() / 4_294_967_296;
}

/** True in a share of `probability` of all cases; draws nothing for 0. */
export function chance(random: Random, probability: number): boolean {
  return probability > 0 && fraction(random) < probability;
}

/** A whole number in `min` … `max`. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(fraction(random) * (max - min + 1));
}

/** One of the list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[between(random, 0, list.length - 1)] as T;
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
