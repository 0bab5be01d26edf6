import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { dialogTest, matching } from '../../../src/control/commands/dialog-filter.ts';
import type { DialogRecord } from '../../../src/registry/record.ts';

const records = Array.from({ length: 20 }, (_, i) => ({ callId: `c${i}`, startTs: i })) as unknown as DialogRecord[];
const never = new AbortController().signal;

/** A test that takes longer than one may look without a pause. */
function slow(of: (record: DialogRecord) => boolean): (record: DialogRecord) => boolean {
  return (record) => {
    for (const since = performance.now(); performance.now() - since < 6; ) Math.sqrt(2);
    return of(record);
  };
}

async function all(found: AsyncIterable<DialogRecord>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { callId } of found) ids.push(callId);
  return ids;
}

describe('looking for calls', () => {
  it('lets others have their turn', async () => {
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      for (; !isOver; turns++) await nextTurn();
    })();
    expect(
      await all(
        matching(
          records,
          slow(() => false),
          0,
          never,
        ),
      ),
    ).toEqual([]);
    isOver = true;
    await others;
    expect(turns).toBeGreaterThan(10);
  });

  it('ends when nobody wants to know any more', async () => {
    const asked = new AbortController();
    let looked = 0;
    const test = slow(() => {
      if (++looked === 3) asked.abort(new Error('gone'));
      return false;
    });
    await expect(all(matching(records, test, 0, asked.signal))).rejects.toThrow('gone');
    expect(looked).toBe(3);
  });

  it('ends with the last that is wanted', async () => {
    const test = dialogTest('start_ts', 'gt', '4');
    expect(await all(matching(records, test, 2, never))).toEqual(['c5', 'c6']);
    expect(await all(matching(records, test, -1, never))).toHaveLength(15);
  });
});

it('names of other members are no keys', () => {
  for (const key of ['constructor', '__proto__', 'state', ''])
    expect(() => dialogTest(key, 'eq', 'x')).toThrow(/^Invalid (matching key parameter|parameters)$/);
});
