/** TCP sockets of Node.js. */
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { addressFamily } from './address.ts';
import { listenError } from './listen-error.ts';
import type { Bind, TcpConnection, TcpHandler, TcpServer } from './network.ts';

const connectTimeoutMs = 10_000;
/** A peer that does not close its side, or does not read, is cut off after. */
const lingerMs = 2_000;

export function listenNodeTcp(bind: Bind, accept: (connection: TcpConnection) => TcpHandler): Promise<TcpServer> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
      // A peer that is gone before it was accepted has no address any more.
      if (socket.remoteAddress === undefined || socket.remotePort === undefined) {
        socket.destroy();
        return;
      }
      const connection = new NodeTcpConnection(socket, socket.remoteAddress, socket.remotePort);
      connection.attach(accept(connection));
    });
    const fail = (error: NodeJS.ErrnoException): void => reject(listenError('tcp', bind, error));
    server.once('error', fail);
    server.listen({ host: bind.host, port: bind.port, ipv6Only: addressFamily(bind.host) === 6, backlog: 1024 }, () => {
      server.off('error', fail);
      // Failed accepts (out of descriptors): the listener goes on.
      server.on('error', () => {});
      const { address, port } = server.address() as AddressInfo;
      let closing: Promise<void> | undefined;
      resolve({
        host: address,
        port,
        close: () => {
          closing ??= new Promise((done) => server.close(() => done()));
          return closing;
        },
      });
    });
  });
}

export function connectNodeTcp(
  address: string,
  port: number,
  localAddress: string | undefined,
  handler: TcpHandler,
): TcpConnection {
  const socket = createConnection({
    host: address,
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('connection timed out')));
  socket.once('connect', () => {
    socket.setTimeout(0);
    handler.onOpen();
  });
  const connection = new NodeTcpConnection(socket, address, port);
  connection.attach(handler);
  return connection;
}

class NodeTcpConnection implements TcpConnection {
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

  attach(handler: TcpHandler): void {
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
