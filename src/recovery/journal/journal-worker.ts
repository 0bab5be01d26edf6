/** Entry of the thread that writes a journal. */
import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { createSeal } from '../../base/sealed.ts';
import type { LostCall } from './journal.ts';
import { LogFile } from './log-file.ts';
import type { JournalOp } from './record.ts';
import { BatchWriter } from './writer.ts';

/** What the thread begins with. */
export interface JournalWorkerData {
  readonly path: string;
  readonly encryptionKey: string | undefined;
  readonly fsync: boolean;
  readonly live: readonly (readonly [string, ReadonlyMap<string, Uint8Array>])[];
  readonly lost: readonly (readonly [string, LostCall['reason']])[];
}

export type JournalCommand =
  | { readonly batch: readonly JournalOp[]; readonly number: number }
  | { readonly close: true };

const port = parentPort;
const { path, encryptionKey, fsync, live, lost } = workerData as JournalWorkerData;
const seal =
  encryptionKey === undefined ? undefined : createSeal(encryptionKey, { bytes: (length) => randomBytes(length) });
const writer = new BatchWriter(new LogFile({ path, seal, fsync }, live, lost), (report) => port?.postMessage(report));
port?.on('message', (command: JournalCommand) => {
  if ('batch' in command) {
    writer.write(command.batch, command.number);
    return;
  }
  writer.close();
  port.close();
});
