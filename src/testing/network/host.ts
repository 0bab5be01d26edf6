/** One machine in the lab's network: its sockets, as the ports of SIP and of the media plane. */
import type { UdpIo } from '../../../media/index.ts';
import { TandemError } from '../../base/errors.ts';
import type { SipTransportName, StreamTransport } from '../../sip/transport/kinds.ts';
import { listenError } from '../../sip/transport/listen-error.ts';
import type { SipNetwork, StreamHandler } from '../../sip/transport/network.ts';
import type { Address, LabNetwork, Traffic } from './network.ts';
import { connect, type LabConnection } from './stream.ts';

/** The bytes belong to the receiver. */
export type Receive = (bytes: Uint8Array, from: Address) => void;

export interface LabSocket {
  readonly address: string;
  readonly port: number;
  /** @returns false when nothing can be sent there, as a system says at once */
  send(bytes: Uint8Array, to: Address): boolean;
  close(): void;
}

type Accept = (connection: LabConnection) => StreamHandler;

interface Server {
  readonly transport: StreamTransport;
  readonly accept: Accept;
}

/** Of those that a system gives out by itself (RFC 6335 §6). */
const firstFreePort = 49_152;
const lastFreePort = 65_535;

export class LabHost {
  readonly name: string;
  readonly address: string;
  /** False: nothing comes in and nothing goes out, as with a cable pulled. */
  online = true;
  readonly #network: LabNetwork;
  readonly #udp = new Map<number, { readonly receive: Receive }>();
  readonly #tcp = new Map<number, Server>();
  readonly #connections = new Set<LabConnection>();
  #nextPort = firstFreePort;

  /** Made by `LabNetwork.host`. */
  constructor(network: LabNetwork, name: string, address: string) {
    this.#network = network;
    this.name = name;
    this.address = address;
  }

