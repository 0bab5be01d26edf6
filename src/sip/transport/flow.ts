/** The way to one peer: what transactions send on. */
import type { Via } from '../message.ts';
import type { Flow, SipListener } from '../options.ts';
import type { UdpSocket } from './network.ts';

export interface SentBy {
  readonly host: string;
  readonly port: number;
}

/** A listener as the SIP core sees it. */
export interface TransportListener extends SipListener {
  readonly family: 4 | 6;
  /** What Via and Contact say to a peer at this address. */
  advertise(peer: string): SentBy;
}

export interface PeerFlow extends Flow {
  readonly listener: TransportListener;
  /** TCP: no retransmissions below. */
  readonly reliable: boolean;
  /** False for a connection that is gone. */
  readonly open: boolean;
  /** `onError` comes on a later turn, at most once. */
  send(bytes: Uint8Array, onError: (error: Error) => void): void;
  /** A dialog that may need this connection later keeps it from being closed as idle. */
  hold(): void;
  release(): void;
}

const defaultPort = 5060;

/**
 * The port of the peer that responses go to: by UDP where the request was sent from if the client asks for it
 * (RFC 3581 §4), else the sent-by port (RFC 3261 §18.2.2), which is also where a lost connection is reopened to.
 */
export function replyPort(flow: Flow, via: Via): number {
  return flow.transport === 'udp' && 'rport' in via.params ? flow.port : (via.port ?? defaultPort);
}

/** UDP: an address and the socket to it. */
export class UdpFlow implements PeerFlow {
  readonly transport = 'udp';
  readonly reliable = false;
  readonly open = true;
  readonly listener: TransportListener;
  readonly address: string;
  readonly port: number;
  readonly #socket: UdpSocket;

  constructor(listener: TransportListener, socket: UdpSocket, address: string, port: number) {
    this.listener = listener;
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  send(bytes: Uint8Array, onError: (error: Error) => void): void {
    this.#socket.send(bytes, this.address, this.port, onError);
  }

  /** The same peer at another port. */
  to(port: number): UdpFlow {
    return port === this.port ? this : new UdpFlow(this.listener, this.#socket, this.address, port);
  }

  hold(): void {}

  release(): void {}
}
