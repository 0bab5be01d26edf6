/**
 * The transport layer (RFC 3261 §18, RFC 3581): listeners, connections, and messages in and out of
 * bytes. It knows no transaction.
 */
import type { Logger } from '../../base/log.ts';
import { parseMessage } from '../codec.ts';
import type { Counters } from '../counters.ts';
import type { SipDefence } from '../defence/defence.ts';
import { Shares, sourceOf } from '../defence/sources.ts';
import { isKeepAlive } from '../framing.ts';
import type { SipMessage, Via } from '../message.ts';
import type { ListenOptions, SipListener } from '../options.ts';
import type { TimerQueue } from '../transaction/timer-queue.ts';
import { stampVia, type ViaStamp } from '../via.ts';
import { addressFamily, hostPort, isWildcard, withoutZone } from './address.ts';
import {
  type FlowName,
  LostFlow,
  type PeerFlow,
  replyPort,
  type Target,
  type TransportListener,
  UdpFlow,
} from './flow.ts';
import { isStream, kinds, type SipTransportName, type StreamTransport } from './kinds.ts';
import type {
  SipNetwork,
  SocketName,
  StreamConnection,
  StreamServer,
  TlsClientOptions,
  TlsServerOptions,
  UdpSocket,
} from './network.ts';
import { type Peer, StreamFlow, type StreamFlowOwner, type StreamLimits } from './stream-flow.ts';

export interface TransportOptions {
  readonly network: SipNetwork;
  readonly listen: readonly ListenOptions[];
  readonly timers: TimerQueue;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly limits: StreamLimits;
  readonly nextTurn: (call: () => void) => void;
  readonly defence: SipDefence;
  /** For connections of ours over TLS. */
  readonly tls?: Omit<TlsClientOptions, 'name'> | undefined;
  /** The bytes are those of the message. */
  readonly onMessage: (message: SipMessage, bytes: Uint8Array, flow: PeerFlow) => void;
}

export class SipTransport implements StreamFlowOwner {
  readonly timers: TimerQueue;
  readonly counters: Counters;
  readonly limits: StreamLimits;
  readonly #options: TransportOptions;
  readonly #listeners: Listener[] = [];
  readonly #flows = new Set<StreamFlow>();
  /** By `peerKey`: the newest connection to each. */
  readonly #byPeer = new Map<string, StreamFlow>();
  readonly #perSource = new Shares();
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

