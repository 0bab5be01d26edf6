import { describe, expect, it } from 'vitest';
import { type PacedStream, Pacer } from '../../media/pacer.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { StallingClock } from './support/stalling-clock.ts';

interface Tick {
  readonly due: number;
  readonly skipped: number;
}

class Stream implements PacedStream {
  readonly ticks: Tick[] = [];
  wants = true;

  tick(due: number, skipped: number): boolean {
    this.ticks.push({ due, skipped });
    return this.wants;
  }
}

const fail = (_: PacedStream, error: unknown): never => {
  throw error;
};

describe('the pacer', () => {
  it('calls a stream each 20 ms and does not drift', async () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, fail);
    const stream = new Stream();
    await clock.advance(7);
    pacer.add(stream);
    await clock.advance(10_000);
    expect(stream.ticks).toHaveLength(500);
    const first = stream.ticks[0]!.due;
    expect(stream.ticks.every(({ due, skipped }, i) => due === first + i * 20 && skipped === 0)).toBe(true);
  });

  it('spreads streams over 20 slots of 1 ms', async () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, fail);
    const streams = Array.from({ length: 100 }, () => new Stream());
    for (const stream of streams) pacer.add(stream);
    await clock.advance(40);
    const counts = new Map<number, number>();
    for (const { ticks } of streams) counts.set(ticks[0]!.due % 20, (counts.get(ticks[0]!.due % 20) ?? 0) + 1);
    expect(counts.size).toBe(20);
    expect([...counts.values()].every((count) => count === 5)).toBe(true);
  });

  it('makes up for a tick that is late by no more than 40 ms', () => {
    const clock = new StallingClock();
    const pacer = new Pacer(clock, fail);
    const stream = new Stream();
    pacer.add(stream);
    clock.jump(1);
    clock.jump(61);
    expect(stream.ticks).toEqual([
      { due: 1, skipped: 0 },
      { due: 21, skipped: 0 },
      { due: 41, skipped: 0 },
      { due: 61, skipped: 0 },
    ]);
  });

  it('jumps to the present slot when a tick is later than 40 ms, and keeps the beat', () => {
    const clock = new StallingClock();
    const pacer = new Pacer(clock, fail);
    const stream = new Stream();
    pacer.add(stream);
    clock.jump(1);
    clock.jump(230);
    clock.jump(241);
    expect(stream.ticks).toEqual([
      { due: 1, skipped: 0 },
      { due: 221, skipped: 10 },
      { due: 241, skipped: 0 },
    ]);
  });

  it('sets no timer while nobody is paced', async () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock, fail);
    expect(clock.pending).toBe(0);
    const [a, b] = [new Stream(), new Stream()];
    pacer.add(a);
    pacer.add(b);
    await clock.advance(50);
    pacer.remove(a);
    b.wants = false;
    await clock.advance(50);
    expect(clock.pending).toBe(0);
    expect(pacer.size).toBe(0);
    pacer.add(a);
    await clock.advance(25);
    expect(clock.pending).toBe(1);
  });

  it('leaves out a stream that throws, and only that', async () => {
    const clock = new FakeClock();
    const broken: unknown[] = [];
    const pacer = new Pacer(clock, (_, error) => broken.push(error));
    const good = new Stream();
    pacer.add({
      tick() {
        throw new Error('broken');
      },
    });
    pacer.add(good);
    await clock.advance(100);
    expect(broken).toHaveLength(1);
    expect(good.ticks.length).toBe(5);
    expect(pacer.size).toBe(1);
  });
});
