import { describe, expect, it } from 'vitest';
import { rmsLevel } from '../../../media/audio/pcm.ts';
import { Resampler, resample } from '../../../media/audio/resample.ts';
import { bestSine, sineWave, snr } from './signal.ts';

const pairs: readonly [number, number][] = [
  [48_000, 8000],
  [44_100, 8000],
  [32_000, 8000],
  [22_050, 8000],
  [16_000, 8000],
  [11_025, 8000],
  [8000, 16_000],
  [8000, 48_000],
  [8000, 44_100],
  [16_000, 48_000],
  [7919, 8000],
  [95_999, 8000],
];
const middle = (samples: Int16Array) => samples.subarray(samples.length >> 3, samples.length - (samples.length >> 3));

describe.each(pairs)('%i Hz to %i Hz', (from, to) => {
  it('keeps 300 to 3300 Hz at its level, 58 dB above everything else', () => {
    for (const frequency of [300, 1004, 2000, 3000, 3300]) {
      const out = middle(resample(sineWave(frequency, from, from / 4), from, to));
      expect(snr(out, frequency, to)).toBeGreaterThan(58);
      const gain = 10 * Math.log10(bestSine(out, frequency, to).power / (16_000 ** 2 / 2));
      expect(Math.abs(gain)).toBeLessThan(0.05);
    }
  });

  it('gives a constant back as a constant, and as many samples as the time has', () => {
    const out = resample(new Int16Array(from / 5).fill(10_000), from, to);
    expect(out).toHaveLength(Math.ceil((Math.floor(from / 5) * to) / from));
    for (const sample of middle(out)) expect(Math.abs(sample - 10_000)).toBeLessThanOrEqual(4);
  });

  it('gives the same in blocks of any size as at once', () => {
    const input = sineWave(700, from, Math.round(from / 10));
    const whole = new Resampler(from, to);
    const expected = new Int16Array(whole.outputLength(input.length));
    expect(whole.process(input, expected)).toBe(expected.length);
    const parts = new Resampler(from, to);
    const got: number[] = [];
    for (let at = 0, size = 1; at < input.length; at += size, size = (size * 7 + 3) % 257) {
      const block = input.subarray(at, at + Math.max(1, size));
      const out = new Int16Array(parts.outputLength(block.length));
      expect(parts.process(block, out)).toBe(out.length);
      got.push(...out);
      size = Math.max(1, size);
    }
    expect(got).toEqual([...expected]);
  });
});

describe.each([
  [48_000, 8000],
  [44_100, 8000],
  [16_000, 8000],
  [11_025, 8000],
])('%i Hz to %i Hz', (from, to) => {
  it('lets nothing above 4500 Hz through', () => {
    for (let frequency = 4500; frequency < from / 2; frequency += 737) {
      const out = middle(resample(sineWave(frequency, from, from / 4), from, to));
      expect(rmsLevel(out)).toBeLessThan(-6 - 3 - 62);
    }
  });
});

describe('a stream of frames', () => {
  it.each([
    [48_000, 8000],
    [44_100, 8000],
    [22_050, 16_000],
    [8000, 16_000],
    [8000, 44_100],
  ])('%i to %i Hz: 20 ms in, 20 ms out, every time', (from, to) => {
    const resampler = new Resampler(from, to);
    const out = new Int16Array(1000);
    for (let i = 0; i < 200; i++) expect(resampler.process(new Int16Array(from / 50), out)).toBe(to / 50);
  });

  it('lags by its delay, and not at all as a whole', () => {
    const impulse = new Int16Array(800);
    impulse[400] = 20_000;
    const peak = (samples: Int16Array) => samples.indexOf(Math.max(...samples));
    const resampler = new Resampler(8000, 16_000);
    const streamed = new Int16Array(1600);
    resampler.process(impulse, streamed);
    expect(peak(streamed)).toBe(2 * (400 + resampler.delay));
    expect(peak(resample(impulse, 8000, 16_000))).toBe(800);
  });

  it('starts afresh after a reset', () => {
    const input = sineWave(500, 44_100, 1000);
    const resampler = new Resampler(44_100, 8000);
    const [first, second] = [new Int16Array(200), new Int16Array(200)];
    resampler.process(input, first);
    resampler.reset();
    resampler.process(input, second);
    expect(second).toEqual(first);
  });

  it('is a copy between equal rates', () => {
    const out = new Int16Array(3);
    expect(new Resampler(8000, 8000).process(Int16Array.of(1, 2, 3), out)).toBe(3);
    expect([...out]).toEqual([1, 2, 3]);
  });
});

it('limits instead of wrapping around', () => {
  const square = Int16Array.from({ length: 4800 }, (_, i) => (i % 96 < 48 ? 32_767 : -32_768));
  const out = resample(square, 48_000, 8000);
  for (let i = 8; i < out.length - 8; i++) {
    const inside = square[6 * i]! > 0;
    if (i % 16 > 2 && i % 16 < 6) expect(out[i]! > 0).toBe(inside);
  }
  expect(Math.max(...out)).toBe(32_767);
});
