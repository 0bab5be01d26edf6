/** Opens the journal of a folder: what the process before left in it, and a thread that writes what this one has. */
import { mkdirSync, realpathSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { workerEntry } from '../../../media/host/worker-entry.ts';
import { messageOf, TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { createSeal, type Seal } from '../../base/sealed.ts';
import type { OpenedJournal, RecoveryOptions } from '../options.ts';
import { type FoundCall, type LogReport, type LogWriter, type LostCall, QueuedJournal } from './journal.ts';
import type { JournalCommand, JournalWorkerData } from './journal-worker.ts';
import { lockJournal } from './lock.ts';
import { formatVersion, readHead, readLogFile } from './log-file.ts';
import { type ReadLog, readLog } from './read.ts';

export interface JournalPorts {
  readonly logger: Logger;
  readonly random: Random;
}

const nothing: ReadLog = { found: [], lost: [], serial: 0 };

/**
 * Nobody else may use the folder while this process lives.
 * @throws TandemError ERR_JOURNAL_IN_USE; ERR_FILE for a folder that cannot be used
 */
export async function openJournal(
  { path, encryptionKey, fsync = false }: RecoveryOptions,
  { logger, random }: JournalPorts,
): Promise<OpenedJournal> {
  const folder = usable(path);
  const unlock = await lockJournal(folder);
  const file = join(folder, 'journal');
  const seal = encryptionKey === undefined ? undefined : createSeal(encryptionKey, random);
  try {
    const before = readBefore(file, seal, logger);
    // What was found is this log's from now on, until somebody says that it is over.
    const live = [...before.found, ...before.lost].map(({ call, parts }) => [call, parts] as const);
    const data: JournalWorkerData = { path: file, encryptionKey, fsync, live, serial: before.serial };
    const journal = new QueuedJournal((report) => startThread(data, report, unlock), logger);
    return { journal, ...(seal ? opened(before, seal) : before) };
  } catch (error) {
    await unlock();
    throw error;
  }
}

function usable(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync(path);
  } catch (error) {
    throw new TandemError('ERR_FILE', `the folder of the journal cannot be used: ${messageOf(error)}`, {
      cause: error,
      facts: { path },
    });
  }
}

function readBefore(file: string, seal: Seal | undefined, logger: Logger): ReadLog {
  const log = readLogFile(file);
  if (!log || log.length === 0) return nothing;
  const head = readHead(log, seal);
  if (!head) {
    const aside = `${file}.unreadable`;
    renameSync(file, aside);
    logger.error({ file: aside }, 'the journal is none: it was moved aside, and no call goes on');
    return nothing;
  }
  const read = readLog(log, head.begin, head.promised);
  if (head.version !== formatVersion) return givenUp(read, 'version');
  return head.keyFits ? read : givenUp(read, 'key');
}

function givenUp({ found, lost, serial }: ReadLog, reason: LostCall['reason']): ReadLog {
  return { found: [], lost: [...found, ...lost].map(({ call }) => ({ call, parts: new Map(), reason })), serial };
}

function opened({ found, lost }: ReadLog, seal: Seal): Pick<ReadLog, 'found' | 'lost'> {
  const clear: FoundCall[] = [];
  const gone: LostCall[] = lost.map((one) => ({ ...one, parts: clearParts(one, seal).parts }));
  for (const one of found) {
    const { parts, isWhole } = clearParts(one, seal);
    if (isWhole) clear.push({ call: one.call, parts });
    else gone.push({ call: one.call, parts, reason: 'damaged' });
  }
  return { found: clear, lost: gone };
}

function clearParts({ parts }: FoundCall, seal: Seal): { parts: Map<string, Uint8Array>; isWhole: boolean } {
  const clear = new Map<string, Uint8Array>();
  for (const [part, sealed] of parts) {
    const value = seal.open(sealed);
    if (value) clear.set(part, value);
  }
  return { parts: clear, isWhole: clear.size === parts.size };
}

function startThread(
  workerData: JournalWorkerData,
  report: (report: LogReport) => void,
  unlock: () => Promise<void>,
): LogWriter {
  const worker = new Worker(workerEntry(import.meta.url, 'journal-worker'), { workerData, name: 'tandem-journal' });
  worker.unref();
  const ended = new Promise<void>((resolve) => {
    worker.on('message', report);
    worker.on('error', (error) => report({ problem: messageOf(error) }));
    worker.on('exit', () => resolve());
  });
  const post = (command: JournalCommand): void => worker.postMessage(command);
  return {
    write: (batch, number) => post({ batch, number }),
    async close() {
      worker.ref();
      post({ close: true });
      await ended;
      await unlock();
    },
  };
}
