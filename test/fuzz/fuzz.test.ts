/** Some thousands of mutated messages. The same by the million: `npm run fuzz`. */
import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

describe('mutated messages', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('are read or refused, answered and forgotten: 1,000 of seed %i', async (seed) => {
    const { messages, received, sent } = await fuzz(seed);
    expect(messages).toBe(1000);
    // What no reader takes tells nothing of what comes behind it.
    expect(received).toBeGreaterThan(200);
    expect(sent).toBeGreaterThan(200);
  }, 60_000);

  it('are the same ones each time', async () => {
    const [one, again] = [await fuzz(9, { messages: 200 }), await fuzz(9, { messages: 200 })];
    expect(again).toEqual(one);
  });
});
