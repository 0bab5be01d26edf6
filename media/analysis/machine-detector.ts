/**
 * Who has answered a call: a person says a few words and waits; a machine talks on and beeps; a fax sounds 2100 Hz. Told
 * by how long the greeting is and by the silence behind it, so it is an estimate, not a fact.
 */
import { ToneDetector, type ToneDetectorState, type ToneEvent } from './tone-detector.ts';
import { Vad, type VadState } from './vad.ts';

const frameMs = 20;
/** Within a greeting: pauses that are shorter are none. */
const wordGapMs = 100;

export interface MachineSettings {
  /** ms of silence at first after which it stays unknown. */
  readonly initialSilenceMs: number;
  /** A greeting that takes longer, in ms, is a machine's. */
  readonly greetingMs: number;
  /** ms of silence behind a short greeting that make it a person's. */
  readonly silenceMs: number;
  /** ms in all until it stays unknown. */
  readonly decisionMs: number;
  /** ms from the verdict `machine` in which a beep is waited for; 0: none is. */
  readonly beepMs: number;
  /** ms of silence behind a machine's greeting after which no beep is expected any more. */
  readonly beepSilenceMs: number;
}

export const defaultMachineSettings: MachineSettings = {
  initialSilenceMs: 4000,
  greetingMs: 2000,
  silenceMs: 900,
  decisionMs: 8000,
  beepMs: 30_000,
  beepSilenceMs: 6000,
};

export type Verdict = 'human' | 'machine' | 'fax' | 'unknown';
export type VerdictCause = 'greeting' | 'beep' | 'tone' | 'silence' | 'timeout';

export interface MachineEvent {
  readonly type: 'verdict' | 'beep' | 'over';
  readonly verdict: Verdict;
  readonly cause: VerdictCause;
  /** ms from the beginning to the verdict. */
  readonly decidedMs: number;
  /** ms of the greeting, with the pauses in it. */
  readonly greetingMs: number;
  /** Of `beep`: ms from its beginning to now, and how long it was. */
  readonly ago: number;
  readonly beepMs: number;
}

/** Plain data: part of a leg's snapshot. */
export interface MachineState {
  readonly vad: VadState;
  readonly tones: ToneDetectorState;
  /** Since the beginning. */
  ms: number;
  /** When the greeting began and, so far, ended; −1: nobody has spoken. */
  startedAt: number;
  spokeAt: number;
  verdict: Verdict | undefined;
  cause: VerdictCause;
  decidedAt: number;
  over: boolean;
}

export class MachineDetector {
  readonly state: MachineState;
  readonly #settings: MachineSettings;
  readonly #vad: Vad;
  readonly #tones: ToneDetector;

  constructor(settings: MachineSettings, state?: MachineState) {
    this.#settings = settings;
    this.#vad = new Vad({ silenceMs: wordGapMs }, state?.vad);
    this.#tones = new ToneDetector(['cng', 'ced', 'beep'], [], state?.tones);
    this.state = state ?? {
      vad: this.#vad.state,
      tones: this.#tones.state,
      ms: 0,
      startedAt: -1,
      spokeAt: -1,
      verdict: undefined,
      cause: 'timeout',
      decidedAt: 0,
      over: false,
    };
  }

  /**
   * @param samples 20 ms at 8 kHz; @param known false when they were made up for what was lost
   * @returns the verdict, then `beep` or `over` for a machine
   */
  frame(samples: Int16Array, known: boolean): MachineEvent | undefined {
    const { state } = this;
    if (state.over) return undefined;
    state.ms += frameMs;
    const [tone] = this.#tones.frame(samples, known);
    this.#listen(samples, known);
    return state.verdict === undefined ? this.#decide(tone) : this.#await(tone);
  }

  #listen(samples: Int16Array, known: boolean): void {
    const { state } = this;
    const event = this.#vad.frame(samples, known);
    if (event?.type === 'speech:start' && state.startedAt < 0) state.startedAt = state.ms - event.ago;
    const { speaking, silentMs } = this.#vad.state;
    if (speaking) state.spokeAt = state.ms - silentMs;
  }

  #decide(tone: ToneEvent | undefined): MachineEvent | undefined {
    const { state } = this;
    const { initialSilenceMs, greetingMs, silenceMs, decisionMs } = this.#settings;
    if (tone?.kind === 'ced' || tone?.kind === 'cng') return this.#verdict('fax', 'tone');
    if (tone) {
      const verdict = this.#verdict('machine', 'beep', tone);
      state.over = true;
      return verdict;
    }
    if (state.startedAt < 0) {
      if (state.ms >= initialSilenceMs) return this.#verdict('unknown', 'silence');
    } else if (state.spokeAt - state.startedAt > greetingMs) return this.#verdict('machine', 'greeting');
    else if (state.ms - state.spokeAt >= silenceMs) return this.#verdict('human', 'greeting');
    return state.ms >= decisionMs ? this.#verdict('unknown', 'timeout') : undefined;
  }

  #verdict(verdict: Verdict, cause: VerdictCause, beep?: ToneEvent): MachineEvent {
    const { state } = this;
    state.verdict = verdict;
    state.cause = cause;
    state.decidedAt = state.ms;
    state.over = verdict !== 'machine' || this.#settings.beepMs === 0;
    return this.#event('verdict', beep);
  }

  #await(tone: ToneEvent | undefined): MachineEvent | undefined {
    const { state } = this;
    const { beepMs, beepSilenceMs } = this.#settings;
    if (tone?.kind === 'beep') {
      state.over = true;
      return this.#event('beep', tone);
    }
    if (state.ms - state.decidedAt < beepMs && state.ms - state.spokeAt < beepSilenceMs) return undefined;
    state.over = true;
    return this.#event('over');
  }

  #event(type: MachineEvent['type'], beep?: ToneEvent): MachineEvent {
    const { verdict = 'unknown', cause, decidedAt, startedAt, spokeAt } = this.state;
    return {
      type,
      verdict,
      cause,
      decidedMs: decidedAt,
      greetingMs: startedAt < 0 ? 0 : spokeAt - startedAt,
      ago: beep?.ago ?? 0,
      beepMs: beep?.durationMs ?? 0,
    };
  }
}
