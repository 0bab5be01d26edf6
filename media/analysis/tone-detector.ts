/**
 * Tones of networks and machines: those of call progress by frequency and cadence, fax calling (CNG, 1100 Hz) and answering
 * (CED, 2100 Hz), and the beep of an answering machine.
 */
import { advanceCadence, type CadenceState, createCadence } from './cadence.ts';
import { measureTone, powerAt, type ToneMeasure } from './tone-meter.ts';
import type { ProgressTone, ToneKind } from './tone-plans.ts';

const frameMs = 20;
const frameSamples = 160;
/** dB: what is more faint is not meant to be heard. */
const leastLevel = -46;
/** Share of a frame's energy that is in the tone, or in both. */
const leastPurity = 0.8;
const leastPair = 0.65;
/** Of a pair, share of the energy in the weaker one. */
const leastOfPair = 0.12;
/** Hz by which a progress tone may be off. */
const progressOff = 20;
/** ITU-T T.30: 1100 ± 38 Hz, 0.5 s ± 15 %; 2100 ± 15 Hz, 2.6 to 4 s. */
const cng = { frequency: 1100, off: 40, leastMs: 400, mostMs: 600 };
const ced = { frequency: 2100, off: 20, ms: 400 };
/** A beep: Hz, ms, and Hz by which it may change from frame to frame. */
const beep = { lowest: 390, highest: 2050, leastFrames: 3, mostMs: 2500, purity: 0.94, mostlyPure: 0.6 };
const steady = 12;

export interface ToneEvent {
  readonly type: 'tone';
  readonly kind: ToneKind;
  /** ms from its beginning to the end of the frame in which it was found; of a cadence, of its last sound or pause. */
  readonly ago: number;
  /** ms that it sounded, of `cng` and `beep`, which are told at their end. */
  readonly durationMs: number;
  /** Hz. */
  readonly frequency: number;
}

/** Plain data: part of a leg's snapshot. */
export interface ToneDetectorState {
  /** One per set of frequencies. */
  readonly cadences: CadenceState[];
  /** The frame before. */
  readonly last: Int16Array;
  /** The single tone that sounds: Hz, frames of it, frames without it since, and how many of its frames were nothing else. */
  frequency: number;
  frames: number;
  missed: number;
  pure: number;
  /** CED was told of this tone. */
  told: boolean;
}

interface FrequencySet {
  readonly frequencies: readonly number[];
  readonly tones: readonly ProgressTone[];
}

export class ToneDetector {
  readonly state: ToneDetectorState;
  readonly #kinds: ReadonlySet<ToneKind>;
  readonly #sets: readonly FrequencySet[];
  readonly #measure: ToneMeasure = { frequency: 0, purity: 0, level: 0 };
  readonly #window = new Int16Array(2 * frameSamples);

  constructor(kinds: readonly ToneKind[], plan: readonly ProgressTone[], state?: ToneDetectorState) {
    this.#kinds = new Set(kinds);
    const sets = new Map<string, ProgressTone[]>();
    for (const tone of plan) {
      const key = tone.frequencies.join('+');
      sets.set(key, [...(sets.get(key) ?? []), tone]);
    }
    this.#sets = [...sets.values()].map((tones) => ({ frequencies: tones[0]!.frequencies, tones }));
    this.state = state ?? {
      cadences: this.#sets.map(createCadence),
      last: new Int16Array(frameSamples),
      frequency: 0,
      frames: 0,
      missed: 0,
      pure: 0,
      told: false,
    };
  }

