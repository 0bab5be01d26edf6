/** The HTTP server: who comes in, what there is, and how much of it at once. The only file that knows fastify. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { type Clock, within } from '../../base/clock.ts';
import { ConfigError, fail, messageOf, ok, type Result, TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { WebSocketEntrance } from '../../sip/transport/network.ts';
import type { EventLog } from '../events/log.ts';
import { answerJsonRpc, type JsonRpcAnswer } from '../jsonrpc/json-rpc.ts';
import { isLoopback } from '../loopback.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { RpcMethods } from '../rpc/methods.ts';
import { Access, type Admission, type Admitted, type Visitor } from './access.ts';
import { type HttpAddress, parseHttpAddress } from './address.ts';
import type { HttpDoor } from './door.ts';
import { EventStreams, readEventQuery } from './event-streams.ts';
import type { HttpLimits } from './limits.ts';
import { loginRoutes } from './login-routes.ts';
import type { HttpUser } from './passwords.ts';
import { writePieces } from './pieces.ts';
import type { Site, SiteReply, SiteRoute } from './site.ts';
import type { SocketPeer } from './socket-commands.ts';
import type { HttpSubject, TandemReport } from './subject.ts';
import { mayChange, nameOf, queryOf, remoteOf, visitorOf } from './visitor.ts';

declare module 'fastify' {
  interface FastifyRequest {
    visitor: Visitor;
    admission: Admission;
  }
}

export interface ServerOptions {
  readonly listen: string;
  readonly token: string | undefined;
  readonly viewToken: string | undefined;
  readonly users: Readonly<Record<string, HttpUser>>;
  /** Needed by who comes from elsewhere, where there is no `token` and no user. */
  readonly strangersToken: string | undefined;
  readonly doors: readonly HttpDoor[];
  /** Takes SIP that comes by WebSocket at `/ws`. */
  readonly sip: Pick<WebSocketEntrance, 'take'> | undefined;
  readonly site: Site | undefined;
  readonly version: string;
  readonly random: Random;
  readonly log: EventLog;
  readonly metrics: Metrics;
  readonly limits: HttpLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** ms that a Tandem may take to tell how it is. */
const checkMs = 2_000;
const keepAliveMs = 10_000;
/** Ways that need no token: an orchestrator has none. */
const probes: readonly string[] = ['/healthz', '/readyz'];

