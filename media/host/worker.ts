/** An engine in a worker thread. */
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../src/base/clock.ts';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import { ownModule } from '../../src/base/own-module.ts';
import type { UdpIoName } from '../net/own-udp-io.ts';
import type { Command, EngineEvent } from '../protocol.ts';
import type { EngineHost, HostListener } from './host.ts';

/**
 * What ends a leg may wait so many ms for other commands: to wake a thread costs more than all that a call needs of it, and
 * nobody hears the difference.
 */
const patienceMs = 5;
/** Audio leaves no garbage, and that of set-ups is soon gone: with more room the thread would only take more memory. */
const maxYoungGenerationSizeMb = 6;

const isPatient = (command: Command): boolean =>
  command.type === 'leg.stats' || (command.type === 'leg.close' && !command.handover);

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
  readonly clock: Clock;
  /** Default: `engine-thread` beside this file. */
  readonly entry?: URL;
}

/** The thread's commands arrive while it starts; nothing has to wait for it. */
export function startWorker(
  { index, clock, io, opus, saves, entry }: WorkerOptions,
  listener: HostListener,
): EngineHost {
  const worker = new Worker(entry ?? ownModule(import.meta.url, 'engine-thread'), {
    name: `tandem-media-${index}`,
    resourceLimits: { maxYoungGenerationSizeMb },
    workerData: { io, opus, saves } satisfies EngineThreadData,
  });
  let batch: Command[] = [];
  let hurries = false;
  let waiting: Timer | undefined;
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
    hurries = false;
    waiting?.cancel();
    waiting = undefined;
    if (!over) worker.postMessage(commands);
  };
  return {
    send(command) {
      batch.push(command);
      if (hurries) return;
      if (isPatient(command)) waiting ??= clock.setTimer(patienceMs, flush, 'media commands');
      else {
        hurries = true;
        queueMicrotask(flush);
      }
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
