/**
 * The transport layer (RFC 3261 §18, RFC 3581): listeners, connections, and messages in and out of
 * bytes. It knows no transaction.
 */
import type { Logger } from '../../base/log.ts';
import { parseMessage } from '../codec.ts';
import type { Counters } from '../counters.ts';
import { isKeepAlive } from '../framing.ts';
import type { SipMessage, Via } from '../message.ts';
import type { ListenOptions } from '../options.ts';
import type { TimerQueue } from '../transaction/timer-queue.ts';
import { stampVia, type ViaStamp } from '../via.ts';
import { addressFamily, hostPort, isWildcard, withoutZone } from './address.ts';
import { type PeerFlow, replyPort, type SentBy, type TransportListener, UdpFlow } from './flow.ts';
import type { SipNetwork, TcpConnection, TcpServer, UdpSocket } from './network.ts';
import { TcpFlow, type TcpFlowOwner, type TcpLimits } from './tcp-flow.ts';

/** Where a message goes: numeric address. */
export interface Target {
  readonly transport: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

export interface TransportOptions {
  readonly network: SipNetwork;
  readonly listen: readonly ListenOptions[];
  readonly timers: TimerQueue;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly limits: TcpLimits;
  readonly onMessage: (message: SipMessage, flow: PeerFlow) => void;
}

export class SipTransport implements TcpFlowOwner {
  readonly timers: TimerQueue;
  readonly counters: Counters;
  readonly limits: TcpLimits;
  readonly #options: TransportOptions;
  readonly #listeners: Listener[] = [];
  readonly #flows = new Set<TcpFlow>();
  /** By remote address and port: the newest connection to each. */
  readonly #byPeer = new Map<string, TcpFlow>();
  readonly #perAddress = new Map<string, number>();
  #closing: Promise<void> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.timers = options.timers;
    this.counters = options.counters;
    this.limits = options.limits;
  }

  get listeners(): readonly TransportListener[] {
    return this.#listeners;
  }

  /** Open TCP connections. */
  get connections(): number {
    return this.#flows.size;
  }

