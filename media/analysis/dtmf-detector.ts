/**
 * Key presses out of audio, each exactly once (ITU-T Q.23, Q.24): windows of 15 ms, one every 5 ms, correlated with the
 * eight frequencies. A window hits when nearly all of its energy is in one tone of each group, neither far above the
 * other. A press is five hits in a row whose frequencies, measured by how their phases move from window to window, are
 * near enough to the nominal ones, and that have no second harmonics, as voices do.
 *
 * Audio that was made up for lost packets says nothing: it neither ends a press nor begins one.
 */
import { columns, keys, rows } from './key-frequencies.ts';

const rate = 8000;
const segment = 40;
const segments = 3;
const windowSamples = segment * segments;
const tones = [...rows, ...columns];
const history = 240;

/** Least share of a window's energy in the two tones: those that are half in it, noise and speech have less. */
const leastShare = 0.7;
/** Mean square of the weaker tone, −42 dBm0: what is below comes from another line. */
const leastPower = 32_768 ** 2 / 2 / 10 ** ((42 + 3.14) / 10);
/** The high tone may be so much stronger or weaker than the low one (8 and 4 dB in Q.24, and what a line adds). */
const mostAbove = 10 ** 0.6;
const mostBelow = 10 ** 0.95;
/** A tone stands out of its group by 6 dB. */
const standsOut = 4;
/** Q.24: 1.5 % off and 2 Hz must do, 3.5 % must not. */
const mostOff = (frequency: number): number => 0.0185 * frequency + 2;
/** Windows that all of 40 ms hold, and those of 23 ms do not. */
const leastHits = 5;
/** Before and behind what nobody heard: that it went on for so long makes up for windows. */
const leastHitsAcross = 4;
/** Windows without the tones, more than an interruption of 20 ms makes and fewer than a pause of 40. */
const leastMisses = 6;
/** Windows behind those: the first samples that were heard may be blended with those that were made up. */
const blended = 3;
/** Windows nobody heard, after which a press is over whatever was in them. */
const mostUnknown = 40;
/** Second harmonics are so far below their tone, −15 dB. */
const mostHarmonic = 10 ** -1.5;
/** Hz between a second harmonic and the other tone, within which they cannot be told apart. */
const nearby = 70;

const cosines = new Float64Array(tones.length * segment);
const sines = new Float64Array(tones.length * segment);
/** What turns the phase of a tone by one segment. */
const turnCosines = new Float64Array(tones.length);
const turnSines = new Float64Array(tones.length);
for (const [tone, frequency] of tones.entries()) {
  const step = (2 * Math.PI * frequency) / rate;
  for (let i = 0; i < segment; i++) {
    cosines[tone * segment + i] = Math.cos(step * i);
    sines[tone * segment + i] = -Math.sin(step * i);
  }
  turnCosines[tone] = Math.cos(step * segment);
  turnSines[tone] = -Math.sin(step * segment);
}
const hann = Float64Array.from(
  { length: history },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / history),
);

/** Plain data: part of a leg's snapshot. */
export interface DtmfDetectorState {
  /** Of the last segments, newest last: one complex number per tone, and the energy. */
  readonly re: Float64Array[];
  readonly im: Float64Array[];
  readonly energy: number[];
  /** Whether each of them was heard. */
  readonly known: boolean[];
  /** The window before this one, per tone; its phases count from its own beginning. */
  readonly lastRe: Float64Array;
  readonly lastIm: Float64Array;
  /** The last samples. */
  readonly samples: Int16Array;
  /** Index of the key that may be down, −1: none; and how many windows say so. */
  candidate: number;
  hits: number;
  /** There is something among them that nobody heard. */
  across: boolean;
  /** The window before was one of them. */
  follows: boolean;
  /** How the phases of its two tones move per segment, summed up over windows. */
  readonly drift: number[];
  /** Index of the key that is down, −1: none. */
  pressed: number;
  /** Windows since one that nobody heard. */
  sinceUnknown: number;
  /** Energy of a window of it. */
  level: number;
  /** Windows since its tones were heard last: all, those that were heard, those in which there was hardly a sound. */
  since: number;
  misses: number;
  silent: number;
}

export class DtmfDetector {
  readonly state: DtmfDetectorState;
  /** Of the present window: its correlations, and their squares. */
  readonly #moved = new Float64Array(2 * tones.length);
  readonly #powers = new Float64Array(tones.length);

