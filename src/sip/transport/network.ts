/**
 * The sockets under SIP as a port. Node's are in `node.ts`; a test lab passes a network in memory.
 * An implementation delivers bytes and knows nothing of SIP. It never calls a handler from within
 * a call to it, and no method but the promises rejects or throws.
 */

export interface SipNetwork {
  /** Rejects with TandemError ERR_PORT_IN_USE {transport, host, port} or ERR_LISTEN. Nothing arrives on the same turn. */
  openUdp(bind: Bind, handler: UdpHandler): Promise<UdpSocket>;
  /** Rejects like `openUdp`. */
  listenTcp(bind: Bind, accept: (connection: TcpConnection) => TcpHandler): Promise<TcpServer>;
  /** Returns at once; what is written before `onOpen` waits. A failure is `onClose`, and `onError` of what waits. */
  connectTcp(address: string, port: number, localAddress: string | undefined, handler: TcpHandler): TcpConnection;
  /** Our own address that packets to `peer` leave from: what a wildcard listener calls itself to that peer. */
  localAddress(peer: string): string;
}

export interface Bind {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
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

export interface TcpServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface TcpConnection {
  readonly address: string;
  readonly port: number;
  /** Written but not yet taken by the kernel, bytes. */
  readonly buffered: number;
  /** The bytes must not change afterwards. `onError` is called on a later turn, at most once. */
  write(bytes: Uint8Array, onError: (error: Error) => void): void;
  /** Sends what is buffered and closes when the peer does too, or soon after. What comes is thrown away. Idempotent. */
  end(): void;
  /** Sends what is buffered, then closes. Idempotent. */
  finish(): void;
  /** Closes at once. Idempotent; `onClose` follows. */
  destroy(): void;
}

export interface TcpHandler {
  onOpen(): void;
  onData(bytes: Uint8Array): void;
  /** Once, after which nothing follows. */
  onClose(error: Error | undefined): void;
}
