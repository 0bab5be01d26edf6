/** The folder of recordings, as the archive uses it. `node-vault.ts` has it on the disk. */
import type { KeptRecording, RecordingNote } from './note.ts';
import type { Keyring } from './options.ts';

export interface Vault {
  /** @returns undefined for a path that is not below the folder, or no recording by its name */
  nameOf(path: string): string | undefined;
  /** All that are there; a folder that is not there has none. */
  list(): AsyncIterable<KeptRecording>;
  /** @returns undefined for one that is gone */
  find(name: string): Promise<KeptRecording | undefined>;
  /** Replaces it as a whole. */
  writeNote(name: string, note: RecordingNote): Promise<void>;
  /** Encrypts it; the plain file is deleted when the other is on the disk. Nothing to do for one that is sealed. */
  seal(name: string, keyring: Keyring, signal: AbortSignal): Promise<void>;
  /** @param keyring opens a sealed one; without it, it is read as it lies there */
  open(name: string, keyring: Pick<Keyring, 'find'> | undefined): Promise<OpenRecording>;
  /** Deletes it, with all that is beside it. */
  remove(name: string): Promise<void>;
  hold(name: string, on: boolean): Promise<void>;
}

/** To be closed. */
export interface OpenRecording {
  readonly size: number;
  readonly sealed: boolean;
  stream(start?: number, end?: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
