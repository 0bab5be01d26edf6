/** `/events`: the clients that follow the log, by server-sent events or by WebSocket, which takes commands as well. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { Clock, Timer } from '../../base/clock.ts';
import { fail, ok, type Result } from '../../base/errors.ts';
import { type EventFilter, eventFilter, parsePatterns } from '../events/filter.ts';
import { EventFollower, type EventSink, type FollowerEnd } from '../events/follower.ts';
import type { EventLog } from '../events/log.ts';
import { SocketCommands, type SocketCommandsOptions, type SocketPeer } from './socket-commands.ts';

/** What a client asks to hear. */
export interface EventQuery {
  readonly filter: EventFilter;
  readonly since: number | undefined;
}

/** ms for a last message to get through. */
const lingerMs = 2_000;
/** ms after which a page connects again by itself. */
const retryMs = 2_000;
/** RFC 6455 §7.4.1 */
const closeCodes: Readonly<Record<FollowerEnd, number>> = { slow: 1008, closing: 1001 };

/** @param lastEventId that header: what a page adds when it comes back */
export function readEventQuery(query: URLSearchParams, lastEventId: string | undefined): Result<EventQuery> {
  const since = lastEventId ?? query.get('since') ?? undefined;
  if (since !== undefined && !/^\d{1,16}$/.test(since)) return fail('since (or Last-Event-ID) has to be a number');
  const filter = eventFilter(parsePatterns(query.get('events') ?? ''), query.get('callid') ?? undefined);
  return filter.ok ? ok({ filter: filter.value, since: since === undefined ? undefined : Number(since) }) : filter;
}

interface Client {
  readonly follower: EventFollower;
  /** A sign of life. */
  ping(): void;
  /** Cuts it off, after its last message. */
  linger: Timer | undefined;
}

export class EventStreams {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #options: SocketCommandsOptions;
  readonly #clients = new Set<Client>();
  readonly #sockets: WebSocketServer;
  #timer: Timer;

  constructor(log: EventLog, clock: Clock, options: SocketCommandsOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#options = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.bodyBytes,
      perMessageDeflate: false,
    });
    this.#timer = this.#arm();
  }

  get size(): number {
    return this.#clients.size;
  }

  /** No more clients are taken. */
  get full(): boolean {
    return this.#clients.size >= this.#options.limits.followers;
  }

  sse(response: ServerResponse, query: EventQuery): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' });
    response.write(`retry: ${retryMs}\n\n`);
    const client = this.#add(
      query,
      {
        get full() {
          return response.writableNeedDrain;
        },
        send: (seq, json) => void response.write(`id: ${seq}\ndata: ${json}\n\n`),
        end: () => {
          response.end();
          client.linger = this.#linger(() => response.destroy());
        },
      },
      () => void response.write(':\n\n'),
    );
    response.on('drain', () => client.follower.drained());
    response.on('close', () => this.#remove(client));
  }

  webSocket(request: IncomingMessage, socket: Duplex, head: Buffer, query: EventQuery, peer: SocketPeer): void {
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#follow(webSocket, query);
      new SocketCommands(webSocket, peer, this.#options);
    });
  }

  /** All clients are told. Idempotent. */
  close(): void {
    this.#timer.cancel();
    for (const client of this.#clients) client.follower.close();
  }

  #follow(socket: WebSocket, query: EventQuery): void {
    const { unread } = this.#options.limits;
    let alive = true;
    const client = this.#add(
      query,
      {
        get full() {
          return socket.bufferedAmount > unread;
        },
        send: (_, json) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(json, () => client.follower.drained());
        },
        end: (reason) => {
          socket.close(closeCodes[reason], reason);
          client.linger = this.#linger(() => socket.terminate());
        },
      },
      () => {
        if (!alive) socket.terminate();
        alive = false;
        socket.ping();
      },
    );
    socket.on('pong', () => {
      alive = true;
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#remove(client));
  }

  #add({ filter, since }: EventQuery, sink: EventSink, ping: () => void): Client {
    const follower = new EventFollower(this.#log, filter, since, sink, setImmediate);
    const client: Client = { follower, ping, linger: undefined };
    this.#clients.add(client);
    return client;
  }

  #remove(client: Client): void {
    client.follower.leave();
    client.linger?.cancel();
    this.#clients.delete(client);
  }

  #arm(): Timer {
    return this.#clock.setTimer(
      this.#options.limits.pingMs,
      () => {
        this.#timer = this.#arm();
        for (const { follower, ping, linger } of this.#clients) {
          // Behind its last message nothing may be written.
          if (linger) continue;
          ping();
          follower.checkReading();
        }
      },
      'events ping',
    );
  }

  #linger(cut: () => void): Timer {
    return this.#clock.setTimer(lingerMs, cut, 'linger');
  }
}
