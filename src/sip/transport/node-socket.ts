/** A connected socket of Node.js, plain or TLS, as a `StreamConnection`. */
import type { Socket } from 'node:net';
import type { StreamConnection, StreamHandler } from './network.ts';

/** ms after which a connection, with its handshake, has failed. */
export const connectTimeoutMs = 10_000;
/** A peer that does not close its side, or does not read, is cut off after. */
const lingerMs = 2_000;

export class NodeSocketConnection implements StreamConnection {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;

  constructor(socket: Socket, address: string, port: number) {
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  attach(handler: StreamHandler): void {
    let failure: Error | undefined;
    this.#socket.on('error', (error) => {
      failure = error;
    });
    this.#socket.on('data', (bytes) => handler.onData(bytes as Buffer));
    this.#socket.on('close', () => handler.onClose(failure));
  }

  write(bytes: Uint8Array, onError: (error: Error) => void): void {
    // A socket that is closed already says so to the callback as well.
    this.#socket.write(bytes, (error) => {
      if (error) onError(error);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    // A close with unread bytes resets the connection, and the peer would lose our last words.
    this.#socket.setTimeout(lingerMs, () => this.#socket.destroy());
    this.#socket.end();
  }

  finish(): void {
    this.#socket.setTimeout(lingerMs, () => this.#socket.destroy());
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The accepted connection, handed to whoever takes it; one that is gone already has no address any more. */
export function acceptSocket(socket: Socket, accept: (connection: StreamConnection) => StreamHandler): void {
  if (socket.remoteAddress === undefined || socket.remotePort === undefined) {
    socket.destroy();
    return;
  }
  const connection = new NodeSocketConnection(socket, socket.remoteAddress, socket.remotePort);
  connection.attach(accept(connection));
}

/** The connection that is being made. @param opened the event that says that it is */
export function connectSocket(
  socket: Socket,
  opened: 'connect' | 'secureConnect',
  address: string,
  port: number,
  handler: StreamHandler,
): StreamConnection {
  socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('connection timed out')));
  socket.once(opened, () => {
    socket.setTimeout(0);
    handler.onOpen({ host: socket.localAddress ?? '', port: socket.localPort ?? 0 });
  });
  const connection = new NodeSocketConnection(socket, address, port);
  connection.attach(handler);
  return connection;
}
