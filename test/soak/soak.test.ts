/** 200 seeds of 50 calls each over a bad network. The same, and more, by hand: `npm run soak`. */
import { describe, expect, it } from 'vitest';
import { firstMutations, tryMutation } from './mutations.ts';
import { soak } from './soak.ts';

const seedsPerTest = 10;

describe('200 seeds of 50 calls, with 5 % loss, reordering and copies', () => {
  it.each(
    Array.from({ length: 20 }, (_, part) => 1 + part * seedsPerTest),
  )(`leave nothing behind: ${seedsPerTest} seeds from %i on`, async (first) => {
    for (let seed = first; seed < first + seedsPerTest; seed++) {
      const { calls, messages, packets } = await soak(seed);
      expect(calls).toBe(50);
      // A call takes seven messages; a storm would be many times as many.
      expect(messages).toBeGreaterThan(5 * calls);
      expect(messages).toBeLessThan(40 * calls);
      expect(packets).toBeGreaterThan(2000);
    }
  }, 60_000);
});

describe('the soak finds what was broken by hand:', () => {
  it.each(firstMutations)('$name', async (mutation) => {
    const { report } = await tryMutation(mutation, 20);
    expect(report).toMatch(mutation.report);
    expect(report).toMatch(/seed \d+ failed \(TANDEM_SEED=\d+ npm run soak/);
  }, 120_000);
});
