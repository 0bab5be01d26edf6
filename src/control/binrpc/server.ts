/** The control server: commands over BINRPC, on any number of sockets. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ConfigError, messageOf, TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { listen, listenOnSocketFile } from '../../base/node-socket-file.ts';
import { isLoopback } from '../loopback.ts';
import type { RpcMethods } from '../rpc/methods.ts';
import {
  type ControlAddress,
  type FileAddress,
  listenerAddress,
  type PortAddress,
  printControlAddress,
} from './address.ts';
import { DatagramResponder } from './datagram.ts';
import { StreamConnection, type StreamLimits } from './stream.ts';
import { openUnixDatagram } from './unix-datagram.ts';

export interface BinrpcServerOptions {
  readonly methods: RpcMethods;
  readonly logger: Logger;
  readonly limits?: Partial<BinrpcLimits>;
}

export interface BinrpcLimits extends StreamLimits {
  /** Connections of each listener; one more is closed at once. */
  readonly connections: number;
  /** Datagrams of each listener that are answered at the same time; one more is dropped. */
  readonly datagrams: number;
}

/** Of socket files: who may open one may do everything. */
const fileMode = 0o600;
const defaults: BinrpcLimits = { idleMs: 120_000, replyMs: 10_000, connections: 64, datagrams: 64 };

/** As `ctl.who` tells it. */
export interface ControlConnection {
  /** The other end, which has no name on a unix socket. */
  readonly remote: { readonly host: string; readonly port: number } | undefined;
  readonly listener: ControlAddress;
}

interface Listener {
  readonly address: ControlAddress;
  close(): Promise<void>;
}

export class BinrpcServer {
  readonly #options: BinrpcServerOptions;
  readonly #limits: BinrpcLimits;
  readonly #listeners: Listener[] = [];
  readonly #connections = new Map<StreamConnection, ControlConnection>();
  #closing: Promise<void> | undefined;

  constructor(options: BinrpcServerOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
  }

  /** Where it listens, with the ports that were found for port 0. */
  get listeners(): readonly ControlAddress[] {
    return this.#listeners.map(({ address }) => address);
  }

  /** Of streams: a datagram leaves nothing open. */
  get connections(): readonly ControlConnection[] {
    return [...this.#connections.values()];
  }

  /**
   * Listens on each, or on none.
   * @param addresses `unixs:path`, `unixd:path`, `tcp:host:port`, `udp:host:port`
   * @throws ConfigError for an address that is none, or can be reached from other machines
   * @throws TandemError ERR_SOCKET_IN_USE, ERR_SOCKET, ERR_PORT_IN_USE
   */
  async open(addresses: readonly string[]): Promise<void> {
    try {
      for (const address of addresses.map(listenerAddress)) {
        const listener = await ('path' in address ? this.#openFile(address) : this.#openPort(address));
        this.#listeners.push(listener);
        if (this.#closing) await listener.close();
      }
    } catch (error) {
      await this.close();
      if (!(error instanceof TandemError) || error instanceof ConfigError) throw error;
      throw new TandemError(error.code, error.message, { facts: { service: 'control' }, cause: error });
    }
  }

  /** Closes every socket, and removes the files. What still runs is told by its signal. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #openFile(address: FileAddress): Promise<Listener> {
    if (address.transport === 'unixd') return this.#openUnixDatagram(address);
    const server = this.#streamServer(address);
    await listenOnSocketFile(server, address.path, fileMode);
    return this.#streamListener(server, address);
  }

  async #openPort({ transport, host, port }: PortAddress): Promise<Listener> {
    // A name could be anybody's in /etc/hosts.
    const bind = { host: host.toLowerCase() === 'localhost' ? '127.0.0.1' : host, port };
    try {
      return await (transport === 'tcp' ? this.#openTcp(bind) : this.#openUdp(bind));
    } catch (error) {
      const at = printControlAddress({ transport, host, port });
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      throw inUse
        ? new TandemError('ERR_PORT_IN_USE', `the control port ${at} is in use`, { cause: error })
        : new TandemError('ERR_SOCKET', `cannot open the control port ${at}: ${messageOf(error)}`, { cause: error });
    }
  }

  async #openTcp(bind: Pick<PortAddress, 'host' | 'port'>): Promise<Listener> {
    const address = { transport: 'tcp' as const, ...bind };
    const server = this.#streamServer(address);
    await listen(server, bind);
    address.port = (server.address() as { port: number }).port;
    return this.#streamListener(server, address);
  }

  async #openUdp({ host, port }: Pick<PortAddress, 'host' | 'port'>): Promise<Listener> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.bind(port, host);
    try {
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      throw error;
    }
    const address = { transport: 'udp' as const, host, port: socket.address().port };
    // What the network says of a peer that is gone is nobody's loss.
    socket.on('error', (error) => this.#options.logger.debug({ error: messageOf(error) }, 'control: a reply is lost'));
    const responder = new DatagramResponder(this.#options, this.#limits.datagrams);
    socket.on('message', (bytes, { address: from, port: fromPort }) => {
      if (!isLoopback(from)) return;
      void responder.take(bytes, `udp:${from}:${fromPort}`, (reply) => socket.send(reply, fromPort, from, () => {}));
    });
    return {
      address,
      close: async () => {
        responder.close();
        socket.close();
        await once(socket, 'close');
      },
    };
  }

  async #openUnixDatagram(address: FileAddress): Promise<Listener> {
    const responder = new DatagramResponder(this.#options, this.#limits.datagrams);
    const port = await openUnixDatagram(address.path, fileMode, (bytes, _from, answer) => {
      void responder.take(bytes, printControlAddress(address), answer);
    });
    return {
      address,
      close: () => {
        responder.close();
        return port.close();
      },
    };
  }

  #streamServer(address: ControlAddress): Server {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket, address));
    server.maxConnections = this.#limits.connections;
    // As of a process that has no file descriptor left. Who opens the server is told of what keeps it from that.
    server.once('listening', () =>
      server.on('error', (error) =>
        this.#options.logger.warn({ error: messageOf(error) }, 'control: a connection is lost'),
      ),
    );
    return server;
  }

  #accept(socket: Socket, listener: ControlAddress): void {
    const { remoteAddress: host, remotePort: port } = socket;
    const remote = host === undefined || port === undefined ? undefined : { host, port };
    const who = printControlAddress(remote ? { transport: 'tcp', ...remote } : listener);
    const connection = new StreamConnection(socket, who, this.#limits, this.#options);
    this.#connections.set(connection, { remote, listener });
    void connection.closed.then(() => this.#connections.delete(connection));
  }

  #streamListener(server: Server, address: ControlAddress): Listener {
    return {
      address,
      close: async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        const ours = [...this.#connections].filter(([, { listener }]) => listener === address);
        await Promise.all(ours.map(([connection]) => connection.close()));
        await closed;
      },
    };
  }
}
