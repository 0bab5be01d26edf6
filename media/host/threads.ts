/** What this machine gives: how many threads are good for media, and whether a clock is its own. */
import { availableParallelism } from 'node:os';
import type { Clock } from '../../src/base/clock.ts';
import { nodeClock } from '../../src/base/node.ts';

/** One core is left to SIP, handlers and V8's helpers. */
export function defaultWorkers(): number {
  return Math.max(1, availableParallelism() - 1);
}

/** A clock that threads have too; a fake one they cannot see. */
export function sharesClock(clock: Clock): boolean {
  return clock === nodeClock;
}
