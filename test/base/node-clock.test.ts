import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { nodeClock } from '../../src/base/node.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const day = 86_400_000;

it('waits for as long as it is told, even for more days than a timer of Node.js has', () => {
  const fire = vi.fn();
  nodeClock.setTimer(100 * day, fire);
  vi.advanceTimersByTime(100 * day - 1);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fire).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

it('waits for ever for Infinity, until it is cancelled', () => {
  const fire = vi.fn();
  const timer = nodeClock.setTimer(Number.POSITIVE_INFINITY, fire);
  vi.advanceTimersByTime(100 * day);
  expect(fire).not.toHaveBeenCalled();
  timer.cancel();
  expect(vi.getTimerCount()).toBe(0);
});
