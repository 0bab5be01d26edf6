/** Writes the batches of a journal, and goes on trying when that fails. In its thread, or in a test's. */
import { messageOf } from '../../base/errors.ts';
import type { LogReport } from './journal.ts';
import type { LogFile } from './log-file.ts';
import type { JournalOp } from './record.ts';

/** ms between two attempts to write again, at first and at most. */
const retryMs = { first: 250, most: 5000 };

export class BatchWriter {
  readonly #log: LogFile;
  readonly #report: (report: LogReport) => void;
  /** The last batch that was given. */
  #number = 0;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = retryMs.first;

  constructor(log: LogFile, report: (report: LogReport) => void) {
    this.#log = log;
    this.#report = report;
    this.#repair();
  }

  write(batch: readonly JournalOp[], number: number): void {
    this.#number = number;
    try {
      this.#log.write(batch);
      this.#written();
    } catch (error) {
      if (this.#retry) return;
      this.#report({ problem: messageOf(error) });
      this.#tryAgain();
    }
  }

  #written(): void {
    this.#report({ written: this.#number, stats: this.#log.stats });
  }

  #repair(): void {
    try {
      this.#log.repair();
      this.#waitMs = retryMs.first;
      this.#written();
    } catch (error) {
      this.#report({ problem: messageOf(error) });
      this.#tryAgain();
    }
  }

  #tryAgain(): void {
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#repair();
    }, this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, retryMs.most);
  }

  close(): void {
    if (this.#retry) this.#repair();
    clearTimeout(this.#retry);
    this.#log.close();
  }
}
