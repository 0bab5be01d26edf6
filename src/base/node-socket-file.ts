/** Unix sockets as files: one that a killed server left behind is replaced, a live one is another server's. */
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, TandemError } from './errors.ts';

export interface SocketFile {
  readonly path: string;
  /** Permissions, as 0o600. */
  readonly mode: number;
  /** Binds it. @throws an error with code EADDRINUSE when something is there */
  open(): void | Promise<void>;
  /** Somebody listens on what is there. */
  answers(): boolean | Promise<boolean>;
}

/** Makes the folder too. @throws TandemError ERR_SOCKET_IN_USE, ERR_SOCKET */
export async function openSocketFile({ path, mode, open, answers }: SocketFile): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    try {
      await open();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (!(await lstat(path)).isSocket()) throw new Error('there is a file that is no socket', { cause: error });
      if (await answers())
        throw new TandemError('ERR_SOCKET_IN_USE', `the socket ${path} is in use by another Tandem`, { cause: error });
      await rm(path, { force: true });
      await open();
    }
    await chmod(path, mode);
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw new TandemError('ERR_SOCKET', `cannot open the socket ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws TandemError as `openSocketFile` */
export function listenOnSocketFile(server: Server, path: string, mode: number): Promise<void> {
  return openSocketFile({ path, mode, open: () => listen(server, { path }), answers: () => answers(path) });
}

/** Rejects with what keeps it from listening. */
export function listen(server: Server, at: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
