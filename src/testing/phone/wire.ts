/** The SIP sockets of a lab phone: datagrams and streams, messages as text. */
import type { LabHost, LabSocket } from '../network/host.ts';
import type { Address } from '../network/network.ts';
import { latin1, PhoneStream } from './stream.ts';

export interface Destination extends Address {
  readonly transport: 'udp' | 'tcp';
  /** Over this connection, as long as it is open. */
  readonly stream?: PhoneStream;
}

export type OnText = (text: string, from: Destination) => void;

const sipPort = 5060;

export class PhoneWire {
  readonly port = sipPort;
  readonly #host: LabHost;
  readonly #onText: OnText;
  readonly #socket: LabSocket;
  readonly #server: { close(): void };
  /** Those that the phone itself uses. */
  readonly #streams = new Set<PhoneStream>();
  /** Those of a script. */
  readonly #others = new Set<PhoneStream>();

  constructor(host: LabHost, onText: OnText) {
    this.#host = host;
    this.#onText = onText;
    this.#socket = host.openUdp('sip', sipPort, (bytes, from) => onText(latin1(bytes), { ...from, transport: 'udp' }));
    this.#server = host.listenStream(sipPort, (connection) => this.#add(connection, this.#streams).use(connection));
  }

  /** To a peer; over TCP on the connection that the destination says, or any to that peer, or a new one. */
  send(text: string, to: Destination): void {
    if (to.transport === 'udp') this.#socket.send(Buffer.from(text, 'latin1'), to);
    else (to.stream?.isOpen ? to.stream : this.#streamTo(to)).write(text);
  }

  /** A new connection to a peer, which nobody but who asked for it uses. */
  connect(to: Address): PhoneStream {
    return this.#connect(to, this.#others);
  }

  #streamTo({ address, port }: Address): PhoneStream {
    const open = [...this.#streams].filter((one) => one.isOpen && one.peer.address === address);
    const found = open.find((one) => one.peer.port === port) ?? open.at(-1);
    return found ?? this.#connect({ address, port }, this.#streams);
  }

  #connect(to: Address, streams: Set<PhoneStream>): PhoneStream {
    const stream = this.#add(to, streams);
    return stream.use(this.#host.connectStream(to, stream));
  }

  #add(peer: Address, streams: Set<PhoneStream>): PhoneStream {
    const stream = new PhoneStream(peer, this.#onText, () => streams.delete(stream));
    streams.add(stream);
    return stream;
  }

  close(): void {
    this.#socket.close();
    this.#server.close();
    for (const stream of [...this.#streams, ...this.#others]) stream.end();
  }
}
