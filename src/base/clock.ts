/**
 * Time as an argument. Nothing in the SIP, session or media code reads a clock of its own:
 * it is given a `Clock`, so that a test can drive hours of calls in milliseconds.
 */

/** A pending timer. `cancel` is idempotent and may be called after the timer fired. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic time in milliseconds, with fractions; the origin has no meaning. */
  now(): number;
  /** Time of day in Unix milliseconds. It may jump; only stamps and logs may use it. */
  wallclock(): number;
  /**
   * Calls `fire` once, `delayMs` milliseconds from now (at once on the next turn for 0).
   * @param label what it waits for, in a word or two, for whoever looks at the timers that are left
   */
  setTimer(delayMs: number, fire: () => void, label?: string): Timer;
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(
      delayMs,
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      'sleep',
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves with what `work` gives, or with undefined after `ms` without it; throws what `work` throws before that. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  const { promise: timeUp, resolve } = Promise.withResolvers<undefined>();
  const timer = clock.setTimer(ms, () => resolve(undefined), 'within');
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    timer.cancel();
  }
}