  /**
   * @param samples 20 ms at 8 kHz; @param known false when they were made up for what was lost
   * @returns a new array when something was found
   */
  frame(samples: Int16Array, known: boolean): readonly ToneEvent[] {
    if (known) {
      measureTone(samples, this.#measure);
      this.#window.set(this.state.last);
      this.#window.set(samples, frameSamples);
      this.state.last.set(samples);
    }
    const progress = this.#progress(known);
    const single = known ? this.#single() : this.#unknown();
    if (!progress && !single) return none;
    return [progress, single].filter((event) => event !== undefined && this.#kinds.has(event.kind)) as ToneEvent[];
  }

  #progress(known: boolean): ToneEvent | undefined {
    let event: ToneEvent | undefined;
    for (const [at, { frequencies, tones }] of this.#sets.entries()) {
      const cadence = this.state.cadences[at]!;
      // What nobody heard goes on as it was.
      const on = known ? this.#sounds(frequencies) : cadence.on;
      const kind = advanceCadence(cadence, tones, on, frameMs);
      if (kind) event = { type: 'tone', kind, ago: cadence.ms, durationMs: 0, frequency: frequencies[0]! };
    }
    return event;
  }

  #sounds(frequencies: readonly number[]): boolean {
    const { level, frequency } = this.#measure;
    if (level < leastLevel) return false;
    const [first = 0, second] = frequencies;
    if (second === undefined) return this.#isSingle && Math.abs(frequency - first) <= progressOff;
    let energy = 0;
    for (let i = 0; i < this.#window.length; i++) energy += this.#window[i]! * this.#window[i]!;
    const all = energy / this.#window.length;
    const [low, high] = [powerAt(this.#window, first), powerAt(this.#window, second)];
    return low + high >= leastPair * all && Math.min(low, high) >= leastOfPair * all;
  }

  get #isSingle(): boolean {
    return this.#measure.purity >= leastPurity && this.#measure.level > leastLevel;
  }

  #unknown(): undefined {
    if (this.state.frames > 0) this.state.frames++;
  }

  /** Runs of one steady tone. */
  #single(): ToneEvent | undefined {
    const { state } = this;
    const { frequency, purity } = this.#measure;
    const single = this.#isSingle;
    if (single && state.frames > 0 && Math.abs(frequency - state.frequency) <= steady) {
      state.frames += 1 + state.missed;
      state.missed = 0;
      if (purity >= beep.purity) state.pure++;
      state.frequency += (frequency - state.frequency) / 4;
      return this.#answering();
    }
    // A phase reversal of CED (ITU-T V.8) spoils a frame.
    if (state.frames > 0 && state.missed === 0) {
      state.missed++;
      return undefined;
    }
    const ended = this.#ended();
    state.frames = single ? 1 : 0;
    state.missed = 0;
    state.pure = purity >= beep.purity ? 1 : 0;
    state.frequency = frequency;
    state.told = false;
    return ended;
  }

  #answering(): ToneEvent | undefined {
    const { state } = this;
    const ms = state.frames * frameMs;
    if (state.told || Math.abs(state.frequency - ced.frequency) > ced.off || ms < ced.ms) return undefined;
    state.told = true;
    return { type: 'tone', kind: 'ced', ago: ms, durationMs: 0, frequency: Math.round(state.frequency) };
  }

  /** What the tone was that has ended two frames ago. */
  #ended(): ToneEvent | undefined {
    const { frames, frequency, pure } = this.state;
    // Its first and last frame were hardly filled.
    const durationMs = (frames + 1) * frameMs;
    const ago = durationMs + frameMs;
    const found = { type: 'tone', ago, durationMs, frequency: Math.round(frequency) } as const;
    if (Math.abs(frequency - cng.frequency) <= cng.off && durationMs >= cng.leastMs && durationMs <= cng.mostMs)
      return { ...found, kind: 'cng' };
    if (pure < beep.leastFrames || pure < frames * beep.mostlyPure || durationMs > beep.mostMs) return undefined;
    if (frequency < beep.lowest || frequency > beep.highest) return undefined;
    const ofPlan = this.#sets.some(({ frequencies }) => isLike(frequency, frequencies));
    return ofPlan ? undefined : { ...found, kind: 'beep' };
  }
}

/** Whether it may be a progress tone: two tones that are close look like one between them. */
function isLike(frequency: number, [first = 0, second = 0]: readonly number[]): boolean {
  if (second === 0) return Math.abs(frequency - first) <= progressOff;
  return second - first < 60 && Math.abs(frequency - (first + second) / 2) <= progressOff / 2;
}

const none: readonly ToneEvent[] = [];
