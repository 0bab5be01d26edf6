/** A log of what another process needs to go on: it is there as soon as it is written, whatever becomes of this one. */
import type { Logger } from '../../base/log.ts';
import { checkName, type JournalOp } from './record.ts';

export interface Journal {
  /**
   * All of one turn is written together, or nothing of it. @param value not to be changed any more
   * @throws RangeError for a name of more than 1024 bytes
   */
  put(call: string, part: string, value: Uint8Array): void;
  /** The part, or without it all of the call. */
  remove(call: string, part?: string): void;
  /**
   * Resolves when nothing older than what was asked before can be found any more: it is written, or the log that cannot be
   * written is gone, and nothing is found at all.
   */
  written(): Promise<void>;
  /** Why nothing can be written now; undefined while all is well. */
  readonly problem: string | undefined;
  readonly stats: JournalStats;
  /** Writes what is left. Idempotent. */
  close(): Promise<void>;
}

export interface JournalStats {
  /** Size of the log. */
  readonly bytes: number;
  /** Written since the start. */
  readonly records: number;
  readonly batches: number;
  readonly compactions: number;
}

export interface FoundCall {
  readonly call: string;
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

/**
 * A call of which something is unreadable or may be old. `damaged`: a value of it; `truncated`: the log has lost
 * something, and it may have been this call's; `key`: it was sealed with another key; `version`: another Tandem wrote it.
 */
export interface LostCall extends FoundCall {
  readonly reason: 'damaged' | 'truncated' | 'key' | 'version';
}

/** Where batches are written: a thread. */
export interface LogWriter {
  /** Calls `onWritten` with the number of each batch that is written. */
  write(batch: readonly JournalOp[], number: number): void;
  /** Resolves when all is written, or cannot be. */
  close(): Promise<void>;
}

export type LogReport =
  | { readonly written: number; readonly stats: JournalStats }
  /** @param gone number of the last batch that nothing older can be found than: the log is gone */
  | { readonly problem: string; readonly gone?: number };

export class QueuedJournal implements Journal {
  readonly #writer: LogWriter;
  readonly #logger: Logger;
  #batch: JournalOp[] = [];
  /** Batches so far, and those that are written. */
  #number = 0;
  #done = 0;
  #waiting: { readonly number: number; readonly resolve: () => void }[] = [];
  #problem: string | undefined;
  #stats: JournalStats = { bytes: 0, records: 0, batches: 0, compactions: 0 };
  #closing: Promise<void> | undefined;

  /** @param start begins to write, and tells `report` how that goes */
  constructor(start: (report: (report: LogReport) => void) => LogWriter, logger: Logger) {
    this.#logger = logger;
    this.#writer = start((report) => this.#onReport(report));
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  get stats(): JournalStats {
    return this.#stats;
  }

  put(call: string, part: string, value: Uint8Array): void {
    checkName(call);
    checkName(part);
    this.#add({ op: 'put', call, part, value });
  }

  remove(call: string, part?: string): void {
    this.#add(part === undefined ? { op: 'removeCall', call } : { op: 'removePart', call, part });
  }

  written(): Promise<void> {
    const number = this.#number + (this.#batch.length > 0 ? 1 : 0);
    if (this.#done >= number) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ number, resolve }));
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#flush();
      this.#closing = this.#writer.close();
    }
    return this.#closing;
  }

  #add(op: JournalOp): void {
    if (this.#closing) return;
    if (this.#batch.length === 0) setImmediate(() => this.#flush());
    this.#batch.push(op);
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#writer.write(batch, ++this.#number);
  }

  #onReport(report: LogReport): void {
    if ('problem' in report) {
      if (this.#problem === undefined)
        this.#logger.error(
          { error: report.problem },
          'the journal cannot be written: calls go on, and would not outlive a crash',
        );
      this.#problem = report.problem;
      if (report.gone !== undefined) this.#resolve(report.gone);
      return;
    }
    if (this.#problem !== undefined) this.#logger.info({}, 'the journal is written again');
    this.#problem = undefined;
    this.#stats = report.stats;
    this.#resolve(report.written);
  }

  #resolve(number: number): void {
    this.#done = number;
    const through = this.#waiting.findIndex((one) => one.number > number);
    for (const { resolve } of this.#waiting.splice(0, through < 0 ? this.#waiting.length : through)) resolve();
  }
}
