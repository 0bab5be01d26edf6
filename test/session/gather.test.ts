import { describe, expect, it } from 'vitest';
import { DigitCollector, type GatherOptions, type GatherResult } from '../../src/session/gather.ts';
import { FakeClock } from '../../src/testing/index.ts';

function collect(options: GatherOptions) {
  const clock = new FakeClock();
  const results: GatherResult[] = [];
  const collector = new DigitCollector(clock, options, (result) => results.push(result));
  return { clock, collector, results };
}

describe('DigitCollector', () => {
  it('ends with the last digit asked for', () => {
    const { collector, results, clock } = collect({ digits: 3 });
    collector.wait();
    for (const digit of '1234') collector.push(digit);
    expect(results).toEqual([{ digits: '123', end: 'digits' }]);
    expect(clock.pending).toBe(0);
  });

  it('ends at a terminator, which is not part of the input', () => {
    const { collector, results } = collect({ terminators: '#*' });
    for (const digit of '12*3') collector.push(digit);
    expect(results).toEqual([{ digits: '12', end: 'terminator' }]);
  });

  it('waits for the first digit from wait() on, and for each further one from the digit before', async () => {
    const { clock, collector, results } = collect({ timeout: 5000, interDigitTimeout: 2000 });
    await clock.advance(60_000);
    expect(results).toEqual([]);
    collector.wait();
    await clock.advance(4999);
    collector.push('7');
    await clock.advance(1999);
    collector.push('8');
    await clock.advance(1999);
    expect(results).toEqual([]);
    await clock.advance(1);
    expect(results).toEqual([{ digits: '78', end: 'timeout' }]);
  });

  it('times out without any digit', async () => {
    const { clock, collector, results } = collect({ timeout: 100 });
    collector.wait();
    await clock.advance(100);
    expect(results).toEqual([{ digits: '', end: 'timeout' }]);
  });

  it('does not wait for a first digit that has come already', async () => {
    const { clock, collector, results } = collect({ timeout: 100, interDigitTimeout: 500 });
    collector.push('1');
    collector.wait();
    await clock.advance(499);
    expect(results).toEqual([]);
    await clock.advance(1);
    expect(results).toEqual([{ digits: '1', end: 'timeout' }]);
  });

  it('is silent after stop, and leaves no timer', async () => {
    const { clock, collector, results } = collect({});
    collector.wait();
    collector.stop();
    collector.push('1');
    await clock.advance(60_000);
    expect(results).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    { digits: 0 },
    { digits: Number.NaN },
    { timeout: -1 },
    { interDigitTimeout: Number.NaN },
  ])('refuses %o', (options) => {
    expect(() => collect(options)).toThrow(/gather/);
  });
});
