/** A thread that encodes the recordings of one engine: 0.05 to 0.1 ms of each 20 ms of a call would be felt
 * in the packets of hundreds. */
import { Worker } from 'node:worker_threads';
import { TandemError } from '../../src/base/errors.ts';
import { ownModule } from '../../src/base/own-module.ts';
import type { OpusPackets } from '../codec/opus-recorder.ts';
import type { RecordingCoders } from './coder.ts';
import type { RecorderReply, RecorderRequest } from './recorder-worker.ts';

interface Pending {
  readonly resolve: (packets: OpusPackets) => void;
  readonly reject: (error: TandemError) => void;
}

/** The thread starts with the first recording that needs it, and another takes its place if it dies. */
export function recorderThread(): RecordingCoders {
  let worker: Worker | undefined;
  let names = 0;
  let closed = false;
  const pending = new Map<number, Pending>();

  function drop(error: TandemError): void {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  }

  function start(): Worker {
    const started = new Worker(ownModule(import.meta.url, 'recorder-worker'), { name: 'tandem-recorder' });
    // The engine's own port keeps the thread it lives in.
    started.unref();
    started.on('message', (reply: RecorderReply) => {
      const waiting = pending.get(reply.recording);
      pending.delete(reply.recording);
      if (reply.ok) waiting?.resolve(reply.packets);
      else waiting?.reject(new TandemError(reply.error.code, reply.error.message));
    });
    const lost = (cause: unknown): void => {
      if (worker !== started) return;
      worker = undefined;
      drop(new TandemError('ERR_WORKER', 'the thread that encodes recordings died', { cause }));
    };
    started.on('error', lost);
    started.on('exit', (code) => lost(new Error(`exit ${code}`)));
    return started;
  }

  return {
    open(shape) {
      const recording = names++;
      let home: Worker | undefined;
      return {
        encode(pcm) {
          if (closed) return Promise.reject(new TandemError('ERR_CLOSED', 'the engine is closed'));
          home ??= worker ??= start();
          if (home !== worker)
            return Promise.reject(new TandemError('ERR_WORKER', 'the thread that encodes recordings died'));
          return new Promise((resolve, reject) => {
            pending.set(recording, { resolve, reject });
            const request: RecorderRequest = { recording, shape, pcm };
            worker?.postMessage(request, [pcm.buffer]);
          });
        },
        close() {
          if (home && home === worker) worker.postMessage({ recording, close: true } satisfies RecorderRequest);
        },
      };
    },
    async close() {
      closed = true;
      const last = worker;
      worker = undefined;
      drop(new TandemError('ERR_CLOSED', 'the engine is closed'));
      await last?.terminate();
    },
  };
}