  /** Opens every listener or none. Rejects with ERR_PORT_IN_USE or ERR_LISTEN. */
  async open(): Promise<void> {
    try {
      for (const listen of this.#options.listen) this.#listeners.push(await this.#listen(listen));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * The flow to a target, or undefined when there is no listener of its transport and family.
   * A TCP connection is reused or opened; the flow can be written to at once.
   * @param prefer the listener to send from where several fit.
   */
  flowTo(target: Target, prefer?: TransportListener): PeerFlow | undefined {
    if (this.#closing) return undefined;
    if (target.transport === 'tcp') {
      const open = this.#byPeer.get(hostPort(target.address, target.port));
      if (open?.open) return open;
    }
    const family = addressFamily(target.address);
    let listener: Listener | undefined;
    for (const one of this.#listeners) {
      if (one.transport !== target.transport || one.family !== family) continue;
      if (one === prefer) listener = one;
      listener ??= one;
    }
    if (!listener) return undefined;
    return listener.socket
      ? new UdpFlow(listener, listener.socket, target.address, target.port)
      : this.#connect(listener, target);
  }

  /** True when a large request may go over TCP instead of UDP (RFC 3261 §18.1.1). */
  hasTcp(address: string): boolean {
    const family = addressFamily(address);
    return this.#listeners.some((one) => one.transport === 'tcp' && one.family === family);
  }

  /** The flow of responses: the one of the request, to the port that `replyPort` gave. */
  replyFlow(flow: PeerFlow, port: number): PeerFlow {
    if (flow instanceof UdpFlow) return flow.to(port);
    if (flow.open) return flow;
    return this.flowTo({ transport: 'tcp', address: flow.address, port }, flow.listener) ?? flow;
  }

  /** Idempotent. What was written to connections still goes out. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  onFrame(bytes: Uint8Array, flow: TcpFlow): void {
    this.#receive(bytes, 'stream', flow);
  }

  onBroken(error: string, head: Uint8Array | undefined, flow: TcpFlow): void {
    if (head) this.#receive(head, 'stream', flow, true);
    else this.counters.malformed++;
    this.#options.logger.debug({ error, peer: hostPort(flow.address, flow.port) }, 'closed a SIP connection');
  }

  onGone(flow: TcpFlow): void {
    this.#flows.delete(flow);
    const key = hostPort(flow.address, flow.port);
    // A newer connection of the same name may have taken the place.
    if (this.#byPeer.get(key) === flow) this.#byPeer.delete(key);
    const count = (this.#perAddress.get(flow.address) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(flow.address, count);
    else this.#perAddress.delete(flow.address);
  }

  async #listen(listen: ListenOptions): Promise<Listener> {
    const { network, logger } = this.#options;
    const bind = { host: listen.bindHost, port: listen.bindPort };
    if (listen.transport === 'tcp') {
      let listener: Listener | undefined;
      const server = await network.listenTcp(bind, (connection) => this.#accept(listener as Listener, connection));
      listener = new Listener(network, listen, server, undefined, server);
      logger.debug({ transport: 'tcp', host: listener.host, port: listener.port }, 'listening');
      return listener;
    }
    let listener: Listener | undefined;
    const socket = await network.openUdp(bind, {
      onDatagram: (bytes, address, port) => this.#datagram(listener as Listener, bytes, address, port),
      onDrop: () => {
        this.counters.dropped++;
      },
    });
    listener = new Listener(network, listen, socket, socket, undefined);
    logger.debug(
      { transport: 'udp', host: listener.host, port: listener.port, receiveBuffer: socket.receiveBuffer },
      'listening',
    );
    return listener;
  }

  #datagram(listener: Listener, bytes: Uint8Array, address: string, port: number): void {
    if (port === 0) {
      // Nobody can be answered there; a send to port 0 is an exception in Node.
      this.counters.dropped++;
      return;
    }
    if (isKeepAlive(bytes)) return;
    this.#receive(bytes, 'datagram', new UdpFlow(listener, listener.socket as UdpSocket, address, port));
  }

  /** @param broken the message is only read to find out what to answer. */
  #receive(bytes: Uint8Array, framing: 'datagram' | 'stream', flow: PeerFlow, broken = false): void {
    const source = withoutZone(flow.address);
    const parsed = parseMessage(bytes, framing, { received: source, rport: flow.port });
    if (!parsed.ok) {
      this.counters.malformed++;
      this.#options.logger.debug({ error: parsed.error, peer: hostPort(flow.address, flow.port) }, 'malformed message');
      if (parsed.reply && parsed.via) this.replyFlow(flow, replyPort(flow, parsed.via)).send(parsed.reply, () => {});
      return;
    }
    if (broken) {
      this.counters.malformed++;
      return;
    }
    const { message } = parsed;
    this.counters.received++;
    if (message.kind === 'request') {
      const top = message.headers.via[0] as Via;
      // RFC 3581 §4 wants `received` wherever rport is, RFC 3261 §18.2.1 wherever the host is another.
      const stamp: ViaStamp =
        top.host === source && !('rport' in top.params) ? {} : { received: source, rport: flow.port };
      message.headers.via[0] = stampVia(top, stamp);
    }
    this.#options.onMessage(message, flow);
  }

  #accept(listener: Listener, connection: TcpConnection): TcpFlow {
    const flow = this.#add(listener, connection.address, connection.port);
    flow.attach(connection);
    const count = this.#perAddress.get(connection.address) ?? 0;
    if (this.#closing || this.#flows.size > this.limits.connections || count > this.limits.connectionsPerAddress) {
      this.counters.connectionsRefused++;
      flow.destroy();
    }
    return flow;
  }

  #connect(listener: Listener, target: Target): TcpFlow {
    const flow = this.#add(listener, target.address, target.port);
    // From the listener's address, so that the peer sees the one that Via and Contact name.
    const local = isWildcard(listener.host) ? undefined : listener.host;
    flow.attach(this.#options.network.connectTcp(target.address, target.port, local, flow));
    return flow;
  }

  #add(listener: Listener, address: string, port: number): TcpFlow {
    const flow = new TcpFlow(this, listener, address, port);
    this.#flows.add(flow);
    this.#byPeer.set(hostPort(address, port), flow);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    return flow;
  }

  async #close(): Promise<void> {
    const closed = this.#listeners.map((listener) => (listener.socket ?? listener.server)?.close());
    for (const flow of [...this.#flows]) flow.finish();
    await Promise.all(closed);
  }
}

class Listener implements TransportListener {
  readonly transport: 'udp' | 'tcp';
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly socket: UdpSocket | undefined;
  readonly server: TcpServer | undefined;
  readonly #network: SipNetwork;
  readonly #external: string | undefined;
  readonly #externalPort: number;

  constructor(
    network: SipNetwork,
    options: ListenOptions,
    bound: { readonly host: string; readonly port: number },
    socket: UdpSocket | undefined,
    server: TcpServer | undefined,
  ) {
    this.#network = network;
    this.transport = options.transport;
    this.host = bound.host;
    this.port = bound.port;
    this.family = addressFamily(bound.host) === 6 ? 6 : 4;
    this.socket = socket;
    this.server = server;
    this.#external = options.externalHost;
    this.#externalPort = options.externalPort ?? bound.port;
  }

  get receiveBuffer(): number | undefined {
    return this.socket?.receiveBuffer;
  }

  get externalHost(): string {
    // Addresses for documentation: whatever route they take is the default one.
    return this.advertise(this.family === 6 ? '2001:db8::1' : '192.0.2.1').host;
  }

  get externalPort(): number {
    return this.#externalPort;
  }

  advertise(peer: string): SentBy {
    const host = this.#external ?? (isWildcard(this.host) ? this.#network.localAddress(peer) : this.host);
    return { host: withoutZone(host), port: this.#externalPort };
  }
}