  /** What is open, for those who look for leaks: `udp 5060`, `tcp 5060`, `tcp 5060 10.0.1.1:49152`. */
  get open(): readonly string[] {
    return [
      ...[...this.#udp.keys()].map((port) => `udp ${port}`),
      ...[...this.#tcp.keys()].map((port) => `tcp ${port}`),
      ...[...this.#connections].map((one) => `tcp ${one.localPort} to ${one.address}:${one.port}`),
    ];
  }

  /** @throws TandemError ERR_PORT_IN_USE; @param port 0: any */
  openUdp(traffic: Traffic, port: number, receive: Receive): LabSocket {
    const bound = port === 0 ? this.#freePort((one) => this.#udp.has(one)) : port;
    if (this.#udp.has(bound)) throw inUse('udp', this.address, bound);
    const socket = { receive };
    const isOpen = (): boolean => this.#udp.get(bound) === socket;
    this.#udp.set(bound, socket);
    const from: Address = { address: this.address, port: bound };
    return {
      ...from,
      // A closed socket sends nothing, and says nothing of it.
      send: (bytes, to) => !isOpen() || this.#send(traffic, from, to, bytes),
      close: () => {
        if (isOpen()) this.#udp.delete(bound);
      },
    };
  }

  #send(traffic: Traffic, from: Address, to: Address, bytes: Uint8Array): boolean {
    const network = this.#network;
    const at = network.clock.now();
    const host = network.hostAt(to.address);
    const arrivals = this.reaches(to.address, traffic) ? network.way(this, to.address, traffic).arrivals(at) : [];
    network.onSight({ at, traffic, transport: 'udp', from, to, bytes, arrivals, noHost: !host });
    for (const due of arrivals) {
      // Not `slice`, which of a Buffer is no copy.
      const copy = new Uint8Array(bytes);
      network.deliveries.add(due, () => host?.deliver(to.port, copy, from));
    }
    return host !== undefined;
  }

  /** @internal A datagram arrives; nobody is told when nobody listens. */
  deliver(port: number, bytes: Uint8Array, from: Address): void {
    if (this.online) this.#udp.get(port)?.receive(bytes, from);
  }

  /** @internal Whether anything gets through to an address at present. */
  reaches(address: string, traffic: Traffic): boolean {
    return (
      this.online && this.#network.hostAt(address)?.online === true && !this.#network.way(this, address, traffic).cut
    );
  }

  /** @throws TandemError ERR_PORT_IN_USE; @param port 0: any */
  listenStream(
    port: number,
    accept: Accept,
    transport: StreamTransport = 'tcp',
  ): { readonly port: number; close(): void } {
    const bound = port === 0 ? this.#freeTcpPort() : port;
    if (this.#tcp.has(bound)) throw inUse(transport, this.address, bound);
    const server = { transport, accept };
    this.#tcp.set(bound, server);
    return {
      port: bound,
      close: () => {
        if (this.#tcp.get(bound) === server) this.#tcp.delete(bound);
      },
    };
  }

  /** @internal Who listens there. */
  listener(port: number): Server | undefined {
    return this.#tcp.get(port);
  }

  /** A stream that is being made; it comes about, or fails, by the handler. */
  connectStream(to: Address, handler: StreamHandler, transport: StreamTransport = 'tcp'): LabConnection {
    return connect(this.#network, transport, this, { address: this.address, port: this.#freeTcpPort() }, to, handler);
  }

  /** @internal */
  add(connection: LabConnection): void {
    this.#connections.add(connection);
  }

  /** @internal */
  remove(connection: LabConnection): void {
    this.#connections.delete(connection);
  }

  /** Cuts every stream of this host off, as a restart does: the others learn of it when they send next. */
  dropStreams(): void {
    for (const connection of [...this.#connections]) connection.vanish();
  }

  /** The host's network for a SIP endpoint. */
  get sip(): SipNetwork {
    return {
      openUdp: async (bind, handler) => {
        this.#mustBeOurs('udp', bind.host, bind.port);
        const socket = this.openUdp('sip', bind.port, (bytes, from) =>
          handler.onDatagram(bytes, from.address, from.port),
        );
        return {
          host: bind.host,
          port: socket.port,
          receiveBuffer: undefined,
          send: (bytes, address, port, onError) => {
            if (!socket.send(bytes, { address, port }))
              queueMicrotask(() => onError(Object.assign(new Error('no such host'), { code: 'EHOSTUNREACH' })));
          },
          close: async () => socket.close(),
        };
      },
      listenStream: async (bind, accept) => {
        this.#mustBeOurs(bind.transport, bind.host, bind.port);
        const server = this.listenStream(bind.port, accept, bind.transport);
        return { host: bind.host, port: server.port, secure: () => {}, close: async () => server.close() };
      },
      connectStream: ({ address, port, transport }, handler) =>
        this.connectStream({ address, port }, handler, transport),
      localAddress: () => this.address,
      localAddresses: () => [this.address],
    };
  }

  /** The host's network for a media plane. */
  get rtp(): UdpIo {
    return {
      bind: async (address, port, receive) => {
        if (!this.#isOurs(address))
          throw new TandemError('ERR_BIND', `cannot bind UDP ${address}: not an address here`);
        const socket = this.openUdp('rtp', port, (bytes, from) => receive(bytes, 0, bytes.length, from));
        return {
          port: socket.port,
          send: (buffer, offset, length, to) => void socket.send(buffer.subarray(offset, offset + length), to),
          close: async () => socket.close(),
        };
      },
      flush() {},
    };
  }

  #isOurs(address: string): boolean {
    return address === this.address || address === '0.0.0.0' || address === '::';
  }

  #mustBeOurs(transport: SipTransportName, host: string, port: number): void {
    if (this.#isOurs(host)) return;
    throw listenError(transport, { host, port }, Object.assign(new Error(host), { code: 'EADDRNOTAVAIL' }));
  }

  #freeTcpPort(): number {
    return this.#freePort(
      (port) => this.#tcp.has(port) || [...this.#connections].some(({ localPort }) => localPort === port),
    );
  }

  #freePort(isTaken: (port: number) => boolean): number {
    for (let tries = firstFreePort; tries <= lastFreePort; tries++) {
      const port = this.#nextPort;
      this.#nextPort = port === lastFreePort ? firstFreePort : port + 1;
      if (!isTaken(port)) return port;
    }
    throw new TandemError('ERR_PORT_IN_USE', `every port of ${this.name} is taken`);
  }
}

function inUse(transport: SipTransportName, host: string, port: number): TandemError {
  return listenError(transport, { host, port }, Object.assign(new Error('in use'), { code: 'EADDRINUSE' }));
}
