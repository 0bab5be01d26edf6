/** An engine in a worker thread. */
import { Worker } from 'node:worker_threads';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import type { UdpIoName } from '../net/own-udp-io.ts';
import type { Command, EngineEvent } from '../protocol.ts';
import type { EngineHost, HostListener } from './host.ts';
import { workerEntry } from './worker-entry.ts';

/** What the thread is told from the first. */
export interface EngineThreadData {
  readonly io: UdpIoName;
  /** It is to code Opus. */
  readonly opus: boolean;
  /** As of `EnginePorts`. */
  readonly saves: 'here' | 'beyond';
}

export interface WorkerOptions extends EngineThreadData {
  /** Names the thread. */
  readonly index: number;
  /** Default: `engine-thread` beside this file. */
  readonly entry?: URL;
}

/** The thread's commands arrive while it starts; nothing has to wait for it. */
export function startWorker({ index, io, opus, saves, entry }: WorkerOptions, listener: HostListener): EngineHost {
  const worker = new Worker(entry ?? workerEntry(import.meta.url, 'engine-thread'), {
    name: `tandem-media-${index}`,
    workerData: { io, opus, saves } satisfies EngineThreadData,
  });
  let batch: Command[] = [];
  let over = false;
  let closing: Promise<void> | undefined;
  let onClosed = (): void => {};
  let cause: unknown;
  const failed = (error: unknown): void => {
    cause ??= error;
    void worker.terminate();
  };
  worker.on('message', (events: EngineEvent[] | 'closed') => {
    if (events === 'closed') onClosed();
    else if (!over) listener.onEvents(events);
  });
  worker.on('error', failed);
  worker.on('messageerror', failed);
  // Not before: by now its sockets are closed, and another thread can have their ports.
  worker.on('exit', (code) => {
    if (over) return;
    over = true;
    onClosed();
    listener.onDead(workerError(index, cause === undefined ? `it exited with ${code}` : messageOf(cause), cause));
  });
  const flush = (): void => {
    const commands = batch;
    batch = [];
    if (!over) worker.postMessage(commands);
  };
  return {
    send(command) {
      if (batch.length === 0) queueMicrotask(flush);
      batch.push(command);
    },
    close() {
      closing ??= (async () => {
        if (!over) {
          const closed = new Promise<void>((resolve) => {
            onClosed = resolve;
          });
          if (batch.length > 0) flush();
          worker.postMessage('close');
          await closed;
        }
        over = true;
        await worker.terminate();
      })();
      return closing;
    },
  };
}

function workerError(index: number, reason: string, cause?: unknown): TandemError {
  return new TandemError('ERR_MEDIA_WORKER', `media worker ${index} died: ${reason}`, {
    cause,
    status: 500,
    facts: { worker: index },
  });
}
