/** Sends a text of any length as fast as the client reads it, and lets everybody else run between two pieces. */
import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { TandemError } from '../../base/errors.ts';

/**
 * Resolves when all was handed over, or the client is gone.
 * @param stallMs that the client may take for a piece
 * @throws what `pieces` throws, TandemError ERR_STALLED
 */
export async function writePieces(
  response: ServerResponse,
  pieces: AsyncIterable<string>,
  clock: Clock,
  stallMs: number,
): Promise<void> {
  const reader = pieces[Symbol.asyncIterator]();
  const closed = new Promise<undefined>((resolve) => void response.once('close', () => resolve(undefined)));
  try {
    for (;;) {
      // What makes the next piece may take longer than the client is there.
      const next = await Promise.race([reader.next(), closed]);
      if (!next || response.destroyed) return;
      if (next.done) break;
      if (!response.write(next.value)) await drained(response, clock, stallMs);
      await setImmediate();
    }
    response.end();
  } finally {
    reader.return?.().catch(() => {});
  }
}

function drained(response: ServerResponse, clock: Clock, stallMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(
      stallMs,
      () => settle(new TandemError('ERR_STALLED', 'the client does not read its answer')),
      'slow reader',
    );
    const done = (): void => settle();
    const settle = (error?: Error): void => {
      timer.cancel();
      response.off('drain', done);
      response.off('close', done);
      if (error) reject(error);
      else resolve();
    };
    response.once('drain', done);
    response.once('close', done);
    if (response.destroyed) done();
  });
}
