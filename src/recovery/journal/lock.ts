/** The claim on a journal, held while the process lives: a socket with an abstract name, as that of RTP ports. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { TandemError } from '../../base/errors.ts';
import { holdName } from '../../base/node-abstract-socket.ts';

/** The process before may be about to end. */
const tries = 40;
const waitMs = 50;

/** @param folder its real path @returns how to give it back @throws TandemError ERR_JOURNAL_IN_USE */
export async function lockJournal(folder: string): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return async () => {};
  const name = `tandem-journal/${createHash('sha256').update(folder).digest('hex')}`;
  for (let attempt = 1; ; attempt++) {
    try {
      const held = await holdName(name);
      return () => held.release();
    } catch (error) {
      if (attempt === tries || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
        throw new TandemError('ERR_JOURNAL_IN_USE', `the journal in ${folder} belongs to a running Tandem`, {
          cause: error,
          facts: { folder },
        });
      await delay(waitMs);
    }
  }
}
