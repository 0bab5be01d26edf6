/**
 * One TCP connection that carries SIP: framing, keep-alive, and the limits that keep a peer from
 * holding what it does not use.
 */
import type { Counters } from '../counters.ts';
import { StreamFramer } from '../framing.ts';
import type { QueuedTimer, TimerQueue } from '../transaction/timer-queue.ts';
import type { PeerFlow, TransportListener } from './flow.ts';
import type { TcpConnection, TcpHandler } from './network.ts';

export interface TcpLimits {
  /** Connections in all, and from one address. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Bytes that wait for a peer that does not read. */
  readonly writeBuffer: number;
  /** A connection without a whole message yet, or with half a message, is closed after, ms. */
  readonly incomplete: number;
  /** A connection that carries nothing and belongs to no dialog is closed after, ms. */
  readonly idle: number;
}

export const defaultTcpLimits: TcpLimits = {
  connections: 8_192,
  connectionsPerAddress: 2_048,
  writeBuffer: 1_048_576,
  incomplete: 30_000,
  idle: 600_000,
};

const pong = new Uint8Array([0x0d, 0x0a]);

export interface TcpFlowOwner {
  readonly timers: TimerQueue;
  readonly counters: Counters;
  readonly limits: TcpLimits;
  /** A whole message. */
  onFrame(bytes: Uint8Array, flow: TcpFlow): void;
  /** The stream cannot be followed any more; `head` is what is to blame. The flow ends itself. */
  onBroken(error: string, head: Uint8Array | undefined, flow: TcpFlow): void;
  onGone(flow: TcpFlow): void;
}

export class TcpFlow implements PeerFlow, TcpHandler {
  readonly transport = 'tcp';
  readonly reliable = true;
  readonly listener: TransportListener;
  readonly address: string;
  readonly port: number;
  readonly #owner: TcpFlowOwner;
  readonly #framer = new StreamFramer();
  #connection: TcpConnection | undefined;
  #open = true;
  #holders = 0;
  #messages = 0;
  #since: number;
  #timer: QueuedTimer;

  constructor(owner: TcpFlowOwner, listener: TransportListener, address: string, port: number) {
    this.#owner = owner;
    this.listener = listener;
    this.address = address;
    this.port = port;
    this.#since = owner.timers.now();
    this.#timer = owner.timers.set(this, 'idle', owner.limits.incomplete);
  }

  get open(): boolean {
    return this.#open;
  }

  attach(connection: TcpConnection): void {
    this.#connection = connection;
  }

  send(bytes: Uint8Array, onError: (error: Error) => void): void {
    const connection = this.#connection;
    if (!this.#open || !connection) {
      queueMicrotask(() => onError(new Error('the connection is closed')));
      return;
    }
    if (connection.buffered + bytes.length > this.#owner.limits.writeBuffer) {
      this.#owner.counters.connectionsRefused++;
      queueMicrotask(() => onError(new Error('the peer does not read what it is sent')));
      this.#abort();
      return;
    }
    this.#since = this.#owner.timers.now();
    this.#messages++;
    connection.write(bytes, onError);
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    this.#holders--;
  }

  /** Sends what is buffered, then closes. */
  finish(): void {
    this.#connection?.finish();
    this.#leave();
  }

  destroy(): void {
    this.#abort();
  }

  onOpen(): void {}

  onData(bytes: Uint8Array): void {
    if (!this.#open) return;
    const before = this.#framer.pending;
    const now = this.#owner.timers.now();
    for (const event of this.#framer.push(bytes)) {
      if (!this.#open) return;
      switch (event.type) {
        case 'message':
          this.#messages++;
          this.#since = now;
          this.#owner.onFrame(event.bytes, this);
          break;
        case 'ping':
          this.#since = now;
          this.send(pong, () => {});
          break;
        case 'error':
          this.#owner.onBroken(event.error, event.head, this);
          this.#connection?.end();
          this.#leave();
          return;
      }
    }
    // The clock of a message that is not whole runs from its first byte, not from its latest.
    if (before === 0 && this.#framer.pending > 0) {
      this.#since = now;
      this.#watch(this.#owner.limits.incomplete);
    }
  }

  onClose(): void {
    this.#leave();
  }

  onTimer(): void {
    const { limits, timers } = this.#owner;
    const waiting = this.#messages === 0 || this.#framer.pending > 0;
    const left = this.#since + (waiting ? limits.incomplete : limits.idle) - timers.now();
    if (left > 0) this.#watch(left);
    else if (!waiting && this.#holders > 0) this.#watch(limits.idle);
    else this.#abort();
  }

  #watch(delay: number): void {
    this.#owner.timers.cancel(this.#timer);
    this.#timer = this.#owner.timers.set(this, 'idle', delay);
  }

  #abort(): void {
    this.#connection?.destroy();
    this.#leave();
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.timers.cancel(this.#timer);
    this.#owner.onGone(this);
  }
}
