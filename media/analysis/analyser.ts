/** One detector with its settings: what a leg is asked to listen for, and goes on listening for from a snapshot. */
import { DtmfDetector, type DtmfDetectorState } from './dtmf-detector.ts';
import { LevelMeter, type LevelState } from './level-meter.ts';
import { MachineDetector, type MachineEvent, type MachineSettings, type MachineState } from './machine-detector.ts';
import { ToneDetector, type ToneDetectorState, type ToneEvent } from './tone-detector.ts';
import { type ToneKind, type TonePlanName, tonePlans } from './tone-plans.ts';
import { Vad, type VadEvent, type VadSettings, type VadState } from './vad.ts';

export type AnalysisConfig =
  | { readonly kind: 'digits' }
  | { readonly kind: 'speech'; readonly settings: VadSettings }
  | { readonly kind: 'tones'; readonly kinds: readonly ToneKind[]; readonly plan: TonePlanName }
  | { readonly kind: 'machine'; readonly settings: MachineSettings }
  | { readonly kind: 'level' };

interface AnalysisStates {
  readonly digits: DtmfDetectorState;
  readonly speech: VadState;
  readonly tones: ToneDetectorState;
  readonly machine: MachineState;
  readonly level: { readonly in: LevelState; readonly out: LevelState };
}

type WithState<C extends AnalysisConfig> = C extends unknown
  ? C & { readonly state: AnalysisStates[C['kind']] }
  : never;

/** Plain data. */
export type AnalysisState = WithState<AnalysisConfig>;

/** A key press; `ago` as in the other events: ms from when it began to now. */
export interface DigitEvent {
  readonly type: 'digit';
  readonly digit: string;
  readonly ago: number;
}

export type Finding = DigitEvent | VadEvent | ToneEvent | MachineEvent;

export interface Analyser {
  /** @param samples 20 ms at 8 kHz; @param known false when they were made up for what was lost */
  frame(samples: Int16Array, known: boolean): Finding | readonly Finding[] | undefined;
  /** Of what is sent. */
  sent?(samples: Int16Array): void;
  /** Parts of it go on changing. */
  readonly state: AnalysisState;
}

/** ms of a press that have passed when it is found. */
const pressMs = 40;

export function openAnalyser(config: AnalysisConfig | AnalysisState): Analyser {
  switch (config.kind) {
    case 'digits': {
      const detector = new DtmfDetector('state' in config ? config.state : undefined);
      return {
        frame: (samples, known) => {
          const digit = detector.frame(samples, known);
          return digit === undefined ? undefined : { type: 'digit', digit, ago: pressMs };
        },
        state: { kind: 'digits', state: detector.state },
      };
    }
    case 'speech': {
      const { settings } = config;
      const vad = new Vad(settings, 'state' in config ? config.state : undefined);
      const state = { kind: 'speech', settings, state: vad.state } as const;
      return { frame: (samples, known) => vad.frame(samples, known), state };
    }
    case 'tones': {
      const { kinds, plan } = config;
      const detector = new ToneDetector(kinds, tonePlans[plan], 'state' in config ? config.state : undefined);
      const state = { kind: 'tones', kinds, plan, state: detector.state } as const;
      return { frame: (samples, known) => detector.frame(samples, known), state };
    }
    case 'machine': {
      const { settings } = config;
      const detector = new MachineDetector(settings, 'state' in config ? config.state : undefined);
      const state = { kind: 'machine', settings, state: detector.state } as const;
      return { frame: (samples, known) => detector.frame(samples, known), state };
    }
    case 'level': {
      const saved = 'state' in config ? config.state : undefined;
      const heard = new LevelMeter(saved?.in);
      const sent = new LevelMeter(saved?.out);
      return {
        frame: (samples) => void heard.frame(samples),
        sent: (samples) => sent.frame(samples),
        state: { kind: 'level', state: { in: heard.state, out: sent.state } },
      };
    }
  }
}
