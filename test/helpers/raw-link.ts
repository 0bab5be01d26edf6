/** How a hand-written phone sends and hears SIP messages: UDP, or TLS with the framing of RFC 3261 §18.3. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { TestAuthority, TestCertificate } from './certificates.ts';

export interface RawLink {
  /** In Via. */
  readonly protocol: 'UDP' | 'TLS';
  /** Behind the address in Contact. */
  readonly params: string;
  readonly port: number;
  onMessage: (text: string) => void;
  send(text: string, port: number): void;
  close(): void;
}

export class UdpLink implements RawLink {
  readonly protocol = 'UDP';
  readonly params = '';
  readonly port: number;
  onMessage: (text: string) => void = () => {};
  readonly #socket: UdpSocket;

  private constructor(socket: UdpSocket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', (data) => this.onMessage(data.toString('latin1')));
  }

  static async open(): Promise<UdpLink> {
    return new UdpLink(await bound(createSocket('udp4')));
  }

  send(text: string, port: number): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }
}

/**
 * Takes connections, and makes one where there is none. One that was lost is made again when there is something to
 * say.
 */
export class TlsLink implements RawLink {
  readonly protocol = 'TLS';
  readonly params = ';transport=tls';
  readonly port: number;
  /** Connections that this phone made. */
  made = 0;
  onMessage: (text: string) => void = () => {};
  readonly #server: Server;
  readonly #ca: string;
  #socket: TLSSocket | undefined;
  #closed = false;

  private constructor(server: Server, ca: string) {
    this.#server = server;
    this.#ca = ca;
    this.port = (server.address() as AddressInfo).port;
    server.on('secureConnection', (socket) => this.#use(socket));
  }

  static async open(authority: TestAuthority, own: TestCertificate): Promise<TlsLink> {
    const server = createServer({ ...own });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TlsLink(server, authority.ca);
  }

  send(text: string, port: number): void {
    if (!this.#socket) {
      this.made++;
      this.#use(connect({ host: '127.0.0.1', port, ca: this.#ca }));
    }
    this.#socket?.write(Buffer.from(text, 'latin1'));
  }

  close(): void {
    this.#closed = true;
    this.#server.close();
    this.#socket?.destroy();
  }

  #use(socket: TLSSocket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    let waiting = '';
    socket.on('data', (data) => {
      waiting += data.toString('latin1');
      for (;;) {
        const length = lengthOf(waiting);
        if (length === undefined || waiting.length < length) return;
        const text = waiting.slice(0, length);
        waiting = waiting.slice(length);
        this.onMessage(text);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
  }
}

/** Of the first message in `text`; undefined while its head is not whole. */
function lengthOf(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  return head + 4 + Number(/\r\ncontent-length\s*:\s*(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
}

export function bound(socket: UdpSocket): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}
