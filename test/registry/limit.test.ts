import { describe } from 'vitest';
import { expect, test } from '../helpers/lab.ts';
import { twoAtOnce } from './limit.ts';

describe('of two INVITEs in one instant, a limit of one', () => {
  test('lets exactly one pass, 300 times', { timeout: 60_000 }, async ({ lab }) => {
    expect(new Set(await twoAtOnce(lab, 300))).toEqual(new Set(['200 486']));
  });
});
