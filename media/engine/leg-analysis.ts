/** What a leg listens for: the detectors that were asked for, and nothing while there are none. */
import type { Clock } from '../../src/base/clock.ts';
import {
  type Analyser,
  type AnalysisConfig,
  type AnalysisState,
  type Finding,
  openAnalyser,
} from '../analysis/analyser.ts';
import { FrameCutter } from '../analysis/frame-cutter.ts';
import type { AnalysisSnapshot, EngineEvent } from '../protocol.ts';

/** What is heard, or sent, in a beat in which nothing is. */
const silentFrame = new Int16Array(160);
const silentRate = 8000;
/** Frames in a row that nobody heard; what comes in their place behind those is the silence it sounds like. */
const mostUnknown = 10;

export class LegAnalysis {
  readonly #leg: string;
  readonly #clock: Clock;
  readonly #emit: (event: EngineEvent) => void;
  readonly #onChange: () => void;
  readonly #running = new Map<string, Analyser>();
  readonly #heard = new FrameCutter((samples, known) => this.#frame(samples, known));
  readonly #sent = new FrameCutter((samples) => {
    for (const analyser of this.#running.values()) analyser.sent?.(samples);
  });
  /** Something was sent since the beat before. */
  #sends = false;
  #unknown = 0;

  /** @param onChange the number of detectors changed */
  constructor(leg: string, clock: Clock, emit: (event: EngineEvent) => void, onChange: () => void) {
    this.#leg = leg;
    this.#clock = clock;
    this.#emit = emit;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Detectors that want to know what is sent. */
  get hearsSent(): boolean {
    for (const analyser of this.#running.values()) if (analyser.sent) return true;
    return false;
  }

  /** One that runs already, out of a snapshot, goes on. */
  start(id: string, config: AnalysisConfig | AnalysisState): void {
    if (this.#running.has(id)) return;
    this.#running.set(id, openAnalyser(config));
    this.#onChange();
  }

  stop(id: string): void {
    if (this.#running.delete(id)) this.#onChange();
  }

  restore(snapshots: readonly AnalysisSnapshot[]): void {
    for (const { id, ...state } of structuredClone(snapshots) as AnalysisSnapshot[]) this.start(id, state);
  }

  /** @param known false when they were made up for what was lost */
  heard(samples: Int16Array, rate: number, known: boolean): void {
    if (this.#running.size > 0) this.#heard.write(samples, rate, known);
  }

  /** A beat in which there was nothing to hear: silence, for detectors that wait. */
  heardNothing(): void {
    this.heard(silentFrame, silentRate, true);
  }

  sent(samples: Int16Array, rate: number): void {
    this.#sends = true;
    this.#sent.write(samples, rate, true);
  }

  /** Once for each beat. */
  tick(): void {
    if (!this.hearsSent) return;
    if (!this.#sends) this.#sent.write(silentFrame, silentRate, true);
    this.#sends = false;
  }

  /** dB of both directions, while they are metered. */
  get level(): { readonly in: number | undefined; readonly out: number | undefined } | undefined {
    for (const { state } of this.#running.values())
      if (state.kind === 'level') return { in: state.state.in.level, out: state.state.out.level };
    return undefined;
  }

  /** Parts of it go on changing. */
  get state(): readonly AnalysisSnapshot[] {
    return [...this.#running].map(([id, { state }]) => ({ id, ...state }));
  }

  close(): void {
    this.#running.clear();
  }

  #frame(samples: Int16Array, heard: boolean): void {
    this.#unknown = heard ? 0 : this.#unknown + 1;
    const known = heard || this.#unknown > mostUnknown;
    for (const [id, analyser] of this.#running) {
      const found = analyser.frame(samples, known);
      if (found === undefined) continue;
      if (isOne(found)) this.#tell(id, found);
      else for (const finding of found) this.#tell(id, finding);
    }
  }

  #tell(analysis: string, found: Finding): void {
    const at = this.#clock.wallclock() - found.ago;
    this.#emit({ type: 'analysis.found', leg: this.#leg, analysis, found, at });
  }
}

function isOne(found: Finding | readonly Finding[]): found is Finding {
  return !Array.isArray(found);
}
