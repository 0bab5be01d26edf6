/** What a leg was asked to listen for: each with who hears of it. It is asked again when the leg goes on elsewhere. */
import type { AnalysisConfig, Finding } from '../analysis/analyser.ts';
import type { AnalysisSnapshot } from '../protocol.ts';
import type { EngineLink } from './link.ts';

/** Something that was heard. */
export interface Heard<F extends Finding = Finding> {
  readonly found: F;
  /** Unix ms when it began. */
  readonly at: number;
}

export interface AnalysisListener {
  onFound(heard: Heard): void;
  /** The leg is gone. Not called after `stop`. */
  onOver(): void;
}

export interface AnalysisHandle {
  /** Idempotent. */
  stop(): void;
}

export class Analyses {
  readonly #link: EngineLink;
  readonly #leg: string;
  readonly #running = new Map<string, { readonly config: AnalysisConfig; readonly listener: AnalysisListener }>();

  constructor(link: EngineLink, leg: string) {
    this.#link = link;
    this.#leg = leg;
  }

  start(id: string, config: AnalysisConfig, listener: AnalysisListener): AnalysisHandle {
    this.#running.set(id, { config, listener });
    this.#ask(id, config);
    return {
      stop: () => {
        if (this.#running.delete(id)) this.#link.send({ type: 'analysis.stop', leg: this.#leg, analysis: id });
      },
    };
  }

  found(id: string, heard: Heard): void {
    this.#running.get(id)?.listener.onFound(heard);
  }

  /** Of those in a snapshot, those that were not stopped since. */
  wanted(snapshots: readonly AnalysisSnapshot[]): readonly AnalysisSnapshot[] {
    return snapshots.filter(({ id }) => this.#running.has(id));
  }

  /** The leg is in another engine, where those of its last state run already. */
  revive(): void {
    for (const [id, { config }] of this.#running) this.#ask(id, config);
  }

  /** Nobody is there any more who would hear of these. */
  forget(ids: readonly string[]): void {
    for (const analysis of ids) this.#link.send({ type: 'analysis.stop', leg: this.#leg, analysis });
  }

  over(): void {
    const all = [...this.#running.values()];
    this.#running.clear();
    for (const { listener } of all) listener.onOver();
  }

  #ask(analysis: string, config: AnalysisConfig): void {
    this.#link.send({ type: 'analysis.start', leg: this.#leg, analysis, config });
  }
}
