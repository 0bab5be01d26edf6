/** `UdpPort` over node:dgram: one socket per port, nothing allocated per packet that Node does not allocate. */
import { createSocket, type Socket } from 'node:dgram';
import { bindError } from './bind-error.ts';
import { type DatagramReceiver, type OwnUdpIo, socketBuffer, type UdpPeer, type UdpPort } from './udp-port.ts';

/** Addresses are never names here, so nothing is looked up (and no DNS call can be made by an SDP). */
function noLookup(
  address: string,
  family: number,
  done: (error: Error | null, address: string, family: number) => void,
): void {
  done(null, address, family);
}

class DgramPort implements UdpPort {
  readonly #socket: Socket;
  readonly #v6: boolean;
  readonly port: number;
  #from: UdpPeer = { address: '', port: 0 };
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, port: number, v6: boolean, receive: DatagramReceiver) {
    this.#socket = socket;
    this.#v6 = v6;
    this.port = port === 0 ? socket.address().port : port;
    socket.on('message', (message, peer) => {
      if (this.#closing) return;
      const address = v6 && peer.address.startsWith('::ffff:') ? peer.address.slice(7) : peer.address;
      if (address !== this.#from.address || peer.port !== this.#from.port) this.#from = { address, port: peer.port };
      receive(message, 0, message.length, this.#from);
    });
  }

  send(buffer: Uint8Array, offset: number, length: number, { address, port }: UdpPeer): void {
    if (this.#closing) return;
    const to = this.#v6 && !address.includes(':') ? `::ffff:${address}` : address;
    if (offset === 0 && length === buffer.length) this.#socket.send(buffer, port, to);
    else this.#socket.send(buffer, offset, length, port, to);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closing;
  }
}

export function createDgramIo(): OwnUdpIo {
  return {
    bind(address, port, receive) {
      const v6 = address.includes(':');
      const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', lookup: noLookup as never });
      return new Promise((resolve, reject) => {
        const onError = (error: Error): void => {
          socket.close();
          reject(bindError(address, port, (error as NodeJS.ErrnoException).code, error.message, error));
        };
        socket.once('error', onError);
        socket.bind({ address, port, exclusive: true }, () => {
          socket.off('error', onError);
          // A send that failed in the background (an unreachable host) is a lost datagram, no more.
          socket.on('error', () => {});
          setBuffers(socket);
          resolve(new DgramPort(socket, port, v6, receive));
        });
      });
    },
    flush() {},
    close() {},
  };
}

function setBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(socketBuffer);
    socket.setSendBufferSize(socketBuffer);
  } catch {
    // The kernel's default does too; only a stall would queue a little more.
  }
}
