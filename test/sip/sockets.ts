/** Endpoints and hand-made peers on real loopback sockets. */
import { createSocket } from 'node:dgram';
import { createConnection, type Socket } from 'node:net';
import { createNodeRandom, nodeClock, nodeResolver } from '../../src/base/node.ts';
import { type ListenOptions, SipEndpoint, type SipEndpointOptions } from '../../src/sip/endpoint.ts';
import { type Received, read, silent } from './lab.ts';

export async function openEndpoint(
  listen: readonly ListenOptions[],
  options: Partial<SipEndpointOptions> = {},
): Promise<SipEndpoint> {
  const endpoint = new SipEndpoint({
    listen,
    clock: nodeClock,
    random: createNodeRandom(),
    resolver: nodeResolver,
    logger: silent,
    userAgent: 'Test',
    ...options,
  });
  await endpoint.open();
  return endpoint;
}

export interface SocketPeer {
  readonly port: number;
  readonly inbox: Received[];
  send(text: string | Uint8Array, port: number): void;
  /** The next message that was not taken yet. */
  next(): Promise<Received>;
  close(): void;
}

class Inbox {
  readonly messages: Received[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;

  push(message: Received): void {
    this.messages.push(message);
    this.#wake?.();
  }

  async next(): Promise<Received> {
    while (this.#taken >= this.messages.length)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.messages[this.#taken++] as Received;
  }
}

export async function openUdpPeer(host: string): Promise<SocketPeer> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const inbox = new Inbox();
  socket.on('message', (bytes, { port }) => inbox.push(read(bytes.toString('latin1'), 0, port)));
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  return {
    port: socket.address().port,
    inbox: inbox.messages,
    send: (text, port) => socket.send(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, port, host),
    next: () => inbox.next(),
    close: () => socket.close(),
  };
}

export interface TcpPeer {
  readonly socket: Socket;
  readonly port: number;
  send(text: string | Uint8Array): void;
  /** The next message with an empty body. */
  next(): Promise<Received>;
  readonly closed: Promise<void>;
  close(): void;
}

export async function openTcpPeer(host: string, port: number): Promise<TcpPeer> {
  const socket = createConnection({ host, port });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return tcpPeer(socket);
}

export function tcpPeer(socket: Socket): TcpPeer {
  const inbox = new Inbox();
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end > 0; end = text.indexOf('\r\n\r\n')) {
      inbox.push(read(text.slice(0, end + 4)));
      text = text.slice(end + 4);
    }
  });
  return {
    socket,
    port: socket.localPort ?? 0,
    send: (message) => {
      socket.write(typeof message === 'string' ? Buffer.from(message, 'latin1') : message);
    },
    next: () => inbox.next(),
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
    close: () => socket.destroy(),
  };
}
