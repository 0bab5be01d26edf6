/** Keeps what the calls of this process need to go on in the next one, and goes on with those of the one before. */
import { type MediaLeg, packSaved } from '../../media/index.ts';
import type { StepStore } from '../session/steps.ts';
import type { FoundCall, Journal, JournalStats, LostCall } from './journal/journal.ts';
import { JournalSteps } from './journal-steps.ts';
import type { OpenedJournal } from './options.ts';
import { CallRecorder, mediaPart, type RecorderPorts } from './recorder.ts';
import { type RecoveryPorts, type RecoveryReport, recoverCalls } from './recovery.ts';

export interface KeeperPorts extends RecoveryPorts, Pick<RecorderPorts, 'recordOf' | 'kept'> {
  open(): Promise<OpenedJournal>;
}

/** How calls are kept for the next process, and what became of those of the one before. */
export interface KeeperReport {
  readonly recovered: number;
  /** Of an earlier process, that could not go on. */
  readonly lost: number;
  /** Why the journal cannot be written now. */
  readonly problem: string | undefined;
  readonly journal: JournalStats;
}

export class CallKeeper {
  readonly #ports: KeeperPorts;
  #opened: OpenedJournal | undefined;
  #recorder: CallRecorder | undefined;
  #counts = { recovered: 0, lost: 0 };
  /** Media legs that are to go on elsewhere. */
  #stepping: readonly { readonly call: string; readonly leg: MediaLeg | undefined }[] = [];
  /** What the journal had of calls of an earlier process, until they go on. */
  #found: ReadonlyMap<string, FoundCall> = new Map();

  constructor(ports: KeeperPorts) {
    this.#ports = ports;
  }

  get journal(): Journal | undefined {
    return this.#opened?.journal;
  }

  get report(): KeeperReport | undefined {
    const { journal } = this;
    return journal && { ...this.#counts, problem: journal.problem, journal: journal.stats };
  }

  /** Calls of which the journal says too little. */
  get damaged(): readonly LostCall[] {
    return this.#opened?.lost ?? [];
  }

  /** The journal is this process' from now on. @throws TandemError ERR_JOURNAL_IN_USE, ERR_FILE */
  async open(): Promise<void> {
    const { registry, recordOf, kept, wallclock, logger } = this.#ports;
    this.#opened = await this.#ports.open();
    const { journal, found, lost } = this.#opened;
    this.#found = new Map(found.map((one) => [one.call, one]));
    for (const { call, reason } of lost)
      logger.warn({ call, reason }, 'a call cannot be recovered: its state is damaged');
    this.#recorder = new CallRecorder({ registry, journal, recordOf, kept, wallclock });
  }

  /** Goes on with the calls that were found. Sockets are bound by now, and nothing is read from them yet. */
  async recover(): Promise<RecoveryReport> {
    const { journal, lost: damaged = [] } = this.#opened ?? {};
    const found = [...this.#found.values()];
    const began = this.#ports.wallclock();
    const report = await recoverCalls(found, this.#ports);
    this.#found = new Map();
    for (const { record } of report.recovered) this.#recorder?.note(record);
    for (const {
      found: { call },
    } of report.lost)
      journal?.remove(call);
    for (const { call } of damaged) journal?.remove(call);
    const { recovered, lost } = report;
    this.#counts = { recovered: recovered.length, lost: lost.length + damaged.length };
    if (found.length > 0)
      this.#ports.logger.info(
        { ...this.#counts, tookMs: this.#ports.wallclock() - began },
        'calls of an earlier process go on',
      );
    for (const {
      found: { call },
      reason,
    } of lost)
      this.#ports.logger.warn({ call, reason }, 'a call was not recovered');
    return report;
  }

  /** Where the steps of a call are kept. */
  stepsOf(call: string): StepStore | undefined {
    return this.journal && new JournalSteps(this.journal, call, this.#found.get(call));
  }

  /** The state of a media leg. */
  saved(leg: MediaLeg, packed: Uint8Array, serial: number): void {
    this.#recorder?.saved(leg, packed, serial);
  }

  /**
   * Writes the state of all calls, and nothing after that: what becomes of them here is of no account any more.
   * @returns how many there are
   */
  stepAside(): number {
    const records = [...this.#ports.registry].filter((record) => record.sessions.length > 0 && !record.foreign);
    for (const record of records) this.#recorder?.note(record);
    this.#recorder?.close();
    this.#stepping = records.flatMap((record) =>
      record.sessions.flatMap((session) => ({ call: record.id, leg: session.mediaLeg })),
    );
    return records.length;
  }

  /** After `stepAside`: stops the media, and writes where they were. */
  async handOver(): Promise<void> {
    const { journal } = this;
    await Promise.all(
      this.#stepping.map(async ({ call, leg }) => {
        const snapshot = await leg?.handOver().catch(() => undefined);
        if (leg && snapshot) journal?.put(call, mediaPart(leg.id), packSaved({ snapshot, playing: undefined }));
      }),
    );
    await journal?.written();
    await journal?.close();
  }

  /** Idempotent. What is in the journal stays there: nothing of this process is written any more. */
  async close(): Promise<void> {
    this.#recorder?.close();
    await this.#opened?.journal.close();
  }
}
