/**
 * Speech-like audio: syllables of voiced pulses with jitter and a moving pitch through formants that glide from vowel to
 * vowel, fricatives of noise, stops, words and pauses. No speech, but as full of two strong frequencies at a time as
 * speech is. Everything follows from the seed.
 */
import type { Random } from '../../../src/base/random.ts';
import { fraction, seededRandom } from '../../../src/testing/index.ts';
import { amplitudeOf, rate, samplesOf } from './signals.ts';

/** Formants of vowels, Hz (Peterson and Barney). */
const vowels = [
  [270, 2290, 3010],
  [390, 1990, 2550],
  [530, 1840, 2480],
  [660, 1720, 2410],
  [730, 1090, 2440],
  [570, 840, 2410],
  [440, 1020, 2240],
  [300, 870, 2240],
  [640, 1190, 2390],
  [490, 1350, 1690],
] as const;
const bandwidths = [60, 90, 150];

/** A resonator with unit gain at its peak. */
class Resonator {
  #y1 = 0;
  #y2 = 0;
  #a = 0;
  #b = 0;
  #c = 0;

  tune(frequency: number, bandwidth: number): void {
    const r = Math.exp((-Math.PI * bandwidth) / rate);
    this.#c = -r * r;
    this.#b = 2 * r * Math.cos((2 * Math.PI * frequency) / rate);
    this.#a = (1 - r) * Math.sqrt(1 - 2 * r * Math.cos((4 * Math.PI * frequency) / rate) + r * r);
  }

  next(x: number): number {
    const y = this.#a * x + this.#b * this.#y1 + this.#c * this.#y2;
    this.#y2 = this.#y1;
    this.#y1 = y;
    return y;
  }
}

export interface SpeechOptions {
  /** dBm0 of the syllables, about. */
  readonly level?: number;
  /** ms of each pause between two phrases, about; 0: none. */
  readonly pauseMs?: number;
  /** Syllables of a phrase, about. */
  readonly syllables?: number;
}

export class Speaker {
  readonly #random: Random;
  readonly #formants = [new Resonator(), new Resonator(), new Resonator()];
  readonly #noise = new Resonator();
  /** Hz, of this speaker. */
  readonly #pitch: number;
  readonly #size: number;
  #vowel = 0;
  #left = 0;

  constructor(seed: number | string) {
    this.#random = seededRandom(seed, 'speech');
    this.#pitch = this.#between(85, 260);
    this.#size = this.#pitch > 170 ? this.#between(1.1, 1.2) : this.#between(0.95, 1.05);
  }

  #between(min: number, max: number): number {
    return min + (max - min) * fraction(this.#random);
  }

  /** One syllable after the other, then a pause, again and again. */
  talk(ms: number, { level = -16, pauseMs = 500, syllables = 9 }: SpeechOptions = {}): Float64Array {
    const out = new Float64Array(samplesOf(ms));
    let at = 0;
    while (at < out.length) {
      if (this.#left <= 0) {
        this.#left = Math.max(1, Math.round(syllables * this.#between(0.4, 1.6)));
        if (at > 0) at += samplesOf(pauseMs * this.#between(0.5, 1.6));
      }
      at += this.syllable(out.subarray(at), level + this.#between(-4, 3));
      this.#left--;
    }
    return out;
  }

  /** @returns how many samples it takes; those that `out` has no room for are left out */
  syllable(out: Float64Array, level: number): number {
    let at = fraction(this.#random) < 0.5 ? this.#fricative(out, level - 8) : samplesOf(this.#between(10, 60));
    at += this.#voice(out.subarray(Math.min(at, out.length)), level);
    return at;
  }

  #fricative(out: Float64Array, level: number): number {
    const length = samplesOf(this.#between(30, 110));
    this.#noise.tune(this.#between(1800, 3600), this.#between(300, 1200));
    const gain = amplitudeOf(level) * 3;
    for (let i = 0; i < length; i++) {
      const sample = this.#noise.next(2 * fraction(this.#random) - 1) * gain * Math.sin((Math.PI * i) / length);
      if (i < out.length) out[i] = sample;
    }
    return length;
  }

  #voice(out: Float64Array, level: number): number {
    const length = samplesOf(this.#between(80, 260));
    const from = vowels[this.#vowel]!;
    this.#vowel = Math.floor(fraction(this.#random) * vowels.length);
    const to = vowels[this.#vowel]!;
    const [start, end] = [this.#pitch * this.#between(0.8, 1.25), this.#pitch * this.#between(0.75, 1.1)];
    const gain = amplitudeOf(level) * 9;
    let phase = 0;
    for (let i = 0; i < length; i++) {
      const t = i / length;
      if (i % 40 === 0)
        for (const [k, formant] of this.#formants.entries())
          formant.tune((from[k]! + (to[k]! - from[k]!) * Math.min(1, 2 * t)) * this.#size, bandwidths[k]!);
      phase += ((start + (end - start) * t) * (1 + 0.02 * (fraction(this.#random) - 0.5))) / rate;
      // A falling ramp: all harmonics, 6 dB less with each octave; and some breath.
      phase -= Math.floor(phase);
      const source = phase - 0.5 + 0.05 * (fraction(this.#random) - 0.5);
      const [first, second, third] = this.#formants as [Resonator, Resonator, Resonator];
      const sum = first.next(source) + 0.7 * second.next(source) + 0.4 * third.next(source);
      if (i < out.length) out[i] = sum * gain * Math.min(1, 8 * t, 6 * (1 - t));
    }
    return length;
  }
}
