import { describe, expect, it } from 'vitest';
import { TimerWheel } from '../../src/registry/timer-wheel.ts';
import { FakeClock } from '../../src/testing/index.ts';

describe('the timer wheel', () => {
  it('fires in the second in which it is due, in the order of the seconds', async () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 'test');
    const fired: string[] = [];
    wheel.set(30, () => fired.push('30'));
    wheel.set(10, () => fired.push('10'));
    wheel.set(10, () => fired.push('10 too'));
    await clock.advance(9_999);
    expect(fired).toEqual([]);
    await clock.advance(1_001);
    expect(fired).toEqual(['10', '10 too']);
    await clock.advance(20_000);
    expect(fired).toEqual(['10', '10 too', '30']);
    expect(clock.pending).toBe(0);
  });

  it('has one timer of the clock for a hundred thousand, and none when they are cancelled', () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 'test');
    const timers = Array.from({ length: 100_000 }, (_, n) => wheel.set(1 + (n % 43_200), () => {}));
    expect(clock.pending).toBe(1);
    for (const timer of timers) timer.cancel();
    for (const timer of timers) timer.cancel();
    expect(clock.pending).toBe(0);
  });

  it('lets a timer set another, cancel one of the same second, and cancel itself', async () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 'test');
    const fired: string[] = [];
    const first = wheel.set(5, () => {
      fired.push('first');
      first.cancel();
      second.cancel();
      wheel.set(0, () => fired.push('third'));
    });
    const second = wheel.set(5, () => fired.push('second'));
    await clock.advance(5_000);
    await clock.advance(1_000);
    expect(fired).toEqual(['first', 'third']);
    expect(clock.pending).toBe(0);
  });

  it('forgets all when it is closed', async () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 'test');
    let fired = 0;
    const timer = wheel.set(5, () => fired++);
    wheel.close();
    timer.cancel();
    await clock.advance(10_000);
    expect([fired, clock.pending]).toEqual([0, 0]);
  });

  it('sets no timer of the clock once it is closed', async () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 'test');
    const fired: string[] = [];
    const before = wheel.set(5, () => fired.push('before'));
    wheel.close();
    before.cancel();
    wheel.set(1, () => fired.push('after'));
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    expect(fired).toEqual([]);
  });
});
