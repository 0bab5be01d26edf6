import { describe } from 'vitest';
import { expect, test } from '../helpers/lab.ts';
import { twoAtOnce } from './limit.ts';

describe('of two INVITEs in one instant, a limit of one', () => {
  test('lets exactly one pass, 10,000 times', { timeout: 900_000 }, async ({ lab }) => {
    expect(new Set(await twoAtOnce(lab, 10_000))).toEqual(new Set(['200 486']));
  });
});
