/** UDP sockets of Node.js. */
import { createSocket, type Socket } from 'node:dgram';
import { addressFamily } from './address.ts';
import { listenError } from './listen-error.ts';
import type { Bind, UdpHandler, UdpSocket } from './network.ts';

/** Asked for; the kernel grants up to its own limit (net.core.rmem_max). */
const wantedReceiveBuffer = 8 * 1024 * 1024;
/** Datagrams kept in user space while earlier ones are worked on. */
const queueLimit = 32_768;
/** libuv takes up to so many datagrams from a socket in one turn: a full batch means there are more. */
const fullBatch = 32;
const sliceInBurst = 32;
const slice = 64;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
}

export function openNodeUdp(bind: Bind, handler: UdpHandler): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const family = addressFamily(bind.host);
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // A wildcard of one family leaves the other family's free for a listener of its own.
      ipv6Only: family === 6,
      recvBufferSize: wantedReceiveBuffer,
      // Targets are numeric by now: the look-up that dgram makes for every send is answered at once.
      lookup: (host, _options, done) => done(null, host, family === 6 ? 6 : 4),
    });
    const fail = (error: NodeJS.ErrnoException): void => {
      socket.close();
      reject(listenError('udp', bind, error));
    };
    socket.once('error', fail);
    socket.bind(bind.port, bind.host, () => {
      socket.off('error', fail);
      resolve(new NodeUdpSocket(socket, handler));
    });
  });
}

class NodeUdpSocket implements UdpSocket {
  readonly host: string;
  readonly port: number;
  readonly receiveBuffer: number;
  readonly #socket: Socket;
  readonly #handler: UdpHandler;
  // Drained first, parsed later: a burst must not wait in the kernel's small buffer for our parser.
  #queue: Datagram[] = [];
  #taken = 0;
  #arrived = 0;
  #scheduled = false;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, handler: UdpHandler) {
    const { address, port } = socket.address();
    this.host = address;
    this.port = port;
    this.receiveBuffer = socket.getRecvBufferSize();
    this.#socket = socket;
    this.#handler = handler;
    // Errors of single sends come to their callbacks; what arrives here concerns no message in particular.
    socket.on('error', () => {});
    socket.on('message', (bytes, { address: from, port: fromPort }) => this.#receive(bytes, from, fromPort));
  }

  send(bytes: Uint8Array, address: string, port: number, onError: (error: Error) => void): void {
    if (this.#closing) return;
    try {
      this.#socket.send(bytes, port, address, (error) => {
        if (error) onError(error);
      });
    } catch (error) {
      queueMicrotask(() => onError(error as Error));
    }
  }

  close(): Promise<void> {
    this.#queue = [];
    this.#taken = 0;
    this.#closing ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closing;
  }

  #receive(bytes: Uint8Array, address: string, port: number): void {
    this.#arrived++;
    if (this.#queue.length - this.#taken >= queueLimit) {
      this.#handler.onDrop();
      return;
    }
    this.#queue.push({ bytes, address, port });
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#work);
  }

  readonly #work = (): void => {
    this.#scheduled = false;
    if (this.#closing) return;
    const count = this.#arrived >= fullBatch ? sliceInBurst : slice;
    this.#arrived = 0;
    const end = Math.min(this.#queue.length, this.#taken + count);
    while (this.#taken < end && !this.#closing) {
      const { bytes, address, port } = this.#queue[this.#taken++] as Datagram;
      this.#handler.onDatagram(bytes, address, port);
    }
    if (this.#taken >= this.#queue.length) {
      this.#queue = [];
      this.#taken = 0;
      return;
    }
    if (this.#taken >= 1024) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
    this.#scheduled = true;
    setImmediate(this.#work);
  };
}
