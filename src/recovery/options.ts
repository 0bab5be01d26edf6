/** Whether calls go on after a crash or a restart, and where their state is kept. */
import type { FoundCall, Journal, LostCall } from './journal/journal.ts';

export interface OpenedJournal {
  readonly journal: Journal;
  readonly found: readonly FoundCall[];
  readonly lost: readonly LostCall[];
}

export interface RecoveryOptions {
  /** Folder of the journal; this process' alone. */
  readonly path: string;
  /** Encrypts it (AES-256-GCM): a text, from which the key is derived. Default: only its owner can read the files. */
  readonly encryptionKey?: string;
  /** Waits until the disk has it, so that calls go on after a loss of power as well; default false. */
  readonly fsync?: boolean;
  /** Opens the journal; default: that in `path`. */
  readonly open?: () => Promise<OpenedJournal>;
}
