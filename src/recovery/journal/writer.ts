/** Writes the batches of a journal, and goes on trying when that fails. In its thread, or in a test's. */
import { messageOf } from '../../base/errors.ts';
import type { LogReport } from './journal.ts';
import type { LogFile } from './log-file.ts';
import type { JournalOp } from './record.ts';

/** ms between two attempts to write again, at first and at most. */
const retryMs = { first: 250, most: 2000 };
/** ms: streams with SRTP have indices for longer, which are reserved up to what was written last. */
const patienceMs = 8_000;

export class BatchWriter {
  readonly #log: LogFile;
  readonly #report: (report: LogReport) => void;
  /** The last batch that was given. */
  #number = 0;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = retryMs.first;
  #failingSince: number | undefined;
  #problem = '';

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
      // While it is tried again, the first failure says why.
      this.#problem = this.#retry ? this.#problem : messageOf(error);
      this.#failed();
      this.#tryAgain();
    }
  }

  /**
   * A log that says something old is worse than none: after a while it is given up. Nothing waits for it then, and no call
   * goes on from it.
   */
  #failed(): void {
    const problem = this.#problem;
    this.#failingSince ??= performance.now();
    const isOld = performance.now() - this.#failingSince >= patienceMs;
    this.#report(isOld && this.#log.abandon() ? { problem, gone: this.#number } : { problem });
  }

  #written(): void {
    this.#failingSince = undefined;
    this.#report({ written: this.#number, stats: this.#log.stats });
  }

  #repair(): void {
    try {
      this.#log.repair();
      this.#waitMs = retryMs.first;
      this.#written();
    } catch (error) {
      this.#problem = messageOf(error);
      this.#failed();
      this.#tryAgain();
    }
  }

  #tryAgain(): void {
    if (this.#retry) return;
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
