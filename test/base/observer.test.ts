import { describe, expect, it } from 'vitest';
import { Observer } from '../../src/base/events.ts';

interface Events {
  readonly tick: number;
}

describe('Observer', () => {
  it('calls listeners later, in order', async () => {
    const heard: string[] = [];
    const observer = new Observer<Events>(() => {});
    observer.on('tick', (n) => void heard.push(`a${n}`));
    observer.on('tick', (n) => void heard.push(`b${n}`));
    observer.emit('tick', 1);
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual(['a1', 'b1']);
  });

  it('goes on when listeners throw or reject, and says so', async () => {
    const errors: unknown[] = [];
    const heard: number[] = [];
    const observer = new Observer<Events>((_, error) => errors.push(error));
    observer.on('tick', () => {
      throw 2;
    });
    observer.on('tick', () => Promise.reject(3));
    observer.on('tick', (n) => void heard.push(n));
    observer.emit('tick', 7);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([7]);
    expect(errors).toEqual([2, 3]);
  });

  it('asks every listener at once where they are to answer', () => {
    const errors: unknown[] = [];
    const heard: number[] = [];
    const observer = new Observer<Events>((_, error) => errors.push(error));
    observer.on('tick', () => {
      throw 1;
    });
    observer.on('tick', (n) => void heard.push(n));
    observer.emitNow('tick', 7);
    expect([heard, errors]).toEqual([[7], [1]]);
  });

  it('forgets a listener that unsubscribed', async () => {
    const observer = new Observer<Events>(() => {});
    const off = observer.on('tick', () => expect.unreachable());
    expect(observer.has('tick')).toBe(true);
    off();
    expect(observer.has('tick')).toBe(false);
    observer.emit('tick', 1);
  });
});
