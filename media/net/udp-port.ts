/**
 * UDP as the media engine sees it. Shaped for batches: what one wake-up brought is handed over packet
 * by packet in a buffer the receiver may rewrite, `send` may only note what is to go, and `flush`
 * at the end of the turn makes it go. `dgram` sends at once and has nothing to flush.
 */

import type { Timer } from '../../src/base/clock.ts';

/**
 * Bytes asked of the kernel per socket, each way. About a second of 20 ms audio: enough for a stalled
 * process, too little for a queue that becomes delay.
 */
export const socketBuffer = 32 * 1024;

/**
 * Who sent a datagram, or is to have one: an IP address, never a name. It never changes, and who sends one datagram after
 * another is mostly the same object, so that one look tells.
 */
export interface UdpPeer {
  readonly address: string;
  readonly port: number;
}

/**
 * One datagram of `length` bytes at `offset`. The receiver may rewrite these bytes in place and pass
 * them to `send`; after it returns the rest of the buffer is not its own. Must not throw.
 */
export type DatagramReceiver = (buffer: Uint8Array, offset: number, length: number, from: UdpPeer) => void;

/** One bound socket. */
export interface UdpPort {
  readonly port: number;
  /**
   * Sends without a report: what the network or a full socket buffer refuses is lost, as datagrams are.
   * The bytes must stay as they are until the next `flush`, or for 60 ms where there is none; not where the io `copies`.
   */
  send(buffer: Uint8Array, offset: number, length: number, to: UdpPeer): void;
  /** Idempotent. Nothing is received after it was called. */
  close(): Promise<void>;
}

export interface UdpIo {
  /**
   * @param port 0 for any
   * @throws {TandemError} ERR_PORT_IN_USE, or ERR_BIND for an address that is not ours
   */
  bind(address: string, port: number, receive: DatagramReceiver): Promise<UdpPort>;
  /** What `send` is given is copied there: its bytes may be used again at once. */
  readonly copies?: boolean;
  /** Sends what `send` noted. */
  flush(): void;
}

/** One that somebody made for himself, and ends. */
export interface OwnUdpIo extends UdpIo {
  /**
   * A timer that is on time to less than a millisecond, where there is one: one at a time, a new one replaces the one
   * before, and one that fires early must do no harm.
   * @param delayMs with fractions
   */
  setAlarm?(delayMs: number, fire: () => void): Timer;
  /** Gives back what its ports, which are closed, had in common. Idempotent. */
  close(): void;
}
