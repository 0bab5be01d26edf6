/**
 * TCP connections in the lab: bytes arrive in order, whole or in pieces; what is lost comes later; a peer that does
 * not read fills the buffers; one that is gone is noticed by those who send, and not before.
 */
import type { Timer } from '../../base/clock.ts';
import type { TcpConnection, TcpHandler } from '../../sip/transport/network.ts';
import type { LabHost } from './host.ts';
import type { Address, LabNetwork } from './network.ts';

/** What the two systems hold of bytes that nobody has read. */
const bufferBytes = 256 * 1024;
/** When a connection request that nobody answers is sent again, ms from the first. */
const synAgain = [1000, 3000, 7000];
const connectTimeoutMs = 10_000;
/** How long bytes that nobody acknowledges are sent again and again. */
const giveUpMs = 120_000;
const retryMs = 200;
/** As the sockets of Node are used: a peer that does not close its side is cut off after. */
const lingerMs = 2000;

/** A connection of `host` that is being made. */
export function connect(
  network: LabNetwork,
  host: LabHost,
  local: Address,
  to: Address,
  handler: TcpHandler,
): LabConnection {
  const client = new LabConnection(network, host, local.port, to, () => handler);
  const attempt = (): void => {
    const target = network.hostAt(to.address);
    const way = network.way(host, to.address, 'sip');
    if (!target?.online || !host.online || way.cut) return;
    const due = way.streamArrival(network.clock.now(), 0);
    network.deliveries.add(due, () => {
      const accept = target.listener(to.port);
      if (client.closed || client.connected) return;
      if (accept) client.meet(new LabConnection(network, target, to.port, local, accept));
      else back(() => client.fail('ECONNREFUSED'));
    });
  };
  const back = (arrive: () => void): void => {
    const target = network.hostAt(to.address);
    if (target)
      network.deliveries.add(network.way(target, host.address, 'sip').streamArrival(network.clock.now(), 0), arrive);
  };
  attempt();
  client.connecting(
    [
      ...synAgain.map((ms) => network.clock.setTimer(ms, attempt, 'network')),
      network.clock.setTimer(connectTimeoutMs, () => client.fail('ETIMEDOUT'), 'network'),
    ],
    back,
  );
  return client;
}

export class LabConnection implements TcpConnection {
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  readonly #network: LabNetwork;
  readonly #host: LabHost;
  readonly #handler: TcpHandler;
  #peer: LabConnection | undefined;
  #back: ((arrive: () => void) => void) | undefined;
  #open = false;
  #closed = false;
  /** Gone without a word: the peer does not know. */
  #vanished = false;
  #timers: Timer[] = [];
  #linger: Timer | undefined;
  /** Bytes that are not on their way yet; undefined: the end. */
  #queue: (Uint8Array | undefined)[] = [];
  #queued = 0;
  #ending = false;
  /** Close as soon as everything is on its way. */
  #finishing = false;
  #latest = 0;
  #stalledSince: number | undefined;
  #reading = true;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;

  constructor(
    network: LabNetwork,
    host: LabHost,
    localPort: number,
    to: Address,
    accept: (connection: TcpConnection) => TcpHandler,
  ) {
    this.#network = network;
    this.#host = host;
    this.localPort = localPort;
    this.address = to.address;
    this.port = to.port;
    host.add(this);
    this.#handler = accept(this);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  get buffered(): number {
    return Math.max(0, this.#queued - bufferBytes);
  }

  // ---- coming about

  connecting(timers: Timer[], back: (arrive: () => void) => void): void {
    this.#timers = timers;
    this.#back = back;
  }

  /** The other side accepted. */
  meet(server: LabConnection): void {
    this.#peer = server;
    server.#peer = this;
    server.#open = true;
    server.#pump();
    this.#back?.(() => {
      if (this.#closed) return;
      this.#clearTimers();
      this.#open = true;
      this.#handler.onOpen();
      this.#pump();
    });
  }

  // ---- sending

  write(bytes: Uint8Array, onError: (error: Error) => void): void {
    if (this.#closed || this.#ending) {
      queueMicrotask(() => onError(new Error('the connection is closed')));
      return;
    }
    this.#queued += bytes.length;
    const cut = this.#network.way(this.#host, this.address, 'sip').cutAt(bytes.length);
    if (cut === undefined) this.#queue.push(bytes);
    else this.#queue.push(bytes.subarray(0, cut), bytes.subarray(cut));
    this.#pump();
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#queue.push(undefined);
    this.#linger = this.#network.clock.setTimer(lingerMs, () => this.#close(), 'tcp linger');
    this.#pump();
  }

