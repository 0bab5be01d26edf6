import { describe } from 'vitest';
import { expect, test } from '../helpers/lab.ts';
import { pressed, wrong } from './digits.ts';

describe('of 10,000 digits over a network that loses 5 % and reorders 5 %', () => {
  test.for(['rfc4733', 'info', 'inband'] as const)(
    'none by %s is lost or doubled',
    { timeout: 900_000 },
    async (by, { lab }) => {
      expect(wrong(await pressed(lab, by, 10_000))).toEqual([]);
    },
  );
});
