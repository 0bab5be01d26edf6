import { describe, expect, it } from 'vitest';
import { mos, rating } from '../../media/rtp/quality.ts';

const perfect = { encoding: 'PCMU/8000', loss: 0, burst: 1, delayMs: 0 };

describe('the E-model', () => {
  it('gives the defaults of G.107 for a call that nothing is wrong with', () => {
    expect(rating(perfect)).toBe(93.2);
    expect(mos(perfect)).toBe(4.41);
  });

  it('counts delay little up to 177 ms, and much beyond', () => {
    const at = (delayMs: number): number => rating({ ...perfect, delayMs });
    expect(at(100)).toBeCloseTo(90.8, 6);
    expect(at(177.3) - at(277.3)).toBeCloseTo(2.4 + 11, 6);
  });

  it('counts loss, and loss in bursts more', () => {
    // G.107 equation 7-29 with Ie 0 and Bpl 25.1: 95 · 5 / 30.1.
    expect(rating({ ...perfect, loss: 0.05 })).toBeCloseTo(93.2 - 15.78, 2);
    expect(rating({ ...perfect, loss: 0.05, burst: 4 })).toBeLessThan(rating({ ...perfect, loss: 0.05 }));
  });

  it('knows what a codec costs', () => {
    expect(rating({ ...perfect, encoding: 'G729/8000' })).toBeCloseTo(82.2, 6);
    expect(rating({ ...perfect, encoding: '__proto__/8000' })).toBe(93.2);
  });

  it('stays between 1 and 4.5 whatever it is told', () => {
    for (const loss of [-1, 0, 0.5, 1, 7])
      for (const burst of [0, 1, 1000])
        for (const delayMs of [0, 400, 1e9]) {
          const value = mos({ ...perfect, loss, burst, delayMs });
          expect(value).toBeGreaterThanOrEqual(1);
          expect(value).toBeLessThanOrEqual(4.5);
        }
  });
});
