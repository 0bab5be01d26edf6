/**
 * The socket that `tandem check` asks: whoever connects gets one line of JSON and the end of the
 * stream. Nothing is read from it, so there is nothing to guard against.
 */
import { connect, createServer } from 'node:net';
import { messageOf } from '../base/errors.ts';
import { listenOnSocketFile } from '../base/node-socket-file.ts';

export interface CheckSocket {
  close(): Promise<void>;
}

/** A socket file that nobody listens on (its server was killed) is replaced. @throws TandemError ERR_SOCKET_IN_USE. */
export async function openCheckSocket(path: string, report: () => Promise<unknown>): Promise<CheckSocket> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    report().then(
      (value) => socket.end(`${JSON.stringify(value)}\n`),
      (error: unknown) => socket.end(`${JSON.stringify({ error: messageOf(error) })}\n`),
    );
  });
  await listenOnSocketFile(server, path, 0o660);
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
