/**
 * The socket that `tandem check` asks: whoever connects gets one line of JSON and the end of the
 * stream. Nothing is read from it, so there is nothing to guard against.
 */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';

export interface CheckSocket {
  close(): Promise<void>;
}

/** A socket file that nobody listens on (its server was killed) is replaced. @throws TandemError ERR_SOCKET_IN_USE. */
export async function openCheckSocket(path: string, report: () => Promise<unknown>): Promise<CheckSocket> {
  await mkdir(dirname(path), { recursive: true });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    report().then(
      (value) => socket.end(`${JSON.stringify(value)}\n`),
      (error: unknown) => socket.end(`${JSON.stringify({ error: messageOf(error) })}\n`),
    );
  });
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw new TandemError('ERR_SOCKET', `cannot open the socket ${path}: ${messageOf(error)}`, { cause: error });
    if (await answers(path))
      throw new TandemError('ERR_SOCKET_IN_USE', `the socket ${path} is in use by another Tandem`, { cause: error });
    await rm(path, { force: true });
    await listen(server, path);
  }
  await chmod(path, 0o660);
  return { close: () => new Promise((resolve) => void server.close(() => resolve())) };
}

/** The line that the server at `path` answers with. Rejects when there is none. */
export function askCheckSocket(path: string, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(path);
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
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
