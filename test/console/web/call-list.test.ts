import { describe, expect, it } from 'vitest';
import type { CallRow } from '../../../src/console/protocol.ts';
import { chooseCalls, visibleRows } from '../../../src/console/web/console/call-list.ts';
import { FakeCalls } from '../fake-calls.ts';

const now = 1_700_000_000_000;
const some = (count: number): CallRow[] => {
  const fake = new FakeCalls(1, () => now);
  return Array.from({ length: count }, () => fake.call());
};
const newest = { key: 'started', down: true } as const;

describe('choosing calls', () => {
  it('finds every word anywhere in a call, whatever its case', () => {
    const calls = some(300);
    const [one] = calls.filter(({ trunk }) => trunk !== undefined);
    const search = `${one?.to.slice(5, 12)} CARRIER-1`;
    const found = chooseCalls(calls, { search, filter: 'all', order: newest });
    expect(found).toContain(one);
    expect(found.length).toBeLessThan(10);
    expect(chooseCalls(calls, { search: `${search} nowhere`, filter: 'all', order: newest })).toEqual([]);
  });

  it.each([
    ['ringing', ({ state }: CallRow) => ['unconfirmed', 'early'].includes(state)],
    ['held', ({ legs }: CallRow) => legs.some(({ held }) => held)],
    ['poor', ({ legs }: CallRow) => legs.some(({ mos }) => mos !== undefined && mos < 3.6)],
    ['recording', ({ recording }: CallRow) => recording],
  ] as const)('shows those that are %s, all of them and no others', (filter, test) => {
    const calls = some(500);
    const found = new Set(chooseCalls(calls, { search: '', filter, order: newest }));
    expect(found.size).toBeGreaterThan(0);
    for (const call of calls) expect(found.has(call)).toBe(test(call));
  });

  it.each(['from', 'to', 'state', 'started', 'codec', 'mos'] as const)('orders by %s, and back', (key) => {
    const calls = some(200);
    const up = chooseCalls(calls, { search: '', filter: 'all', order: { key, down: false } });
    const down = chooseCalls(calls, { search: '', filter: 'all', order: { key, down: true } });
    expect(new Set(up)).toEqual(new Set(calls));
    if (key === 'started') expect(down).toEqual(up.toReversed());
    if (key === 'from') expect(up.map(({ from }) => from)).toEqual(calls.map(({ from }) => from).sort());
    expect(down).toHaveLength(up.length);
  });

  it('keeps calls that are alike in the order of their beginning, newest first', () => {
    const calls = some(50).map((call) => ({ ...call, from: 'sip:one@x' }));
    const found = chooseCalls(calls, { search: '', filter: 'all', order: { key: 'from', down: false } });
    const times = found.map(({ startedAt }) => startedAt);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });
});

describe('rows near the window', () => {
  it.each([
    [0, 0, { from: 0, to: 0 }],
    [3, 0, { from: 0, to: 3 }],
    [10_000, 0, { from: 0, to: 24 }],
    [10_000, 44_000, { from: 994, to: 1_024 }],
    [10_000, 1e9, { from: 10_000, to: 10_000 }],
  ])('of %i rows, scrolled by %i px', (count, top, expected) => {
    expect(visibleRows(count, { top, height: 792, row: 44 })).toEqual(expected);
  });
});
