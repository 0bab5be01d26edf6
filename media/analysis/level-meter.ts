/** How loud a stream is, told for each 100 ms. */
const windowSamples = 800;

/** Plain data: part of a leg's snapshot. */
export interface LevelState {
  sum: number;
  count: number;
  /** dB, where 0 is full scale all the time, of the last whole window; undefined before. */
  level: number | undefined;
}

/** Digital silence, dB. */
const silence = -96;

export class LevelMeter {
  readonly state: LevelState;

  constructor(state?: LevelState) {
    this.state = state ?? { sum: 0, count: 0, level: undefined };
  }

  /** @param samples at 8 kHz */
  frame(samples: Int16Array): void {
    const { state } = this;
    for (let i = 0; i < samples.length; i++) state.sum += samples[i]! * samples[i]!;
    state.count += samples.length;
    if (state.count < windowSamples) return;
    const level = 10 * Math.log10(state.sum / state.count / 32_768 ** 2 + 1e-10);
    state.level = Math.max(silence, Math.round(level * 10) / 10);
    state.sum = 0;
    state.count = 0;
  }
}
