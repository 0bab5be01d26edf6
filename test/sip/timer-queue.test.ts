import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { type QueuedTimer, TimerQueue } from '../../src/sip/transaction/timer-queue.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';

function queue() {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const timers = new TimerQueue(clock, (error) => errors.push(error));
  const fired: string[] = [];
  const owner = { onTimer: (name: string) => void fired.push(`${name}@${clock.now()}`) };
  return { clock, timers, fired, owner, errors };
}

describe('timer queue', () => {
  it('fires in the order of due times, and of setting where they are equal, from one Clock timer', async () => {
    const { clock, timers, fired, owner } = queue();
    for (const [name, delay] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
      ['d', 40],
    ] as const)
      timers.set(owner, name, delay);
    expect([timers.size, clock.pending]).toEqual([4, 1]);
    await clock.advance(30);
    expect(fired).toEqual(['a@10', 'b@10', 'c@30']);
    await clock.advance(10);
    expect(fired.at(-1)).toBe('d@40');
    expect([timers.size, clock.pending]).toEqual([0, 0]);
  });

  it('leaves no Clock timer behind when the last one is cancelled or all are cleared', () => {
    const { clock, timers, owner } = queue();
    const timer = timers.set(owner, 'a', 10);
    timers.cancel(timer);
    timers.cancel(timer);
    timers.cancel(undefined);
    expect([timers.size, clock.pending]).toEqual([0, 0]);
    timers.set(owner, 'b', 10);
    timers.set(owner, 'c', 20);
    timers.clear();
    expect([timers.size, clock.pending]).toEqual([0, 0]);
  });

  it('lets a turn pass when the process stood still, so that what has come meanwhile stops them', async () => {
    const fake = new FakeClock();
    let stoodStillMs = 0;
    const clock: Clock = {
      now: () => fake.now() + stoodStillMs,
      wallclock: () => fake.wallclock(),
      setTimer: (delayMs, fire, label) => fake.setTimer(delayMs, fire, label),
    };
    const timers = new TimerQueue(clock, () => {});
    const fired: string[] = [];
    const owner = { onTimer: (name: string) => void fired.push(name) };
    const answered = timers.set(owner, 'answered', 500);
    timers.set(owner, 'unanswered', 500);
    // Its answer is read after the timers.
    fake.setTimer(500, () => timers.cancel(answered));
    stoodStillMs = 800;
    await fake.advance(500);
    expect(fired).toEqual(['unanswered']);
    // Again, where all are answered; and then once more.
    for (const name of ['first', 'second']) {
      const timer = timers.set(owner, name, 100);
      fake.setTimer(100, () => timers.cancel(timer));
      stoodStillMs += 800;
      await fake.advance(100);
    }
    expect(fired).toEqual(['unanswered']);
    // It goes on being late: nothing is put off for ever.
    timers.set(owner, 'later', 100);
    stoodStillMs += 800;
    await fake.advance(100);
    expect(fired).toEqual(['unanswered', 'later']);
    expect([timers.size, fake.pending]).toEqual([0, 0]);
  });

  it('goes on when an owner throws, sets or cancels timers while it is called', async () => {
    const { clock, timers, fired, owner, errors } = queue();
    const bad = {
      onTimer(): void {
        timers.cancel(victim);
        timers.set(owner, 'new', 0);
        throw new Error('a bug');
      },
    };
    timers.set(bad, 'bad', 10);
    const victim = timers.set(owner, 'victim', 10);
    timers.set(owner, 'after', 10);
    await clock.advance(10);
    expect(fired).toEqual(['after@10', 'new@10']);
    expect(errors).toHaveLength(1);
    expect(timers.size).toBe(0);
  });

  it('fires exactly what was not cancelled, each when it is due', async () => {
    const action = fc.record({ delay: fc.nat(50), cancel: fc.boolean(), pause: fc.nat(10) });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const { clock, timers, fired, owner } = queue();
        const expected: { name: string; due: number; order: number }[] = [];
        const live: { timer: QueuedTimer; name: string }[] = [];
        for (const [order, { delay, cancel, pause }] of actions.entries()) {
          const name = `t${order}`;
          live.push({ timer: timers.set(owner, name, delay), name });
          expected.push({ name, due: clock.now() + delay, order });
          if (cancel) {
            const victim = live[(order * 7) % live.length];
            const gone = expected.find((one) => one.name === victim?.name);
            if (gone && gone.due > clock.now()) {
              timers.cancel(victim?.timer);
              expected.splice(expected.indexOf(gone), 1);
            }
          }
          await clock.advance(pause);
        }
        await clock.advance(100);
        expected.sort((a, b) => a.due - b.due || a.order - b.order);
        expect(fired).toEqual(expected.map(({ name, due }) => `${name}@${due}`));
        expect([timers.size, clock.pending]).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });
});
