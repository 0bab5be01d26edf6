/** The claim on a journal, held while the process lives: a socket with an abstract name, as that of RTP ports. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TandemError } from '../../base/errors.ts';

/** The process before may be about to end. */
const tries = 40;
const waitMs = 50;

/** @param folder its real path @returns how to give it back @throws TandemError ERR_JOURNAL_IN_USE */
export async function lockJournal(folder: string): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return async () => {};
  const name = `\0tandem-journal/${createHash('sha256').update(folder).digest('hex')}`;
  for (let attempt = 1; ; attempt++) {
    try {
      const server = await listen(name);
      return () => new Promise((resolve) => server.close(() => resolve()));
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

function listen(name: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(name, () => {
      server.off('error', reject);
      server.unref();
      resolve(server);
    });
  });
}
