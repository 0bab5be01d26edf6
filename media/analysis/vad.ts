/**
 * When somebody speaks: frames well above a noise floor that follows the line, and that are no pure tone. The floor is the
 * least level of the last two seconds, so that a noise that stays is no speech for longer than that.
 */
import { measureTone, type ToneMeasure } from './tone-meter.ts';

const frameMs = 20;
/** dB above the floor, for speech to begin and to go on. */
const begins = 9;
const goesOn = 5;
/** dB above the floor for a hiss at the end of a word, and the zero crossings per sample that make one. */
const hisses = 3;
const hissCrossings = 0.3;
/** The floor in dB: no line is more quiet, and what is louder from the beginning on is speech. */
const lowest = -65;
const highestAtFirst = -42;
/** Frames of one part of the time that the floor is taken from, and such parts. */
const partFrames = 15;
const parts = 7;
/** A pure tone. */
const purest = 0.95;
/** Frames of which most must be speech for it to begin: clicks are shorter. */
const onsetFrames = 4;
const onsetNeeded = 3;
/** One-pole high pass at about 150 Hz: hum is no speech. */
const highPass = 0.89;

export interface VadSettings {
  /** ms without speech after which it has ended. */
  readonly silenceMs: number;
}

export interface VadEvent {
  readonly type: 'speech:start' | 'speech:end';
  /** ms from then to the end of the frame in which it was found. */
  readonly ago: number;
  /** ms of speech, at its end. */
  readonly durationMs: number;
}

/** Plain data: part of a leg's snapshot. */
export interface VadState {
  /** dB; the least of each part, newest last. Empty before the first frame. */
  readonly floors: number[];
  partFrame: number;
  partLowest: number;
  lastSample: number;
  lastFiltered: number;
  /** Whether each of the last frames was speech, one bit per frame, newest lowest. */
  onset: number;
  speaking: boolean;
  /** Since it began, and since the last frame of it. */
  speechMs: number;
  silentMs: number;
}

export class Vad {
  readonly state: VadState;
  readonly #silenceMs: number;
  readonly #tone: ToneMeasure = { frequency: 0, purity: 0, level: 0 };

  constructor({ silenceMs }: VadSettings, state?: VadState) {
    this.#silenceMs = silenceMs;
    this.state = state ?? {
      floors: [],
      partFrame: 0,
      partLowest: 0,
      lastSample: 0,
      lastFiltered: 0,
      onset: 0,
      speaking: false,
      speechMs: 0,
      silentMs: 0,
    };
  }

  /** @param samples 20 ms at 8 kHz; @param known false when they were made up for what was lost */
  frame(samples: Int16Array, known: boolean): VadEvent | undefined {
    const { state } = this;
    // What nobody heard goes on as it was.
    const speech = known ? this.#isSpeech(samples) : (state.onset & 1) === 1;
    state.onset = ((state.onset << 1) | (speech ? 1 : 0)) & ((1 << onsetFrames) - 1);
    return state.speaking ? this.#speaking(speech) : this.#waiting();
  }

  #waiting(): VadEvent | undefined {
    const { state } = this;
    let count = 0;
    let first = 0;
    for (let i = 0; i < onsetFrames; i++)
      if ((state.onset >> i) & 1) {
        count++;
        first = i;
      }
    if (count < onsetNeeded) return undefined;
    state.speaking = true;
    state.silentMs = 0;
    state.speechMs = (first + 1) * frameMs;
    return { type: 'speech:start', ago: state.speechMs, durationMs: 0 };
  }

  #speaking(speech: boolean): VadEvent | undefined {
    const { state } = this;
    state.speechMs += frameMs;
    state.silentMs = speech ? 0 : state.silentMs + frameMs;
    if (state.silentMs < this.#silenceMs) return undefined;
    state.speaking = false;
    state.onset = 0;
    return { type: 'speech:end', ago: state.silentMs, durationMs: state.speechMs - state.silentMs };
  }

  #isSpeech(samples: Int16Array): boolean {
    const { state } = this;
    let [energy, crossings] = [0, 0];
    let { lastSample, lastFiltered } = state;
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      const filtered = sample - lastSample + highPass * lastFiltered;
      if (filtered * lastFiltered < 0) crossings++;
      lastSample = sample;
      lastFiltered = filtered;
      energy += filtered * filtered;
    }
    state.lastSample = lastSample;
    state.lastFiltered = lastFiltered;
    const level = Math.max(lowest, 10 * Math.log10(energy / samples.length / 32_768 ** 2 + 1e-10));
    const above = level - this.#floor(level);
    if (above < hisses) return false;
    const hiss = state.speaking && crossings > hissCrossings * samples.length;
    if (above < (state.speaking ? goesOn : begins) && !hiss) return false;
    measureTone(samples, this.#tone);
    return this.#tone.purity < purest;
  }

  #floor(level: number): number {
    const { state } = this;
    const { floors } = state;
    if (floors.length === 0) {
      state.partLowest = level;
      for (let i = 0; i < parts; i++) floors.push(Math.min(level, highestAtFirst));
    }
    state.partLowest = state.partFrame === 0 ? level : Math.min(state.partLowest, level);
    if (++state.partFrame === partFrames) {
      state.partFrame = 0;
      floors.shift();
      floors.push(state.partLowest);
    }
    let floor = state.partLowest;
    for (let i = 0; i < parts; i++) floor = Math.min(floor, floors[i]!);
    return floor;
  }
}
