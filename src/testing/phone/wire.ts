/** The SIP sockets of a lab phone: datagrams and streams, messages as text. */
import type { TcpConnection, TcpHandler } from '../../sip/transport/network.ts';
import type { LabHost, LabSocket } from '../network/host.ts';
import type { Address } from '../network/network.ts';

export interface Destination extends Address {
  readonly transport: 'udp' | 'tcp';
}

type OnText = (text: string, from: Destination) => void;

const sipPort = 5060;

export class PhoneWire {
  readonly port = sipPort;
  readonly #host: LabHost;
  readonly #onText: OnText;
  readonly #socket: LabSocket;
  readonly #server: { close(): void };
  readonly #streams = new Set<Stream>();

  constructor(host: LabHost, onText: OnText) {
    this.#host = host;
    this.#onText = onText;
    this.#socket = host.openUdp('sip', sipPort, (bytes, from) => onText(latin1(bytes), { ...from, transport: 'udp' }));
    this.#server = host.listenTcp(sipPort, (connection) => this.#add(connection));
  }

  /** To a peer; over TCP on the connection to it, or a new one. */
  send(text: string, to: Destination): void {
    const bytes = Buffer.from(text, 'latin1');
    if (to.transport === 'udp') this.#socket.send(bytes, to);
    else this.#streamTo(to).write(bytes, () => {});
  }

  /** A new connection to a peer, for a script that wants to do something with it. */
  connect(to: Address): TcpConnection {
    const stream = new Stream(to, this.#onText, () => this.#streams.delete(stream));
    stream.connection = this.#host.connectTcp(to, stream);
    this.#streams.add(stream);
    return stream.connection;
  }

  #streamTo({ address, port }: Address): TcpConnection {
    const open = [...this.#streams].filter((one) => one.peer.address === address);
    const found = open.find((one) => one.peer.port === port) ?? open.at(-1);
    return found?.connection ?? this.connect({ address, port });
  }

  #add(connection: TcpConnection): Stream {
    const stream = new Stream(connection, this.#onText, () => this.#streams.delete(stream));
    stream.connection = connection;
    this.#streams.add(stream);
    return stream;
  }

  close(): void {
    this.#socket.close();
    this.#server.close();
    for (const { connection } of [...this.#streams]) connection?.finish();
  }
}

/** Cuts a stream into messages by their Content-Length. */
class Stream implements TcpHandler {
  readonly peer: Address;
  readonly #onText: OnText;
  readonly #onGone: () => void;
  connection: TcpConnection | undefined;
  #text = '';

  constructor(peer: Address, onText: OnText, onGone: () => void) {
    this.peer = { address: peer.address, port: peer.port };
    this.#onText = onText;
    this.#onGone = onGone;
  }

  onOpen(): void {}

  onData(bytes: Uint8Array): void {
    this.#text += latin1(bytes);
    for (;;) {
      this.#text = this.#text.replace(/^(\r\n)+/, '');
      const head = this.#text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/^(?:Content-Length|l)\s*:\s*(\d+)/im.exec(this.#text.slice(0, head))?.[1] ?? 0);
      const end = head + 4 + length;
      if (this.#text.length < end) return;
      const text = this.#text.slice(0, end);
      this.#text = this.#text.slice(end);
      this.#onText(text, { ...this.peer, transport: 'tcp' });
    }
  }

  onClose(): void {
    this.#onGone();
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
