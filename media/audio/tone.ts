/** Tones as frame generators: call progress tones and sines. */

/** Plain data: a tone crosses threads and lives in snapshots. */
export interface Tone {
  /** Hz; sounded together. */
  readonly frequencies: readonly number[];
  /** Milliseconds: on, off, on, off, … from the start again; empty: without a pause. */
  readonly cadence: readonly number[];
  /** RMS while it sounds, in dB, where 0 is full scale all the time: a sine at full scale is −3. */
  readonly level: number;
}

const level = -20;

/** ITU-T E.180 and its supplement 2. */
export const tones = {
  ringback: { frequencies: [425], cadence: [1000, 4000], level },
  ringbackUs: { frequencies: [440, 480], cadence: [2000, 4000], level },
  busy: { frequencies: [425], cadence: [480, 480], level },
  busyUs: { frequencies: [480, 620], cadence: [500, 500], level },
  congestion: { frequencies: [425], cadence: [240, 240], level },
} as const satisfies Readonly<Record<string, Tone>>;

export function sine(frequency: number, sineLevel = level): Tone {
  return { frequencies: [frequency], cadence: [], level: sineLevel };
}

/** Ramp at each edge, in ms: a tone that begins at once clicks. */
const ramp = 4;

/** Sounds a tone from its beginning, frame after frame, without an end. */
export class ToneGenerator {
  readonly #steps: readonly number[];
  readonly #phases: number[];
  readonly #amplitude: number;
  /** Ends of the on and off spans within the period, in samples; on first. */
  readonly #edges: readonly number[];
  readonly #ramp: number;
  #at = 0;

  /** @param position samples to begin after, to go on where another generator was */
  constructor(tone: Tone, sampleRate: number, position = 0) {
    this.#steps = tone.frequencies.map((frequency) => (2 * Math.PI * frequency) / sampleRate);
    this.#amplitude = 32_768 * 10 ** (tone.level / 20) * Math.sqrt(2 / Math.max(1, tone.frequencies.length));
    let end = 0;
    const edges = tone.cadence.map((ms) => {
      end += Math.max(0, Math.round((ms * sampleRate) / 1000));
      return end;
    });
    this.#edges = end > 0 ? edges : [];
    this.#ramp = Math.max(1, Math.round((ramp * sampleRate) / 1000));
    this.#phases = this.#steps.map((step) => (step * position) % (2 * Math.PI));
    this.#at = end > 0 ? position % end : position;
  }

  fill(out: Int16Array): void {
    for (let i = 0; i < out.length; i++) {
      const gain = this.#gain();
      let sample = 0;
      for (let f = 0; f < this.#steps.length; f++) {
        const phase = this.#phases[f]!;
        if (gain > 0) sample += Math.sin(phase);
        const next = phase + this.#steps[f]!;
        this.#phases[f] = next >= 2 * Math.PI ? next - 2 * Math.PI : next;
      }
      out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sample * gain * this.#amplitude)));
      this.#at++;
    }
  }

  /** 0 … 1 at the present sample. */
  #gain(): number {
    const period = this.#edges.at(-1);
    if (period === undefined) return Math.min(1, this.#at / this.#ramp);
    if (this.#at >= period) this.#at = 0;
    let start = 0;
    for (let i = 0; i < this.#edges.length; i++) {
      const end = this.#edges[i]!;
      if (this.#at < end) {
        if (i % 2 === 1) return 0;
        return Math.min(1, (this.#at - start) / this.#ramp, (end - this.#at) / this.#ramp);
      }
      start = end;
    }
    return 0;
  }
}
