import { describe, expect, it } from 'vitest';
import { backoffMs, refreshMs, retryAfterMs } from '../../src/registration/timing.ts';
import type { SipResponse } from '../../src/sip/message.ts';
import { seededRandom } from '../../src/testing/index.ts';

const withRetryAfter = (value: string): SipResponse =>
  ({
    kind: 'response',
    status: 503,
    headers: { other: new Map([['retry-after', [value]]]) },
  }) as unknown as SipResponse;

describe('the time of a refresh', () => {
  it('is spread over 75 to 90 % of what was granted', () => {
    const shares = Array.from({ length: 1000 }, (_, seed) => refreshMs(3600, seededRandom(seed)) / 3_600_000);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.75);
    expect(Math.min(...shares)).toBeLessThan(0.76);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.9);
    expect(Math.max(...shares)).toBeGreaterThan(0.89);
  });

  it('is five seconds at the least', () => {
    expect(refreshMs(1, seededRandom(1))).toBe(5_000);
  });
});

describe('the back-off of RFC 5626 §4.5', () => {
  it('doubles to its greatest, from half of it to all of it', () => {
    for (const [failures, ceiling] of [
      [1, 60_000],
      [2, 120_000],
      [3, 240_000],
      [5, 960_000],
      [6, 1_800_000],
      [2_000, 1_800_000],
    ] as const) {
      const waits = Array.from({ length: 500 }, (_, seed) => backoffMs(failures, {}, seededRandom(seed)));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(ceiling / 2);
      expect(Math.max(...waits)).toBeLessThanOrEqual(ceiling);
      expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(ceiling * 0.45);
    }
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    ['0', 5_000],
    ['18000;duration=3600', 18_000_000],
    ['120 (I am in a meeting)', 120_000],
    ['9999999999', 86_400_000],
    ['99999999999', 86_400_000],
    ['soon', undefined],
    ['-1', undefined],
    ['', undefined],
  ])('%j', (value, ms) => {
    expect(retryAfterMs(withRetryAfter(value))).toBe(ms);
  });
});
