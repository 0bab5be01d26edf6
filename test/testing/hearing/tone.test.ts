import { describe, expect, it } from 'vitest';
import { rms } from '../../../src/testing/hearing/heard-audio.ts';
import { isTone, pitchesOf, pitchOf, toneShare } from '../../../src/testing/hearing/tone.ts';
import { heard, noise, noisy, prompt, promptNames, silence, tone } from './signals.ts';

/** As `hearsTone` looks. */
const frame = 320;
const step = 160;

/** As it is heard by PCMU, without its beginning, from each of many phases on. */
function framesOf(frequencies: readonly number[], level = -20, length = frame): Int16Array[] {
  const audio = heard(tone(frequencies, 700, level));
  return Array.from({ length: 25 }, (_, i) => audio.samples(400 + i * 77, 400 + i * 77 + length).slice());
}

/** The longest time for which there is a tone, ms. */
function longest(samples: Int16Array, frequencies: readonly number[]): number {
  let [run, most] = [0, 0];
  for (let at = 0; at + frame <= samples.length; at += step) {
    run = isTone(samples.subarray(at, at + frame), frequencies) ? run + 20 : 0;
    most = Math.max(most, run);
  }
  return most;
}

const tones: readonly (readonly number[])[] = [
  [425],
  [440],
  [1000],
  [3000],
  [440, 480],
  [480, 620],
  [697, 1209],
  [941, 1633],
];

describe('a tone is known', () => {
  it.each(tones.map((frequencies) => [frequencies]))('of %j Hz, at any phase and loudness', (frequencies) => {
    for (const level of [-3, -20, -40])
      for (const samples of framesOf(frequencies, level)) {
        expect(toneShare(samples, frequencies), `${level} dB`).toBeGreaterThan(0.97);
        expect(isTone(samples, frequencies), `${level} dB`).toBe(true);
      }
  });

  it.each(tones.map((frequencies) => [frequencies]))('of %j Hz, with noise 12 dB below it, seed 3', (frequencies) => {
    for (const samples of framesOf(frequencies)) expect(isTone(noisy(samples, 12, 3), frequencies)).toBe(true);
  });

  it('whichever of its frequencies is named first', () => {
    for (const samples of framesOf([697, 1209])) expect(isTone(samples, [1209, 697])).toBe(true);
  });
});

describe('a tone is not', () => {
  it('one that is 12 Hz off or more, while one 5 Hz off is told from no other', () => {
    for (const frequency of [425, 1000, 2500])
      for (const off of [12, 20, 30, 100])
        for (const sign of [-1, 1])
          for (const samples of framesOf([frequency + sign * off])) expect(isTone(samples, [frequency])).toBe(false);
    for (const samples of framesOf([430])) expect(isTone(samples, [425])).toBe(true);
  });

  it('one of two that are meant, nor two where one is', () => {
    for (const [one, other] of [
      [440, 480],
      [697, 1209],
      [480, 620],
    ] as const) {
      for (const samples of framesOf([one])) expect(isTone(samples, [one, other])).toBe(false);
      for (const samples of framesOf([other])) expect(isTone(samples, [one, other])).toBe(false);
      for (const samples of framesOf([(one + other) / 2])) expect(isTone(samples, [one, other])).toBe(false);
      for (const samples of framesOf([one, other])) expect(isTone(samples, [one])).toBe(false);
    }
  });

  it('a key next to another', () => {
    for (const samples of framesOf([697, 1209]))
      for (const key of [
        [697, 1336],
        [770, 1209],
        [770, 1336],
      ])
        expect(isTone(samples, key)).toBe(false);
  });

  it('noise, silence, or too soft to be heard', () => {
    for (let seed = 1; seed <= 50; seed++)
      for (const frequencies of tones)
        expect(isTone(noise(frame, 3000, seed), frequencies), `seed ${seed}`).toBe(false);
    expect(isTone(silence(40), [440])).toBe(false);
    expect(isTone(tone([440], 40, -70), [440])).toBe(false);
    expect(toneShare(new Int16Array(0), [440])).toBe(0);
  });

  it.each(promptNames.filter((name) => name !== 'beep.wav'))('in the words of %s for 100 ms', (name) => {
    const { samples, end } = ((audio) => ({ samples: audio.samples(0, audio.end), end: audio.end }))(
      heard(prompt(name)),
    );
    expect(end).toBeGreaterThan(8000);
    // Every frequency that two voices and a chord may come near to.
    for (let frequency = 200; frequency <= 1200; frequency += 40)
      expect(longest(samples, [frequency]), `${frequency} Hz`).toBeLessThan(name === 'music.wav' ? 200 : 120);
    for (const frequencies of tones) expect(longest(samples, frequencies)).toBeLessThan(100);
  });
});

describe('the pitch', () => {
  it.each([202, 350, 425, 440, 697, 1000.4, 1633, 3333])('of %d Hz is told to half a hertz', (frequency) => {
    for (const level of [-10, -40])
      for (const samples of framesOf([frequency], level).slice(0, 8))
        expect(Math.abs((pitchOf(samples) ?? 0) - frequency)).toBeLessThan(0.5);
    for (const samples of framesOf([frequency], -20, 640).slice(0, 8))
      expect(Math.abs((pitchOf(noisy(samples, 12, 5)) ?? 0) - frequency)).toBeLessThan(2);
  });

  it.each(tones.filter(({ length }) => length === 2))('of %d and %d Hz is told of both', (...pair) => {
    for (const samples of framesOf(pair, -20, 640).slice(0, 8)) {
      const found = pitchesOf(samples) ?? [];
      expect(found.map(Math.round)).toEqual(pair);
      expect(pitchOf(samples)).toBeUndefined();
    }
  });

  it('of words, noise and silence is none, and of a chord neither', () => {
    const samples = prompt('record.wav').subarray(1600, 3200);
    expect(rms(samples)).toBeGreaterThan(1000);
    for (const sound of [samples, noise(640, 3000, 1), silence(80), tone([400, 700, 1100], 80)])
      expect(pitchesOf(sound)).toBeUndefined();
  });
});
