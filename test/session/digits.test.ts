import { describe } from 'vitest';
import { expect, test } from '../helpers/lab.ts';
import { pressed, wrong } from './digits.ts';

describe('over a network that loses and reorders packets', () => {
  test.for([
    ['rfc4733', 500],
    ['info', 500],
    ['inband', 500],
  ] as const)('no digit by %s is lost or doubled', async ([by, count], { lab }) => {
    expect(wrong(await pressed(lab, by, count))).toEqual([]);
  });
});