  constructor(state?: DtmfDetectorState) {
    this.state = state ?? {
      re: Array.from({ length: segments }, () => new Float64Array(tones.length)),
      im: Array.from({ length: segments }, () => new Float64Array(tones.length)),
      energy: new Array<number>(segments).fill(0),
      known: new Array<boolean>(segments).fill(true),
      lastRe: new Float64Array(tones.length),
      lastIm: new Float64Array(tones.length),
      samples: new Int16Array(history),
      candidate: -1,
      hits: 0,
      across: false,
      follows: false,
      drift: [0, 0, 0, 0],
      pressed: -1,
      sinceUnknown: blended,
      level: 0,
      since: 0,
      misses: 0,
      silent: 0,
    };
  }

  /**
   * @param samples 20 ms at 8 kHz; @param known false when they were made up for what was lost
   * @returns the key that went down
   */
  frame(samples: Int16Array, known: boolean): string | undefined {
    const { state } = this;
    let digit: string | undefined;
    for (let at = 0; at + segment <= samples.length; at += segment) {
      state.samples.copyWithin(0, segment);
      for (let i = 0; i < segment; i++) state.samples[history - segment + i] = samples[at + i]!;
      this.#correlate(samples, at, known);
      digit = this.#window() ?? digit;
    }
    return digit;
  }

