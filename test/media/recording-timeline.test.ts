import { describe, expect, it } from 'vitest';
import { RecordingTimeline } from '../../media/recording-timeline.ts';
import { sineWave } from './audio/signal.ts';

const tone = sineWave(440, 8000, 160 * 1000);

/** What is read at the beat of what a sender says whose clock is off by `ppm`. */
function record(ppm: number, seconds: number): Int16Array {
  const line = new RecordingTimeline(8000);
  const out = new Int16Array(160 * 50 * seconds);
  let sent = 0;
  for (let beat = 0; beat < 50 * seconds; beat++) {
    for (; sent * 20 * (1 - ppm / 1e6) <= beat * 20; sent++) {
      const at = (sent * 160) % tone.length;
      line.write((sent * 160) >>> 0, tone.subarray(at, at + 160), 8000);
    }
    line.read(out.subarray(beat * 160, beat * 160 + 160));
  }
  return out;
}

/** The longest run of samples that are (next to) nothing, and the largest step between two. */
function flaws(samples: Int16Array): { readonly silence: number; readonly step: number } {
  let [silence, run, step] = [0, 0, 0];
  for (let i = 1; i < samples.length; i++) {
    run = Math.abs(samples[i]!) < 8 ? run + 1 : 0;
    silence = Math.max(silence, run);
    step = Math.max(step, Math.abs(samples[i]! - samples[i - 1]!));
  }
  return { silence, step };
}

describe('a recording of what a sender with a clock of its own says', () => {
  it.each([-500, -100, 100, 500])('has no hole and no jump in ten minutes at %i ppm', (ppm) => {
    const clean = flaws(tone);
    const { silence, step } = flaws(record(ppm, 600).subarray(8000));
    expect(silence).toBeLessThanOrEqual(clean.silence + 1);
    // A sample too many or too few.
    expect(step).toBeLessThanOrEqual(2 * clean.step + 1);
  });

  it('is sample for sample what was said where the clocks agree', () => {
    const heard = record(0, 60);
    expect(heard.subarray(480, 480 + 8000 * 59)).toEqual(
      Int16Array.from({ length: 8000 * 59 }, (_, i) => tone[i % tone.length]!),
    );
  });
});