  finish(): void {
    if (this.#closed) return;
    this.#finishing = true;
    if (!this.#ending) this.end();
    else this.#pump();
  }

  destroy(): void {
    if (this.#closed) return;
    const peer = this.#peer;
    if (peer && this.#reachable()) this.#send(() => peer.#ended());
    this.#close();
  }

  #pump(): void {
    if (!this.#open || this.#closed) return;
    const peer = this.#peer as LabConnection;
    while (this.#queue.length > 0) {
      if (!this.#reachable()) {
        this.#retry();
        return;
      }
      this.#stalledSince = undefined;
      if (peer.#unreadBytes >= bufferBytes) return;
      const bytes = this.#queue.shift();
      if (bytes === undefined) {
        this.#send(() => peer.#ended());
      } else {
        this.#queued -= bytes.length;
        this.#send(() => peer.#arrive(bytes), bytes);
      }
    }
    if (this.#finishing) this.#close();
  }

  /** On its way, behind everything that was sent before. */
  #send(arrive: () => void, bytes?: Uint8Array): void {
    const { clock, deliveries } = this.#network;
    const at = clock.now();
    this.#latest = this.#network.way(this.#host, this.address, 'sip').streamArrival(at, this.#latest);
    deliveries.add(this.#latest, arrive);
    if (bytes)
      this.#network.onSight({
        at,
        traffic: 'sip',
        transport: 'tcp',
        from: { address: this.#host.address, port: this.localPort },
        to: { address: this.address, port: this.port },
        bytes,
        arrivals: [this.#latest],
        noHost: false,
      });
  }

  #reachable(): boolean {
    const target = this.#network.hostAt(this.address);
    return this.#host.online && target?.online === true && !this.#network.way(this.#host, this.address, 'sip').cut;
  }

  /** Nothing gets through: tries again until it does, or for so long that it makes no sense any more. */
  #retry(): void {
    const { clock } = this.#network;
    this.#stalledSince ??= clock.now();
    if (clock.now() - this.#stalledSince >= giveUpMs) this.fail('ETIMEDOUT');
    else {
      this.#clearTimers();
      this.#timers.push(clock.setTimer(retryMs, () => this.#pump(), 'network'));
    }
  }

  // ---- receiving

  #arrive(bytes: Uint8Array, since = this.#network.clock.now()): void {
    const { clock, deliveries } = this.#network;
    const sender = this.#peer as LabConnection;
    if (!this.#host.online) {
      // Nobody acknowledges it: it is sent again, in its place.
      if (sender.closed) return;
      if (clock.now() - since >= giveUpMs) sender.fail('ETIMEDOUT');
      else deliveries.add(clock.now() + retryMs, () => this.#arrive(bytes, since));
      return;
    }
    // A system that knows nothing of a connection says so.
    if (this.#vanished) sender.fail('ECONNRESET');
    if (this.#closed) return;
    if (this.#reading) {
      this.#handler.onData(bytes);
      return;
    }
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
  }

  /** The peer sends no more: what is left of ours goes out, then both are closed. */
  #ended(): void {
    if (this.#closed || this.#vanished) return;
    if (this.#ending && this.#queue.length === 0) this.#close();
    else this.finish();
  }

  /** Reads no more: the peer's bytes pile up. */
  pause(): void {
    this.#reading = false;
  }

  resume(): void {
    this.#reading = true;
    this.#unreadBytes = 0;
    for (const bytes of this.#unread.splice(0)) if (!this.#closed) this.#handler.onData(bytes);
    const peer = this.#peer;
    if (peer) peer.#pump();
  }

  // ---- the end

  /** This side forgets the connection without a word. */
  vanish(): void {
    this.#vanished = true;
    this.#close();
  }

  fail(code: string): void {
    if (!this.#closed) this.#close(Object.assign(new Error(code), { code }));
  }

  #close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#clearTimers();
    this.#linger?.cancel();
    this.#host.remove(this);
    this.#network.deliveries.add(this.#network.clock.now(), () => this.#handler.onClose(error));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }
}
