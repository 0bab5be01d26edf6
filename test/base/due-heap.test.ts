import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Due, DueHeap } from '../../src/base/due-heap.ts';

const item = (due: number, order: number): Due => ({ due, order, index: -1 });

function drain(heap: DueHeap<Due>): Due[] {
  const taken: Due[] = [];
  for (let first = heap.first; first; first = heap.first) {
    heap.remove(first);
    taken.push(first);
  }
  return taken;
}

describe('DueHeap', () => {
  it('gives the earliest first, and of those due together the one added first', () => {
    const heap = new DueHeap<Due>();
    const items = [5, 1, 5, 3, 1].map(item);
    for (const one of items) heap.add(one);
    expect(drain(heap).map(({ order }) => order)).toEqual([1, 4, 3, 0, 2]);
    expect([heap.size, heap.first]).toEqual([0, undefined]);
  });

  it('removes what is in it once, and nothing else', () => {
    const heap = new DueHeap<Due>();
    const [inside, outside] = [item(1, 0), item(1, 1)];
    heap.add(inside);
    expect(heap.remove(outside)).toBe(false);
    expect(heap.remove(inside)).toBe(true);
    expect(heap.remove(inside)).toBe(false);
    expect([...heap]).toEqual([]);
    heap.add(inside);
    expect(heap.first).toBe(inside);
  });

  it('stays in order when one is removed from a branch whose items are later than those of another', () => {
    const heap = new DueHeap<Due>();
    const latest = item(6, 0);
    for (const one of [latest, ...[5, 4, 3, 7, 2, 1].map((due, index) => item(due, index + 1))]) heap.add(one);
    heap.remove(latest);
    expect(drain(heap).map(({ due }) => due)).toEqual([1, 2, 3, 4, 5, 7]);
  });

  it('is empty when cleared, and can be filled again', () => {
    const heap = new DueHeap<Due>();
    const items = [3, 2, 1].map(item);
    for (const one of items) heap.add(one);
    heap.clear();
    expect(heap.size).toBe(0);
    for (const one of items) expect(heap.remove(one)).toBe(false);
    for (const one of items) heap.add(one);
    expect(drain(heap)).toEqual(items.toReversed());
  });

  it('does as a sorted list does', () => {
    const command = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 30 }) }) },
      { weight: 1, arbitrary: fc.record({ remove: fc.nat(200) }) },
      { weight: 1, arbitrary: fc.constant('take' as const) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const heap = new DueHeap<Due>();
        const all: Due[] = [];
        let model: Due[] = [];
        for (const one of commands) {
          if (one === 'take') {
            const first = heap.first;
            expect(first).toBe(model[0]);
            if (first) heap.remove(first);
            model = model.slice(1);
          } else if ('add' in one) {
            const added = item(one.add, all.length);
            all.push(added);
            heap.add(added);
            model = [...model, added].sort((a, b) => a.due - b.due || a.order - b.order);
          } else {
            const removed = all[one.remove];
            if (!removed) continue;
            expect(heap.remove(removed)).toBe(model.includes(removed));
            model = model.filter((other) => other !== removed);
          }
          expect(heap.size).toBe(model.length);
          expect(new Set(heap)).toEqual(new Set(model));
        }
        expect(drain(heap)).toEqual(model);
      }),
    );
  });
});
