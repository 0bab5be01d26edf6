/** Tones in what was heard, by Goertzel's algorithm. */
import { hearingRate, rms, silenceRms } from './heard-audio.ts';

/** Share of the power of `samples` that lies at these frequencies (Hz): 1 for just them. */
export function toneShare(samples: Int16Array, frequencies: readonly number[]): number {
  let energy = 0;
  for (let i = 0; i < samples.length; i++) energy += (samples[i] as number) ** 2;
  if (energy === 0) return 0;
  let power = 0;
  for (const frequency of frequencies) power += goertzel(samples, frequency);
  return Math.min(1, (2 * power) / (samples.length * energy));
}

export function isTone(samples: Int16Array, frequencies: readonly number[]): boolean {
  return rms(samples) >= silenceRms && toneShare(samples, frequencies) >= 0.8;
}

/** The one frequency that a stretch of sound consists of, to about 5 Hz; undefined when there is none. */
export function pitchOf(samples: Int16Array): number | undefined {
  let best = 0;
  let share = 0;
  for (let frequency = 200; frequency <= 3400; frequency += 5) {
    const one = toneShare(samples, [frequency]);
    if (one > share) [best, share] = [frequency, one];
  }
  return share >= 0.8 ? best : undefined;
}

function goertzel(samples: Int16Array, frequency: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / hearingRate);
  let [before, last] = [0, 0];
  for (let i = 0; i < samples.length; i++) {
    const next = (samples[i] as number) + coefficient * last - before;
    before = last;
    last = next;
  }
  return last * last + before * before - coefficient * last * before;
}