  /** What we can send by when nobody says what: connections need no listener. */
  get transports(): readonly SipTransportName[] {
    return [...new Set<SipTransportName>([...this.#listeners.map(({ transport }) => transport), 'tcp', 'tls'])];
  }

  /** Open connections. */
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
   * The flow to a target, or undefined when there is no listener of its family, and for UDP of its transport.
   * A connection is reused or opened; the flow can be written to at once, but may not have its name yet.
   * @param prefer the listener to send from where several fit.
   */
  flowTo(target: Target, prefer?: TransportListener): PeerFlow | undefined {
    if (this.#closing) return undefined;
    const { transport } = target;
    if (isStream(transport)) {
      const open = this.#byPeer.get(peerKey(transport, target));
      if (open?.open) return open;
    }
    const listener = this.#listenerFor(target, prefer);
    if (!listener) return undefined;
    if (listener.socket) return new UdpFlow(listener, listener.socket, target.address, target.port);
    return isStream(transport) ? this.#connect(listener, transport, target) : undefined;
  }

  /**
   * The way that an earlier process had: a connection is open only if the peer has opened it again.
   * @returns undefined where no listener of ours can stand for the one before
   */
  flowAgain(name: FlowName): PeerFlow | undefined {
    const { transport, address, port } = name;
    const { host, port: own } = name.listener;
    const before = this.#listeners.find((one) => one.transport === transport && one.host === host && one.port === own);
    const listener = this.#listenerFor(name, before);
    if (!listener) return undefined;
    if (listener.socket) return new UdpFlow(listener, listener.socket, address, port);
    const open = isStream(transport) ? this.#byPeer.get(peerKey(transport, { address, port })) : undefined;
    return open?.open ? open : new LostFlow(name, listener);
  }

  /** The listener that a message to this target would leave from. */
  listenerFor(target: Target): TransportListener | undefined {
    return this.#listenerFor(target);
  }

  /**
   * Connections to come get this certificate.
   * @param listener the only one that it is for; default every one with TLS
   * @throws TandemError ERR_TLS for one that cannot be used; nothing has changed then
   */
  secure(tls: TlsServerOptions, listener?: SipListener): void {
    for (const one of this.#listeners)
      if (kinds[one.transport].secure && (listener ?? one) === one) one.server?.secure(tls);
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
    return this.flowTo({ transport: flow.transport, address: flow.address, port }, flow.listener) ?? flow;
  }

  /** Idempotent. What was written to connections still goes out. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  nextTurn(call: () => void): void {
    this.#options.nextTurn(call);
  }

  onFrame(bytes: Uint8Array, flow: StreamFlow): void {
    if (this.#options.defence.hears(flow.address)) this.#receive(bytes, flow.framing, flow);
  }

  onBroken(error: string, head: Uint8Array | undefined, flow: StreamFlow): void {
    if (head) this.#receive(head, 'stream', flow, true);
    else this.#malformed(flow);
    this.#options.logger.debug({ error, peer: hostPort(flow.address, flow.port) }, 'closed a SIP connection');
  }

  onFailed({ message: error }: Error, { transport, address, port }: StreamFlow): void {
    this.#options.logger.debug({ transport, peer: hostPort(address, port), error }, 'a SIP connection failed');
  }

  /** Cuts the connections of a source. */
  disconnect(source: string): void {
    if (this.#perSource.of(source) === 0) return;
    for (const flow of [...this.#flows]) if (sourceOf(flow.address) === source) flow.destroy();
  }

  onGone(flow: StreamFlow): void {
    if (this.#flows.delete(flow)) this.#perSource.remove(sourceOf(flow.address));
    const key = peerKey(flow.transport, flow);
    // A newer connection of the same name may have taken the place.
    if (this.#byPeer.get(key) === flow) this.#byPeer.delete(key);
  }

  async #listen(listen: ListenOptions): Promise<Listener> {
    const { network, logger } = this.#options;
    const { transport, tls, origins, http, entrance } = listen;
    const bind = { host: listen.bindHost, port: listen.bindPort };
    if (isStream(transport)) {
      let listener: Listener | undefined;
      const server = await network.listenStream(
        {
          ...{ ...bind, transport },
          ...(tls ? { tls } : {}),
          ...(origins ? { origins } : {}),
          ...(http ? { http } : {}),
          ...(entrance ? { entrance } : {}),
          onStranger: (origin) => {
            this.counters.strangePages++;
            logger.info({ transport, port: bind.port, origin }, 'a page of another origin may not connect');
          },
        },
        (connection) => this.#accept(listener as Listener, transport, connection),
      );
      listener = new Listener(network, listen, server, undefined, server);
      logger.debug({ transport, host: listener.host, port: listener.port }, 'listening');
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
    if (!this.#options.defence.hears(address) || isKeepAlive(bytes)) return;
    this.#receive(bytes, 'datagram', new UdpFlow(listener, listener.socket as UdpSocket, address, port));
  }

  /** @param broken the message is only read to find out what to answer. */
  #receive(bytes: Uint8Array, framing: 'datagram' | 'stream', flow: PeerFlow, broken = false): void {
    const source = withoutZone(flow.address);
    const parsed = parseMessage(bytes, framing, { received: source, rport: flow.port });
    if (!parsed.ok) {
      this.#malformed(flow);
      this.#options.logger.debug({ error: parsed.error, peer: hostPort(flow.address, flow.port) }, 'malformed message');
      if (parsed.reply && parsed.via) this.replyFlow(flow, replyPort(flow, parsed.via)).send(parsed.reply, () => {});
      return;
    }
    if (broken) {
      this.#malformed(flow);
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
    this.#options.onMessage(message, bytes, flow);
  }

  #malformed({ address }: PeerFlow): void {
    this.counters.malformed++;
    this.#options.defence.malformed(address);
  }

  #accept(listener: Listener, transport: StreamTransport, connection: StreamConnection): StreamFlow {
    const { address, port } = connection;
    const { limits } = this;
    const { defence } = this.#options;
    const tooMany =
      this.#flows.size >= limits.connections ||
      defence.isOverShare(connection, this.#perSource, limits.connectionsPerSource);
    const flow = this.#add(listener, transport, { address, port, name: address });
    flow.attach(connection);
    if (this.#closing || tooMany || !defence.hears(address)) {
      this.counters.connectionsRefused++;
      flow.destroy();
    }
    return flow;
  }

  #listenerFor({ transport, address }: Target, prefer?: TransportListener): Listener | undefined {
    const family = addressFamily(address);
    let listener: Listener | undefined;
    for (const one of this.#listeners) {
      if (one.transport !== transport || one.family !== family) continue;
      if (one === prefer) return one;
      listener ??= one;
    }
    return listener ?? (isStream(transport) ? this.#dialer(transport, family) : undefined);
  }

  /** Stands in for a listener of connections of ours that we do not listen for: they leave from the same address. */
  #dialer(transport: StreamTransport, family: 0 | 4 | 6): Listener | undefined {
    const host = this.#listeners.find((one) => one.family === family)?.host;
    if (host === undefined) return undefined;
    const { network } = this.#options;
    return new Listener(network, { transport, bindHost: host, bindPort: 0 }, { host, port: 0 }, undefined, undefined);
  }

  #connect(listener: Listener, transport: StreamTransport, { address, port, name = address }: Target): StreamFlow {
    const flow = this.#add(listener, transport, { address, port, name });
    const { network, tls } = this.#options;
    // From the listener's address, so that the peer sees the one that Via and Contact name.
    const localAddress = isWildcard(listener.host) ? undefined : listener.host;
    flow.attach(network.connectStream({ transport, address, port, localAddress, tls: { ...tls, name } }, flow));
    return flow;
  }

  #add(listener: Listener, transport: StreamTransport, peer: Peer): StreamFlow {
    const flow = new StreamFlow(this, transport, listener, peer);
    this.#flows.add(flow);
    this.#perSource.add(sourceOf(peer.address));
    this.#byPeer.set(peerKey(transport, peer), flow);
    return flow;
  }

  async #close(): Promise<void> {
    const closed = this.#listeners.map((listener) => (listener.socket ?? listener.server)?.close());
    for (const flow of [...this.#flows]) flow.finish();
    await Promise.all(closed);
  }
}

/** A connection over TLS is one to the name that the certificate was checked for (RFC 5922 §7), not just to the address. */
function peerKey(transport: StreamTransport, { address, port, name = address }: Omit<Target, 'transport'>): string {
  const key = `${transport} ${hostPort(address, port)}`;
  return kinds[transport].secure && name !== address ? `${key} ${name.toLowerCase()}` : key;
}

class Listener implements TransportListener {
  readonly transport: SipTransportName;
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly socket: UdpSocket | undefined;
  readonly server: StreamServer | undefined;
  readonly #network: SipNetwork;
  readonly #external: string | undefined;
  readonly #externalPort: number;

  constructor(
    network: SipNetwork,
    options: ListenOptions,
    bound: { readonly host: string; readonly port: number },
    socket: UdpSocket | undefined,
    server: StreamServer | undefined,
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

  advertise(peer: string): SocketName {
    const host = this.#external ?? (isWildcard(this.host) ? this.#network.localAddress(peer) : this.host);
    return { host: withoutZone(host), port: this.#externalPort };
  }
}
