/** Opens the journal of a folder: what the process before left in it, and a thread that writes what this one has. */
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf, TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { ownModule } from '../../base/own-module.ts';
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

const nothing: ReadLog = { found: [], lost: [] };

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
    const lost = before.lost.map(({ call, reason }) => [call, reason] as const);
    const data: JournalWorkerData = { path: file, encryptionKey, fsync, live, lost };
    const journal = new QueuedJournal((report) => startThread(data, report, unlock), logger);
    return { journal, ...(seal ? opened(before, seal) : before) };
  } catch (error) {
    await unlock();
    throw error instanceof TandemError ? error : unusable(folder, error);
  }
}

function usable(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): TandemError {
  return new TandemError('ERR_FILE', `the journal in ${path} cannot be used: ${messageOf(cause)}`, {
    cause,
    facts: { path },
  });
}

function readBefore(file: string, seal: Seal | undefined, logger: Logger): ReadLog {
  const log = readLogFile(file);
  if (!log || log.length === 0) return nothing;
  const head = readHead(log, seal);
  if (head?.version === formatVersion && head.keyFits) return readLog(log, head.begin, head.promised);
  const aside = freeName(`${file}.unreadable`);
  renameSync(file, aside);
  const reason = head && (head.version === formatVersion ? 'key' : 'version');
  logger.error({ file: aside, reason: reason ?? 'no journal' }, 'the journal was moved aside: no call in it goes on');
  return head && reason ? givenUp(readLog(log, head.begin, head.promised), reason) : nothing;
}

/** What was moved aside before stays there. */
function freeName(name: string): string {
  let free = name;
  for (let number = 1; existsSync(free); number++) free = `${name}.${number}`;
  return free;
}

function givenUp({ found, lost }: ReadLog, reason: LostCall['reason']): ReadLog {
  return { found: [], lost: [...found, ...lost].map(({ call }) => ({ call, parts: new Map(), reason })) };
}

function opened({ found, lost }: ReadLog, seal: Seal): ReadLog {
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
  const worker = new Worker(ownModule(import.meta.url, 'journal-worker'), { workerData, name: 'tandem-journal' });
  worker.unref();
  let closing = false;
  const ended = new Promise<void>((resolve) => {
    worker.on('message', report);
    worker.on('error', (error) => report({ problem: messageOf(error) }));
    worker.on('exit', () => {
      resolve();
      if (closing) return;
      // What it wrote last gets old from now on, and must not be found.
      rmSync(workerData.path, { force: true });
      report({ problem: 'its thread has ended', gone: Number.POSITIVE_INFINITY });
    });
  });
  const post = (command: JournalCommand): void => worker.postMessage(command);
  return {
    write: (batch, number) => post({ batch, number }),
    async close() {
      closing = true;
      worker.ref();
      post({ close: true });
      await ended;
      await unlock();
    },
  };
}