export class HttpServer {
  readonly #subject: HttpSubject;
  readonly #methods: RpcMethods;
  readonly #options: ServerOptions;
  readonly #access: Access;
  readonly #events: EventStreams;
  readonly #app: FastifyInstance;
  readonly #routes: readonly SiteRoute[];
  readonly #isLocal: boolean;
  readonly #cameBy = new WeakMap<IncomingMessage, HttpDoor>();
  #running = 0;
  #checking: Promise<TandemReport | undefined> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws ConfigError where everybody would get in */
  constructor(subject: HttpSubject, options: ServerOptions) {
    const { listen, token, viewToken, users, strangersToken, limits, clock, random, logger, log, site } = options;
    const { host } = parseHttpAddress(listen);
    for (const one of [token, viewToken])
      if (one !== undefined && !/^[!-~]+$/.test(one))
        throw new ConfigError('http.token and http.viewToken are letters, digits and signs, without a space');
    if (viewToken !== undefined && (token === undefined || token === viewToken))
      throw new ConfigError('http.viewToken needs an http.token beside it, and another one');
    this.#isLocal = isLoopback(host);
    const isGuarded = token !== undefined || strangersToken !== undefined || Object.keys(users).length > 0;
    if (!isGuarded && !(this.#isLocal && options.doors.every(({ local }) => local)))
      throw new ConfigError(
        `HTTP on ${this.#isLocal ? 'TLS' : listen} can be reached from elsewhere: set http.token (TANDEM_HTTP_TOKEN, or TANDEM_HTTP_TOKEN_FILE) or http.users, or listen on 127.0.0.1`,
      );
    this.#subject = subject;
    this.#methods = subject.methods ?? new RpcMethods(logger);
    this.#options = options;
    this.#access = new Access(clock, random, { token, viewToken, strangersToken, users });
    const server = { name: 'Tandem', version: options.version };
    this.#routes = [...loginRoutes({ access: this.#access, server, logger }), ...(site?.routes ?? [])];
    this.#events = new EventStreams(log, clock, { methods: this.#methods, limits, logger });
    this.#app = this.#build();
  }

  /** @throws TandemError ERR_PORT_IN_USE, ERR_LISTEN */
  async open(): Promise<void> {
    const { host, port } = parseHttpAddress(this.#options.listen);
    try {
      await this.#app.listen({ host, port });
      for (const door of this.#options.doors)
        door.taker = {
          request: (request, response) => {
            this.#cameBy.set(request, door);
            this.#app.routing(request, response);
          },
          upgrade: (request, socket, head) => this.#upgrade(request, socket, head, door.local),
        };
    } catch (error) {
      await this.close();
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const what = inUse ? 'is in use' : `cannot be opened: ${messageOf(error)}`;
      throw new TandemError(inUse ? 'ERR_PORT_IN_USE' : 'ERR_LISTEN', `${this.#options.listen} for HTTP ${what}`, {
        cause: error,
        facts: { service: 'http', host, port },
      });
    }
  }

  /** Where it listens, with the port that 0 got. */
  get address(): HttpAddress {
    const { address, port } = this.#app.server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const door of this.#options.doors) door.taker = undefined;
    this.#events.close();
    this.#options.site?.close();
    await this.#app.close();
  }

  #build(): FastifyInstance {
    const { limits } = this.#options;
    const app = fastify({
      bodyLimit: limits.bodyBytes,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: keepAliveMs,
      forceCloseConnections: true,
      http: { headersTimeout: limits.requestMs, connectionsCheckingInterval: Math.ceil(limits.requestMs / 4) },
    });
    app.server.maxConnections = limits.connections;
    app.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head, this.#isLocal));
    // Whatever it says it is: Kamailio does not look at the type, either.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    app.decorateRequest('visitor');
    app.decorateRequest('admission');
    const openWays = new Set([...probes, ...this.#routes.filter((one) => one.open).map(({ path }) => path)]);
    app.addHook('onRequest', async (request, reply) => {
      reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      const visitor = visitorOf(request.raw, this.#isLocalRequest(request.raw));
      const admission = this.#access.admit(visitor);
      request.visitor = visitor;
      request.admission = admission;
      // Which way it is, the router knows best.
      if (openWays.has(request.routeOptions.url ?? '')) return;
      if (!('role' in admission)) await refuse(reply, admission);
    });
    app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'there is nothing here' }));
    app.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => {
      const { statusCode = 500, message } = error;
      if (statusCode >= 500) this.#options.logger.error({ err: error }, 'an HTTP request broke');
      return reply.code(statusCode).send({ error: statusCode >= 500 ? 'internal error' : message });
    });
    app.get('/healthz', () => ({ alive: true }));
    app.get('/readyz', (_request, reply) => this.#ready(reply));
    app.get('/metrics', (_request, reply) => this.#metrics(reply));
    app.post('/RPC', (request, reply) => this.#limited(reply, () => this.#rpc(request, reply)));
    app.get('/schema.json', () => this.#schema());
    app.get('/events', (request, reply) => this.#follow(request, reply));
    for (const route of this.#routes)
      app.route({
        method: route.method,
        url: route.path,
        handler: (request, reply) => this.#limited(reply, () => answerRoute(route, request, reply)),
      });
    return app;
  }

  #isLocalRequest(request: IncomingMessage): boolean {
    return this.#cameBy.get(request)?.local ?? this.#isLocal;
  }

  async #ready(reply: FastifyReply): Promise<unknown> {
    const report = await this.#check();
    const reasons = report
      ? [...(report.draining ? ['draining'] : []), ...(report.listeners.length === 0 ? ['not open'] : [])]
      : ['media does not answer'];
    const store = report?.store;
    // Calls go on without it: another server would not do better, unless rows are what this one is for.
    const lost = store && store.state !== 'ready' ? [`the database is ${store.state}`] : [];
    if (store?.required) reasons.push(...lost);
    const unkept = report?.recovery?.problem === undefined ? [] : ['the journal cannot be written'];
    const warnings = [...(store?.required ? [] : lost), ...unkept];
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .send({ ready: reasons.length === 0, reasons, ...(warnings.length > 0 && { warnings }) });
  }

  /** One at a time, for however many ask: anybody may. */
  #check(): Promise<TandemReport | undefined> {
    this.#checking ??= within(this.#options.clock, checkMs, this.#subject.tandem.check())
      .catch(() => undefined)
      .finally(() => {
        this.#checking = undefined;
      });
    return this.#checking;
  }

  async #schema(): Promise<object> {
    // Few ask, and what makes it takes its time to load.
    const { rpcJsonSchema } = await import('../schema.ts');
    const methods = this.#methods.names.map((name) => this.#methods.get(name));
    return rpcJsonSchema(methods.filter((method) => method !== undefined));
  }

  async #metrics(reply: FastifyReply): Promise<unknown> {
    const { metrics } = this.#options;
    return reply.type(metrics.contentType).send(await metrics.text(await this.#check()));
  }

  async #limited(reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
    if (this.#running >= this.#options.limits.requests)
      return reply.code(503).header('retry-after', '1').send({ error: 'too many requests at once' });
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
    }
  }

  async #rpc(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { clock, limits, logger } = this.#options;
    const gone = Promise.withResolvers<undefined>();
    const caller = new AbortController();
    reply.raw.once('close', () => {
      caller.abort();
      gone.resolve(undefined);
    });
    const who = `http:${nameOf(request.admission)}${remoteOf(request.raw)}`;
    const answering = answerJsonRpc(
      this.#methods,
      (request.body as string | undefined) ?? '',
      { who, signal: caller.signal },
      mayChange(request.admission),
    );
    const answer = await Promise.race([answering, gone.promise]);
    reply.hijack();
    if (!answer) {
      leaveUnread(answering, logger);
      return;
    }
    const { raw } = reply;
    begin(reply, answer);
    if (!answer.body) {
      raw.end();
      return;
    }
    try {
      await writePieces(raw, answer.body, clock, limits.stallMs);
    } catch (error) {
      // What was sent can only be taken back by an end that is none.
      logger.warn({ who, error: messageOf(error) }, 'an answer was cut off');
      raw.destroy();
    }
  }

  #follow(request: FastifyRequest, reply: FastifyReply): unknown {
    const query = readEventQuery(queryOf(request.raw), request.headers['last-event-id'] as string | undefined);
    if (!query.ok) return reply.code(400).send({ error: query.error });
    if (this.#events.full)
      return reply.code(503).header('retry-after', '5').send({ error: 'too many clients follow the events' });
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    this.#events.sse(reply.raw, query.value);
    return undefined;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, local: boolean): void {
    socket.on('error', () => socket.destroy());
    const asked = this.#readUpgrade(request, local);
    if (asked.ok) asked.value(request, socket, head);
    else socket.end(`HTTP/1.1 ${asked.error}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  /** @returns who takes it; the rest of a status line for who may not, or not now */
  #readUpgrade(request: IncomingMessage, local: boolean): Result<HttpDoor['upgrade']> {
    const [path = ''] = (request.url ?? '').split('?');
    const { sip } = this.#options;
    // Who it is, and which pages may, is SIP's to ask.
    if (path === '/ws' && sip?.take) return ok(sip.take);
    const admission = this.#access.admit(visitorOf(request, local, true));
    if (!('role' in admission)) return fail(`${admission.status} ${admission.error}`);
    const way = this.#options.site?.sockets.find((one) => one.path === path);
    if (!way && path !== '/events') return fail('404 Not Found');
    if ((way ?? this.#events).full || this.#closing) return fail('503 Service Unavailable');
    if (way) return ok((...upgrade) => way.take(...upgrade, admission));
    const query = readEventQuery(queryOf(request), undefined);
    if (!query.ok) return fail(`400 ${printable(query.error)}`);
    const peer: SocketPeer = {
      who: `ws:${nameOf(admission)}${remoteOf(request)}`,
      mayChange: admission.role === 'control',
    };
    return ok((...upgrade) => this.#events.webSocket(...upgrade, query.value, peer));
  }
}

async function answerRoute(route: SiteRoute, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { raw, visitor, admission } = request;
  const [path = ''] = raw.url?.split('?') ?? [];
  const { status, headers, body }: SiteReply = await route.answer({
    ...{ path, query: queryOf(raw), headers: raw.headers, visitor, admission },
    body: (request.body as string | undefined) ?? '',
    secure: visitor.secure,
  });
  return reply
    .code(status ?? 200)
    .headers(headers ?? {})
    .send(body);
}

async function refuse(reply: FastifyReply, { status, error }: Exclude<Admission, Admitted>): Promise<void> {
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 429) reply.header('retry-after', '5');
  // What comes after a refusal is not read.
  await reply.header('connection', 'close').code(status).send({ error });
}

/** Headers and status line; the text of a fault is the reason phrase, as Kamailio has it. */
function begin(reply: FastifyReply, { status, reason, body }: JsonRpcAnswer): void {
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.statusCode = status;
  if (reason !== undefined) raw.statusMessage = printable(reason);
  if (body) raw.setHeader('content-type', 'application/json');
}

/** As a reason phrase may be. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

/** The client did not wait. A list that was opened for it is closed by who begins to read and leaves. */
function leaveUnread(answering: Promise<JsonRpcAnswer>, logger: Logger): void {
  const leave = async (): Promise<void> => {
    const { body } = await answering;
    if (body) for await (const _ of body) break;
  };
  leave().catch((error: unknown) => logger.warn({ error: messageOf(error) }, 'a command ended without its client'));
}
