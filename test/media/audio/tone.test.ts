import { describe, expect, it } from 'vitest';
import { rmsLevel } from '../../../media/audio/pcm.ts';
import { sine, type Tone, ToneGenerator, tones } from '../../../media/audio/tone.ts';
import { bestSine, snr } from './signal.ts';

function sound(tone: Tone, ms: number, rate = 8000): Int16Array {
  const out = new Int16Array((ms * rate) / 1000);
  const generator = new ToneGenerator(tone, rate);
  for (let at = 0; at < out.length; at += rate / 50) generator.fill(out.subarray(at, at + rate / 50));
  return out;
}

describe('tones', () => {
  it('ringback sounds 425 Hz for 1 s at −20 dB, is silent for 4 s, and begins again', () => {
    const out = sound(tones.ringback, 11_000);
    const on = out.subarray(80, 7920);
    expect(snr(on, 425, 8000)).toBeGreaterThan(50);
    expect(rmsLevel(on)).toBeCloseTo(-20, 1);
    expect(out.subarray(8000, 40_000).every((sample) => sample === 0)).toBe(true);
    expect(rmsLevel(out.subarray(40_080, 47_920))).toBeCloseTo(-20, 1);
    expect(out.subarray(48_000, 80_000).every((sample) => sample === 0)).toBe(true);
  });

  it('ringback of the US is 440 and 480 Hz with equal parts', () => {
    const on = sound(tones.ringbackUs, 2000).subarray(400, 15_600);
    expect(rmsLevel(on)).toBeCloseTo(-20, 1);
    const [low, high] = [bestSine(on, 440, 8000), bestSine(on, 480, 8000)];
    expect(low.power / high.power).toBeCloseTo(1, 1);
    expect((low.power + high.power) / (10 ** -2 * 32_768 ** 2)).toBeCloseTo(1, 1);
  });

  it('busy goes on and off every 480 ms', () => {
    const out = sound(tones.busy, 1920);
    const level = (ms: number) => rmsLevel(out.subarray(ms * 8 + 80, (ms + 480) * 8 - 80));
    expect([0, 480, 960, 1440].map((ms) => level(ms) > -21)).toEqual([true, false, true, false]);
  });

  it('a sine is continuous over frames at any rate', () => {
    const out = sound(sine(1000, -10), 400, 16_000);
    expect(snr(out.subarray(100), 1000, 16_000)).toBeGreaterThan(60);
    expect(rmsLevel(out.subarray(100))).toBeCloseTo(-10, 1);
  });

  it('goes on where another generator was', () => {
    const whole = sound(tones.ringbackUs, 7000);
    const out = new Int16Array(8000);
    new ToneGenerator(tones.ringbackUs, 8000, 44_000).fill(out);
    for (let i = 0; i < out.length; i++) expect(Math.abs(out[i]! - whole[44_000 + i]!)).toBeLessThanOrEqual(1);
  });

  it('edges are ramps, and too loud is limited', () => {
    const out = sound(tones.ringback, 1100);
    for (let i = 1; i < out.length; i++) expect(Math.abs(out[i]! - out[i - 1]!)).toBeLessThan(1800);
    const loud = sound(sine(500, 0), 100);
    expect(Math.max(...loud)).toBe(32_767);
    expect(Math.min(...loud)).toBe(-32_768);
  });

  it('survives a cadence of nothing', () => {
    expect(rmsLevel(sound({ frequencies: [440], cadence: [0, 0], level: -20 }, 200))).toBeGreaterThan(-21);
    expect(sound({ frequencies: [], cadence: [100], level: -20 }, 200).every((sample) => sample === 0)).toBe(true);
  });
});