  #correlate(samples: Int16Array, at: number, known: boolean): void {
    const { re, im, energy } = this.state;
    const res = re.shift()!;
    const ims = im.shift()!;
    re.push(res);
    im.push(ims);
    energy.shift();
    this.state.known.shift();
    this.state.known.push(known);
    let sum = 0;
    for (let i = 0; i < segment; i++) sum += samples[at + i]! * samples[at + i]!;
    energy.push(sum);
    // A segment this faint has no share in a window that counts.
    if (!known || sum < leastPower * segment * 0.01) {
      res.fill(0);
      ims.fill(0);
      return;
    }
    for (let tone = 0; tone < tones.length; tone++) {
      let real = 0;
      let imaginary = 0;
      for (let i = 0, k = tone * segment; i < segment; i++, k++) {
        const sample = samples[at + i]!;
        real += sample * cosines[k]!;
        imaginary += sample * sines[k]!;
      }
      res[tone] = real;
      ims[tone] = imaginary;
    }
  }

  #window(): string | undefined {
    const { state } = this;
    if (!(state.known[0] && state.known[1] && state.known[2])) {
      state.follows = false;
      state.sinceUnknown = 0;
      state.across = true;
      state.since++;
      if (state.pressed >= 0 && state.since > mostUnknown) this.#release();
      return undefined;
    }
    state.sinceUnknown++;
    const energy = state.energy[0]! + state.energy[1]! + state.energy[2]!;
    const key = energy < 2 * leastPower * windowSamples ? -1 : this.#hit(energy);
    if (key < 0) this.#miss(energy);
    else if (key === state.pressed && !this.#wasReleased()) this.#still(energy);
    else return this.#press(key, energy);
    return undefined;
  }

  /** @returns the key whose tones make up the present window, −1: none */
  #hit(energy: number): number {
    const { state } = this;
    const { re, im } = state;
    let row = 0;
    let column: number = rows.length;
    const powers = this.#powers;
    for (let tone = 0; tone < tones.length; tone++) {
      const [c, s] = [turnCosines[tone]!, turnSines[tone]!];
      const [r1, i1, r2, i2] = [re[1]![tone]!, im[1]![tone]!, re[2]![tone]!, im[2]![tone]!];
      // The newest segment turned by one, added to the middle one, and both turned by one again.
      const r = r1 + r2 * c - i2 * s;
      const i = i1 + r2 * s + i2 * c;
      const real = re[0]![tone]! + r * c - i * s;
      const imaginary = im[0]![tone]! + r * s + i * c;
      const power = real * real + imaginary * imaginary;
      powers[tone] = power;
      this.#moved[2 * tone] = real;
      this.#moved[2 * tone + 1] = imaginary;
      if (tone < rows.length ? power > powers[row]! : power > powers[column]!) {
        if (tone < rows.length) row = tone;
        else column = tone;
      }
    }
    const [low, high] = [powers[row]!, powers[column]!];
    const scale = 2 / windowSamples;
    let key = (row << 2) | (column - rows.length);
    if ((low + high) * scale < leastShare * energy) key = -1;
    else if (Math.min(low, high) * scale < leastPower * windowSamples) key = -1;
    else if (high > low * mostAbove || low > high * mostBelow) key = -1;
    else
      for (let tone = 0; tone < tones.length && key >= 0; tone++)
        if (tone !== row && tone !== column && powers[tone]! * standsOut > (tone < rows.length ? low : high)) key = -1;
    if (key < 0) return key;
    if (state.follows && state.candidate === key) this.#drift(row, column);
    else state.follows = false;
    for (let tone = 0; tone < tones.length; tone++) {
      state.lastRe[tone] = this.#moved[2 * tone]!;
      state.lastIm[tone] = this.#moved[2 * tone + 1]!;
    }
    return key;
  }

  #drift(row: number, column: number): void {
    const { lastRe, lastIm, drift } = this.state;
    for (const [at, tone] of [row, column].entries()) {
      const [c, s] = [turnCosines[tone]!, turnSines[tone]!];
      const [r, i] = [this.#moved[2 * tone]!, this.#moved[2 * tone + 1]!];
      const real = r * lastRe[tone]! + i * lastIm[tone]!;
      const imaginary = i * lastRe[tone]! - r * lastIm[tone]!;
      // Older windows fade: a cut in the tone is forgotten.
      drift[2 * at] = drift[2 * at]! * 0.7 + real * c - imaginary * s;
      drift[2 * at + 1] = drift[2 * at + 1]! * 0.7 + real * s + imaginary * c;
    }
  }

  /** Hz that a tone of the candidate is off: 0 the low one, 1 the high one. */
  #off(at: 0 | 1): number {
    const { drift } = this.state;
    return (Math.atan2(drift[2 * at + 1]!, drift[2 * at]!) * rate) / (2 * Math.PI * segment);
  }

  #still(energy: number): void {
    const { state } = this;
    state.level = Math.max(state.level, energy);
    state.since = 0;
    state.misses = 0;
    state.silent = 0;
  }

  #miss(energy: number): void {
    const { state } = this;
    state.follows = false;
    state.since++;
    const silent = energy * 10 < state.level;
    if (silent) state.silent++;
    else if (state.sinceUnknown <= blended) return;
    state.candidate = -1;
    state.hits = 0;
    state.misses++;
    if (state.misses >= leastMisses) this.#release();
  }

  /** With a pause that was heard at all, what was not heard counts as pause as well. */
  #wasReleased(): boolean {
    const { since, silent } = this.state;
    return silent > 0 && since >= leastMisses;
  }

  #release(): void {
    this.state.pressed = -1;
    this.state.candidate = -1;
    this.state.level = 0;
  }

  #press(key: number, energy: number): string | undefined {
    const { state } = this;
    if (state.candidate !== key) {
      state.candidate = key;
      state.hits = 0;
      state.across = false;
      state.drift.fill(0);
    }
    state.hits++;
    state.follows = true;
    if (state.hits < (state.across ? leastHitsAcross : leastHits) || !this.#isTrue(key)) return undefined;
    state.pressed = key;
    state.level = energy;
    this.#still(energy);
    return keys[key];
  }

  #isTrue(key: number): boolean {
    const [low, high] = [rows[key >> 2]!, columns[key & 3]!];
    const [lowOff, highOff] = [this.#off(0), this.#off(1)];
    if (Math.abs(lowOff) > mostOff(low) || Math.abs(highOff) > mostOff(high)) return false;
    const [trueLow, trueHigh] = [low + lowOff, high + highOff];
    if (Math.abs(2 * trueLow - trueHigh) > nearby && this.#power(2 * trueLow) > mostHarmonic * this.#power(trueLow))
      return false;
    return this.#power(2 * trueHigh) <= mostHarmonic * this.#power(trueHigh);
  }

  /** Goertzel's algorithm over the last samples, under a Hann window. */
  #power(frequency: number): number {
    const { samples } = this.state;
    const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / rate);
    let [s1, s2] = [0, 0];
    for (let i = 0; i < history; i++) {
      const s = samples[i]! * hann[i]! + coefficient * s1 - s2;
      s2 = s1;
      s1 = s;
    }
    return s1 * s1 + s2 * s2 - coefficient * s1 * s2;
  }
}
