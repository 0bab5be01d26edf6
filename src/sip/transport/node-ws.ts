/** WebSocket connections (RFC 6455) with the subprotocol `sip` (RFC 7118). The only file that knows `ws`. */
import { isUtf8 } from 'node:buffer';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { bytesOf } from '../../base/node-websocket.ts';
import { maxBodyBytes } from '../framing.ts';
import { maxHeadBytes } from '../guard.ts';
import { hostPort } from './address.ts';
import type {
  AllowedOrigins,
  SocketName,
  StreamBind,
  StreamConnection,
  StreamHandler,
  StreamServer,
  StreamTarget,
  TlsServerOptions,
} from './network.ts';
import { listenOn } from './node-server.ts';
import { connectTimeoutMs } from './node-socket.ts';
import { clientOptions, refuseStrangers, ServerContexts, serverOptions } from './tls.ts';
import { mayConnect } from './web-origin.ts';

const subprotocol = 'sip';
const maxPayload = maxHeadBytes + maxBodyBytes;
/** A peer that does not answer our close is cut off after, ms. */
const lingerMs = 2_000;
/** Whoever has not asked for a WebSocket by then is cut off, ms. */
const headersTimeout = 10_000;
/** Characters of it in the log. */
const longestOrigin = 200;

/** @throws TandemError ERR_TLS */
export async function listenNodeWs(
  bind: StreamBind,
  accept: (connection: StreamConnection) => StreamHandler,
): Promise<StreamServer> {
  const { server, secure } = httpServer(bind);
  const isSecure = bind.transport === 'wss';
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload,
    perMessageDeflate: false,
    // One message in each turn, however many came at once.
    allowSynchronousEvents: false,
    handleProtocols: () => subprotocol,
    verifyClient: ({ req }, done) => {
      const { origin, host } = req.headers;
      if (!offersSip(req)) done(false, 400, 'Bad Request: the subprotocol sip is needed');
      else if (mayConnect(allowed(bind.origins), origin, host, isSecure)) done(true);
      else {
        bind.onStranger?.((origin ?? '').slice(0, longestOrigin));
        done(false, 403, 'Forbidden');
      }
    },
  });
  const take = (socket: WebSocket, { socket: { remoteAddress, remotePort } }: IncomingMessage): void => {
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.terminate();
      return;
    }
    const connection = new WsConnection(socket, remoteAddress, remotePort);
    connection.attach(accept(connection));
  };
  const guests = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    if (bind.http && !offersSip(request)) {
      guests.add(socket);
      socket.once('close', () => guests.delete(socket));
      bind.http.upgrade(request, socket, head);
    } else sockets.handleUpgrade(request, socket, head, take);
  });
  const { entrance } = bind;
  if (entrance) entrance.take = (request, socket, head) => sockets.handleUpgrade(request, socket, head, take);
  return listenOn(server, bind, {
    secure,
    close: () => {
      if (entrance) entrance.take = undefined;
      sockets.close();
      server.closeAllConnections();
      // The port is free for the next process without waiting for pages.
      for (const socket of guests) socket.destroy();
    },
  });
}

function httpServer(bind: StreamBind): { readonly server: Server; readonly secure: StreamServer['secure'] } {
  const answer: RequestListener = (request, response) => {
    if (bind.http) bind.http.request(request, response);
    else response.writeHead(426).end();
  };
  const { tls } = bind;
  if (bind.transport !== 'wss') return { server: createHttpServer({ headersTimeout }, answer), secure: () => {} };
  const contexts = new ServerContexts(`wss ${hostPort(bind.host, bind.port)}`, tls as TlsServerOptions);
  const server = createHttpsServer({ ...serverOptions(tls as TlsServerOptions, contexts), headersTimeout }, answer);
  server.on('tlsClientError', () => {});
  refuseStrangers(server);
  return {
    server,
    secure: (next) => {
      contexts.use(next);
      server.setSecureContext(serverOptions(next, contexts));
    },
  };
}

function offersSip({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim().toLowerCase() === subprotocol);
}

export function connectNodeWs(
  { transport, address, port, localAddress, tls }: StreamTarget,
  handler: StreamHandler,
): StreamConnection {
  const socket = new WebSocket(`${transport}://${hostPort(address, port)}/`, subprotocol, {
    handshakeTimeout: connectTimeoutMs,
    maxPayload,
    perMessageDeflate: false,
    // One message in each turn, however many came at once.
    allowSynchronousEvents: false,
    ...(transport === 'wss' ? clientOptions(tls ?? { name: address }) : {}),
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const connection = new WsConnection(socket, address, port);
  connection.attach(handler);
  let local: SocketName = { host: '', port: 0 };
  socket.once('upgrade', ({ socket: { localAddress = '', localPort = 0 } }) => {
    local = { host: localAddress, port: localPort };
  });
  socket.once('open', () => {
    connection.opened();
    handler.onOpen(local);
  });
  return connection;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly onError: (error: Error) => void;
}

class WsConnection implements StreamConnection {
  readonly address: string;
  readonly port: number;
  readonly #socket: WebSocket;
  /** Written before the connection was there. */
  #waiting: Waiting[] = [];

  constructor(socket: WebSocket, address: string, port: number) {
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount + this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  attach(handler: StreamHandler): void {
    let failure: Error | undefined;
    this.#socket.on('error', (error) => {
      failure = error;
    });
    this.#socket.on('message', (data) => handler.onData(bytesOf(data)));
    this.#socket.on('close', () => {
      const lost = failure ?? new Error('the connection is closed');
      for (const { onError } of this.#waiting.splice(0)) onError(lost);
      handler.onClose(failure);
    });
  }

  opened(): void {
    for (const { bytes, onError } of this.#waiting.splice(0)) this.#send(bytes, onError);
  }

  write(bytes: Uint8Array, onError: (error: Error) => void): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push({ bytes, onError });
    else this.#send(bytes, onError);
  }

  #send(bytes: Uint8Array, onError: (error: Error) => void): void {
    // Browsers read text more readily; what is no UTF-8 may not be sent as text (RFC 6455 §5.6).
    this.#socket.send(bytes, { binary: !isUtf8(bytes) }, (error) => {
      if (error) onError(error);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#close();
  }

  finish(): void {
    this.#close();
  }

  #close(): void {
    this.#socket.close(1000);
    const timer = setTimeout(() => this.#socket.terminate(), lingerMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

/** Who may come now. */
function allowed(origins: AllowedOrigins | undefined): readonly string[] | undefined {
  return typeof origins === 'function' ? origins() : origins;
}
