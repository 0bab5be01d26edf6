/**
 * The sockets under SIP as a port. Node's are in `node.ts`; a test lab passes a network in memory.
 * An implementation delivers bytes and knows nothing of SIP. It never calls a handler from within
 * a call to it, and no method but the promises rejects or throws.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { StreamTransport } from './kinds.ts';

export interface SipNetwork {
  /** Rejects with TandemError ERR_PORT_IN_USE {transport, host, port} or ERR_LISTEN. Nothing arrives on the same turn. */
  openUdp(bind: Bind, handler: UdpHandler): Promise<UdpSocket>;
  /** Rejects like `openUdp`, and with ERR_TLS for a certificate or key that is of no use. */
  listenStream(bind: StreamBind, accept: (connection: StreamConnection) => StreamHandler): Promise<StreamServer>;
  /** Returns at once; what is written before `onOpen` waits. A failure is `onClose`, and `onError` of what waits. */
  connectStream(target: StreamTarget, handler: StreamHandler): StreamConnection;
  /** Our own address that packets to `peer` leave from: what a wildcard listener calls itself to that peer. */
  localAddress(peer: string): string;
  /** Addresses of ours of the family of this one, those of the network before those of this machine alone. */
  localAddresses(like: string): readonly string[];
}

/** One end of a connection: numeric address and port. */
export interface SocketName {
  readonly host: string;
  readonly port: number;
}

export interface Bind {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Pages by their `Origin`, or who knows them when one comes; undefined: all. */
export type AllowedOrigins = readonly string[] | (() => readonly string[] | undefined);

export interface StreamBind extends Bind {
  readonly transport: StreamTransport;
  /** For `tls` and `wss`. */
  readonly tls?: TlsServerOptions;
  /**
   * For `ws` and `wss`: the pages that may connect, as `Origin` has them (`https://example.com`); `own` are those of this
   * server, and programs that are no browser. Default all.
   */
  readonly origins?: AllowedOrigins;
  /** For `ws` and `wss`: who takes what comes and is no SIP; default nobody. */
  readonly http?: HttpTaker;
  /** For `ws` and `wss`: brings connections that came to a port of somebody else, as that of HTTP. */
  readonly entrance?: WebSocketEntrance;
  /** For `ws` and `wss`: told of each page that was refused for its origin. */
  readonly onStranger?: (origin: string) => void;
}

/** Given to a listener, and to whoever has connections for it. */
export interface WebSocketEntrance {
  /** Set by the listener while it is open. */
  take: HttpTaker['upgrade'] | undefined;
}

/** Serves HTTP that comes to a listener for SIP. */
export interface HttpTaker {
  request(request: IncomingMessage, response: ServerResponse): void;
  /** To another protocol than SIP. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** A certificate with its key, in PEM. */
export interface Certificate {
  /** With the chain up to, and without, the root. */
  readonly cert: string;
  readonly key: string;
}

export interface TlsServerOptions extends Certificate {
  /** Other certificates by the name that a client asks for (SNI, RFC 6066 §3). */
  readonly names?: Readonly<Record<string, Certificate>>;
  /** Clients' certificates: not asked for (default), asked for and checked if there, or required. */
  readonly clients?: 'none' | 'optional' | 'required';
  /** Who may have signed them, in PEM; default the roots of the system. */
  readonly ca?: string;
}

export interface StreamTarget {
  readonly transport: StreamTransport;
  /** Numeric. */
  readonly address: string;
  readonly port: number;
  /** The address to connect from. */
  readonly localAddress?: string | undefined;
  readonly tls?: TlsClientOptions | undefined;
}

export interface TlsClientOptions {
  /** Whose certificate it has to be (RFC 5922 §7): the host of the URI. */
  readonly name: string;
  /** Ours, if the peer asks for one. */
  readonly certificate?: Certificate | undefined;
  /** Who may have signed the peer's, in PEM; default the roots of the system. */
  readonly ca?: string | undefined;
  /** Take any certificate: for a first try, never for good. */
  readonly insecure?: boolean | undefined;
}

export interface UdpHandler {
  /** The bytes belong to the receiver. */
  onDatagram(bytes: Uint8Array, address: string, port: number): void;
  /** A datagram was thrown away because the queue was full. */
  onDrop(): void;
}

export interface UdpSocket {
  readonly host: string;
  readonly port: number;
  /** Bytes granted by the kernel to the receive buffer. */
  readonly receiveBuffer: number | undefined;
  /** The bytes must not change afterwards. `onError` is called on a later turn, at most once. */
  send(bytes: Uint8Array, address: string, port: number, onError: (error: Error) => void): void;
  close(): Promise<void>;
}

export interface StreamServer {
  readonly host: string;
  readonly port: number;
  /** Connections to come get this certificate. @throws TandemError ERR_TLS for one of no use; the old one stays */
  secure(tls: TlsServerOptions): void;
  close(): Promise<void>;
}

/** On `ws` and `wss` each `write` is one message, and each `onData` is one. */
export interface StreamConnection {
  readonly address: string;
  readonly port: number;
  /** Written but not yet taken by the kernel, bytes. */
  readonly buffered: number;
  /** The bytes must not change afterwards. `onError` is called on a later turn, at most once. */
  write(bytes: Uint8Array, onError: (error: Error) => void): void;
  /** `onData` brings no more until `resume`, and the peer is made to wait. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered and closes when the peer does too, or soon after. What comes is thrown away. Idempotent. */
  end(): void;
  /** Sends what is buffered, then closes. Idempotent. */
  finish(): void;
  /** Closes at once. Idempotent; `onClose` follows. */
  destroy(): void;
}

export interface StreamHandler {
  /** A connection of ours is there; `local` is its end here. */
  onOpen(local: SocketName): void;
  onData(bytes: Uint8Array): void;
  /** Once, after which nothing follows. */
  onClose(error: Error | undefined): void;
}
