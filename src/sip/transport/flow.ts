/** The way to one peer: what transactions send on. */
import type { Via } from '../message.ts';
import type { Flow, SipListener } from '../options.ts';
import { hostPort, isWildcard } from './address.ts';
import { kinds, type SipTransportName } from './kinds.ts';
import type { SocketName, UdpSocket } from './network.ts';

/** Where a message goes: numeric address. */
export interface Target {
  readonly transport: SipTransportName;
  readonly address: string;
  readonly port: number;
  /** The name that was looked up, which a certificate has to be of; default the address. */
  readonly name?: string;
}

/** A listener as the SIP core sees it. */
export interface TransportListener extends SipListener {
  readonly family: 4 | 6;
  /** What Via and Contact say to a peer at this address. */
  advertise(peer: string): SocketName;
}

export interface PeerFlow extends Flow {
  readonly listener: TransportListener;
  /** Connections: no retransmissions below. */
  readonly reliable: boolean;
  /** False for a connection that is gone. */
  readonly open: boolean;
  /**
   * What Via and Contact say. Undefined as long as a connection is being made that no listener stands for: its own
   * port is all there is to name.
   */
  readonly sentBy: SocketName | undefined;
  /** Calls back when `sentBy` is known, or the flow is gone: at once if that is so already. */
  whenNamed(done: () => void): void;
  /** Calls back when a connection is gone, at once if it is already; of UDP never. */
  whenGone(done: () => void): void;
  /** `onError` comes on a later turn, at most once. */
  send(bytes: Uint8Array, onError: (error: Error) => void): void;
  /** A dialog that may need this connection later keeps it from being closed as idle. */
  hold(): void;
  release(): void;
  /** Closes a connection whose peer does not answer any more. UDP has none. */
  destroy(): void;
}

/** A way to a peer by its names, for when the process that had it is gone. */
export interface FlowName extends Flow {
  /** The address that it left from. */
  readonly listener: { readonly host: string; readonly port: number };
}

export function flowName({ transport, address, port, listener: { host, port: own } }: PeerFlow): FlowName {
  return { transport, address, port, listener: { host, port: own } };
}

/** Our end of it: `udp:192.0.2.1:5060`. */
export function socketOf({ transport, listener, address }: PeerFlow): string {
  const host = isWildcard(listener.host) ? listener.advertise(address).host : listener.host;
  return `${transport}:${hostPort(host, listener.port)}`;
}

/**
 * The port of the peer that responses go to: by UDP where the request was sent from if the client asks for it
 * (RFC 3581 §4), else the sent-by port (RFC 3261 §18.2.2), which is also where a lost connection is reopened to.
 */
export function replyPort(flow: Flow, via: Via): number {
  return flow.transport === 'udp' && 'rport' in via.params ? flow.port : (via.port ?? kinds[flow.transport].port);
}

/** Whether a connection that is there is one to this target, from whichever port (RFC 5923). */
export function serves(flow: Flow, target: Target): boolean {
  return flow.transport === target.transport && flow.address === target.address;
}

/**
 * Where a target of the peer of this flow really is. A URI says `transport=ws` of both kinds of WebSocket
 * (RFC 7118 §5.2.1): a peer that is here by WSS is meant by WSS.
 */
export function asPeerOf(flow: Flow | undefined, target: Target): Target {
  return flow?.transport === 'wss' && target.transport === 'ws' ? { ...target, transport: 'wss' } : target;
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

  get sentBy(): SocketName {
    return this.listener.advertise(this.address);
  }

  whenNamed(done: () => void): void {
    done();
  }

  send(bytes: Uint8Array, onError: (error: Error) => void): void {
    this.#socket.send(bytes, this.address, this.port, onError);
  }

  /** The same peer at another port. */
  to(port: number): UdpFlow {
    return port === this.port ? this : new UdpFlow(this.listener, this.#socket, this.address, port);
  }

  whenGone(): void {}

  hold(): void {}

  release(): void {}

  destroy(): void {}
}

/** A connection that an earlier process had. The peer opens another, or is reached by its Contact. */
export class LostFlow implements PeerFlow {
  readonly transport: SipTransportName;
  readonly reliable = true;
  readonly open = false;
  readonly listener: TransportListener;
  readonly address: string;
  readonly port: number;

  constructor({ transport, address, port }: Flow, listener: TransportListener) {
    this.transport = transport;
    this.listener = listener;
    this.address = address;
    this.port = port;
  }

  get sentBy(): SocketName {
    return this.listener.advertise(this.address);
  }

  whenNamed(done: () => void): void {
    done();
  }

  whenGone(done: () => void): void {
    done();
  }

  send(_bytes: Uint8Array, onError: (error: Error) => void): void {
    queueMicrotask(() => onError(new Error('the connection was lost with the process that had it')));
  }

  hold(): void {}

  release(): void {}

  destroy(): void {}
}
