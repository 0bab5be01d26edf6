/**
 * One connection that carries SIP, over TCP, TLS or WebSocket: framing, keep-alive, and the limits that keep a
 * peer from holding what it does not use.
 */
import type { Counters } from '../counters.ts';
import { type Framer, type FramerEvent, MessageFramer, StreamFramer } from '../framing.ts';
import type { QueuedTimer, TimerQueue } from '../transaction/timer-queue.ts';
import type { PeerFlow, TransportListener } from './flow.ts';
import type { StreamTransport } from './kinds.ts';
import type { SocketName, StreamConnection, StreamHandler } from './network.ts';

export interface StreamLimits {
  /** Connections in all, and from one source (an IPv4 address, or the /64 of an IPv6 address). */
  readonly connections: number;
  readonly connectionsPerSource: number;
  /** Bytes that wait for a peer that does not read. */
  readonly writeBuffer: number;
  /** A connection without a whole message yet, or with half a message, is closed after, ms. */
  readonly incomplete: number;
  /** A connection that carries nothing and belongs to no dialog is closed after, ms. */
  readonly idle: number;
}

export const defaultStreamLimits: StreamLimits = {
  connections: 8_192,
  connectionsPerSource: 2_048,
  writeBuffer: 1_048_576,
  incomplete: 30_000,
  idle: 600_000,
};

const pong = new Uint8Array([0x0d, 0x0a]);
/** Messages of one connection that are worked on in one turn; others have something to say, too. */
const perTurn = 32;

export interface StreamFlowOwner {
  readonly timers: TimerQueue;
  readonly counters: Counters;
  readonly limits: StreamLimits;
  /** Calls it on a turn to come. */
  nextTurn(call: () => void): void;
  /** A whole message. */
  onFrame(bytes: Uint8Array, flow: StreamFlow): void;
  /** The stream cannot be followed any more; `head` is what is to blame. The flow ends itself. */
  onBroken(error: string, head: Uint8Array | undefined, flow: StreamFlow): void;
  /** It could not be made, or broke. */
  onFailed(error: Error, flow: StreamFlow): void;
  onGone(flow: StreamFlow): void;
}

/** Whom a connection is to. */
export interface Peer {
  /** Numeric. */
  readonly address: string;
  readonly port: number;
  /** As in `Target`. */
  readonly name: string;
}

export class StreamFlow implements PeerFlow, StreamHandler {
  readonly transport: StreamTransport;
  readonly reliable = true;
  readonly listener: TransportListener;
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly #owner: StreamFlowOwner;
  readonly #framer: Framer;
  #connection: StreamConnection | undefined;
  /** What came and is not looked at yet. */
  #unread: Uint8Array[] = [];
  #events: Iterator<FramerEvent, undefined> | undefined;
  #paused = false;
  #open = true;
  #local: SocketName | undefined;
  #waiting: (() => void)[] = [];
  #mourners: (() => void)[] = [];
  /**
   * Of what was sent before the peer was heard for the first time: with TLS a server may refuse us after we have
   * sent already.
   */
  #unheard: ((error: Error) => void)[] | undefined = [];
  #holders = 0;
  #messages = 0;
  #since: number;
  #timer: QueuedTimer;

  constructor(
    owner: StreamFlowOwner,
    transport: StreamTransport,
    listener: TransportListener,
    { address, port, name }: Peer,
  ) {
    this.#owner = owner;
    this.transport = transport;
    this.#framer = this.framing === 'stream' ? new StreamFramer() : new MessageFramer();
    this.listener = listener;
    this.address = address;
    this.port = port;
    this.name = name;
    this.#since = owner.timers.now();
    this.#timer = owner.timers.set(this, 'idle', owner.limits.incomplete);
  }

  get open(): boolean {
    return this.#open;
  }

  /** A message of WebSocket is one of SIP, whose length is known (RFC 7118 §5.2). */
  get framing(): 'stream' | 'datagram' {
    return this.transport === 'ws' || this.transport === 'wss' ? 'datagram' : 'stream';
  }

  get sentBy(): SocketName | undefined {
    // Behind a listener that listens, the peer can connect to us as well; else it has to use this connection.
    return this.listener.port === 0 ? this.#local : this.listener.advertise(this.address);
  }

  whenNamed(done: () => void): void {
    if (this.sentBy || !this.#open) done();
    else this.#waiting.push(done);
  }

  whenGone(done: () => void): void {
    if (this.#open) this.#mourners.push(done);
    else done();
  }

  attach(connection: StreamConnection): void {
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
    connection.write(bytes, this.#unheard ? this.#expectAnswer(this.#unheard, onError) : onError);
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

  onOpen(local: SocketName): void {
    this.#local = local;
    this.#named();
  }

  onData(bytes: Uint8Array): void {
    if (!this.#open) return;
    this.#unheard = undefined;
    this.#unread.push(bytes);
    if (!this.#events) this.#work();
  }

  readonly #work = (): void => {
    const before = this.#framer.pending;
    const now = this.#owner.timers.now();
    let count = 0;
    while (this.#open) {
      this.#events ??= this.#nextBytes();
      const event = this.#events?.next().value;
      if (event) {
        this.#take(event, now);
        if (++count < perTurn || !this.#open) continue;
        this.#pause();
        return;
      }
      this.#events = undefined;
      if (this.#unread.length === 0) break;
    }
    if (!this.#open) return;
    this.#resume();
    // The clock of a message that is not whole runs from its first byte, not from its latest.
    if ((before === 0 || count > 0) && this.#framer.pending > 0) {
      this.#since = now;
      this.#watch(this.#owner.limits.incomplete);
    }
  };

  #pause(): void {
    if (!this.#paused) this.#connection?.pause();
    this.#paused = true;
    this.#owner.nextTurn(this.#work);
  }

  #resume(): void {
    if (this.#paused) this.#connection?.resume();
    this.#paused = false;
  }

  #nextBytes(): Iterator<FramerEvent, undefined> | undefined {
    const bytes = this.#unread.shift();
    return bytes && this.#framer.push(bytes);
  }

  #take(event: FramerEvent, now: number): void {
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
        break;
    }
  }

  onClose(error: Error | undefined): void {
    const unheard = this.#unheard ?? [];
    this.#unheard = undefined;
    if (error && this.#open) this.#owner.onFailed(error, this);
    this.#leave();
    // A peer that knows a listener of ours may still answer there (RFC 3261 §18.2.2).
    if (error || this.listener.port === 0)
      for (const fail of unheard) fail(error ?? new Error('the peer closed the connection'));
  }

  #expectAnswer(unheard: ((error: Error) => void)[], onError: (error: Error) => void): (error: Error) => void {
    let told = false;
    const fail = (error: Error): void => {
      if (!told) onError(error);
      told = true;
    };
    unheard.push(fail);
    return fail;
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
    this.#named();
    for (const done of this.#mourners.splice(0)) done();
  }

  #named(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
}
