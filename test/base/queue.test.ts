import { describe, expect, it } from 'vitest';
import { BoundedQueue } from '../../src/base/queue.ts';

describe('BoundedQueue', () => {
  it('drops the oldest and counts', async () => {
    const queue = new BoundedQueue<number>(2);
    for (const n of [1, 2, 3, 4]) queue.push(n);
    queue.close();
    const seen: number[] = [];
    for await (const n of queue) seen.push(n);
    expect(seen).toEqual([3, 4]);
    expect(queue.dropped).toBe(2);
  });

  it('hands an item to a waiting reader, and ends a waiting reader', async () => {
    const queue = new BoundedQueue<number>(2);
    const first = queue.next();
    queue.push(1);
    expect(await first).toEqual({ done: false, value: 1 });
    const last = queue.next();
    queue.close();
    expect((await last).done).toBe(true);
  });

  it('tells its owner once when the reader leaves', async () => {
    let left = 0;
    const queue = new BoundedQueue<number>(2, () => left++);
    queue.push(1);
    for await (const _ of queue) break;
    await queue.return();
    queue.push(2);
    expect([left, queue.size]).toEqual([1, 0]);
  });
});
