/** A minute of media in real time, with few calls. More of both: `npm run soak -- --media-real`. */
import { expect, it } from 'vitest';
import { soakRealMedia } from './media-real.ts';

it('a minute in real time leaves nothing open, and the sides of a recording together', async () => {
  const report = await soakRealMedia({ minutes: 1.2, share: 0.05 });
  expect(report.wrong).toEqual([]);
  expect(report.filesLeft).toBe(0);
  expect(report.files).toBeGreaterThan(1);
  expect(report.after.handles).toBeLessThanOrEqual(report.before.handles + 3);
  expect(report.sides.marks[0]).toBeGreaterThanOrEqual(6);
  expect(report.sides.marks[1]).toBeGreaterThanOrEqual(6);
  expect(report.sides.apart).toBeLessThan(20);
}, 180_000);
