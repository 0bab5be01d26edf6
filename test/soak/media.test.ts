/** Minutes of audio with clocks that are far apart. The same for hours: `npm run soak -- --media --hours 8`. */
import { expect, it } from 'vitest';
import { soakMedia } from './media.ts';

it('minutes of calls with clocks 0.2 % apart: the sides of a stereo recording stay together, nothing is left', async () => {
  const { breaks, packets, recordings } = await soakMedia(1, { hours: 0.05, loss: 0.01, jitterMs: 30, drift: 1000 });
  expect(breaks).toBe(0);
  expect(packets).toBeGreaterThan(8 * 180 * 40);
  expect(recordings).toHaveLength(7);
  for (const { name, mostApart, marks } of recordings) {
    expect(mostApart, name).toBeLessThan(20);
    expect(Math.min(marks[0], marks[1]), name).toBeGreaterThanOrEqual(marks[2] - 1);
  }
}, 60_000);
