/** The composition root: SIP, media and sessions put together, and the calls that run. */
import { Media } from '../media/index.ts';
import type { Clock } from './base/clock.ts';
import { sleep } from './base/clock.ts';
import { isAbort, messageOf, ok, TandemError } from './base/errors.ts';
import { Observer } from './base/events.ts';
import type { Resolver } from './base/io.ts';
import { createLogger, type Logger } from './base/log.ts';
import { createNodeRandom, nodeClock, nodeFetch, nodeFiles, nodeResolver } from './base/node.ts';
import { type Random, token } from './base/random.ts';
import {
  checkedCodecs,
  checkedTransports,
  type TandemOptions,
  type TransferMode,
  type TransportOptions,
} from './options.ts';
import { Bridge, type BridgeOptions, prepareLike } from './session/bridge.ts';
import { type CallData, memoryCallData } from './session/call-data.ts';
import { answerOptions } from './session/capabilities.ts';
import { DialogClientSession, type InviteOptions, type InviteTarget } from './session/dialog-client-session.ts';
import { DialogMedia, type MediaPlace } from './session/dialog-media.ts';
import { DialogServerSession } from './session/dialog-server-session.ts';
import { DialogSession, type SessionContext } from './session/dialog-session.ts';
import { DialogResponseError } from './session/errors.ts';
import type { TandemEvents } from './session/events.ts';
import { type ForkStrategy, fork, targetsOf } from './session/fork.ts';
import { IncomingMessage, type MessageHandler, type MessageOptions, messageContent } from './session/messages.ts';
import { outcomeOf, unanswered } from './session/outcome.ts';
import { outgoingLeg, shownUri } from './session/outgoing.ts';
import type { ReferHandler } from './session/refer-in.ts';
import { executeTransfer, passTransfer, replacePeer, replaceRefusal } from './session/transfer.ts';
import {
  type FiredTimer,
  type Flow,
  type InviteServer,
  type ServerRequest,
  SipEndpoint,
  type SipListener,
  type SipStats,
} from './sip/endpoint.ts';
import type { SipMessage, SipRequest } from './sip/message.ts';
import { type Replaces, replacesIn } from './sip/replaces.ts';
import type { SipNetwork, TlsServerOptions } from './sip/transport/network.ts';
import { createNodeNetwork } from './sip/transport/node.ts';
import { uriUser } from './sip/uri.ts';

/** Handles one call; when it returns, the call is hung up. */
export type CallHandler = (call: DialogServerSession) => Promise<void> | void;

/** One target or several; several are forked. */
export interface TandemInviteOptions extends InviteOptions {
  /** For several URIs: all at once (default), or one after the other. */
  readonly strategy?: ForkStrategy;
}

/** What is open right now. After the last call all of it is 0 again. */
export interface CheckReport {
  readonly listeners: readonly SipListener[];
  readonly calls: number;
  readonly background: number;
  readonly sip: SipStats;
  readonly media: Awaited<ReturnType<Media['counts']>>;
  readonly draining: boolean;
}

const transferHandlers: Readonly<Record<TransferMode, ReferHandler>> = {
  refuse: (refer) => refer.reject(),
  execute: (refer) => refer.execute(),
  pass: (refer) => refer.pass(),
};

/** How long `close` waits for the BYEs of running calls to be answered. */
const farewellMs = 2000;

export class Tandem {
  readonly observer: Observer<TandemEvents>;
  readonly #options: TandemOptions;
  readonly #transports: readonly TransportOptions[];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #resolver: Resolver;
  readonly #logger: Logger;
  readonly #network: SipNetwork;
  readonly #endpoint: SipEndpoint;
  readonly #media: Media;
  readonly #context: SessionContext;
  readonly #sessions = new Set<DialogSession>();
  /** Legs of ours by their Call-ID. */
  readonly #outgoing = new Map<string, DialogClientSession>();
  readonly #background = new Set<Promise<unknown>>();
  #handler: CallHandler | undefined;
  #onMessage: MessageHandler | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #draining = false;

  /** Opens nothing yet. Throws ConfigError for settings that cannot work. */
  constructor(options: TandemOptions = {}) {
    this.#options = options;
    this.#transports = checkedTransports(options.transports);
    this.#clock = options.clock ?? nodeClock;
    this.#random = options.random ?? createNodeRandom();
    this.#resolver = options.resolver ?? nodeResolver;
    this.#logger = options.logger ?? createLogger();
    this.#network = options.network ?? createNodeNetwork();
    this.observer = new Observer((name, error) =>
      this.#logger.warn({ event: name, error: messageOf(error) }, 'an observer listener failed'),
    );
    const { codecs: names, ...media } = options.media ?? {};
    const codecs = checkedCodecs(names);
    const [clock, random, logger] = [this.#clock, this.#random, this.#logger];
    this.#endpoint = new SipEndpoint({
      listen: this.#transports,
      clock,
      random,
      logger,
      resolver: this.#resolver,
      userAgent: options.userAgent ?? 'Tandem',
      methods: ['INFO', 'REFER', 'NOTIFY'],
      supported: options.replaces === false ? [] : ['replaces'],
      network: this.#network,
      ...(options.tls ? { tls: options.tls } : {}),
      onMessage: (direction, message, peer) => this.#message(direction, message, peer),
      onTimer: (timer) => this.#timer(timer),
    });
    this.#media = new Media(media, {
      clock,
      random,
      logger,
      files: options.files ?? nodeFiles,
      fetch: options.fetch ?? nodeFetch,
      ...(options.udp ? { udp: options.udp } : {}),
    });
    this.#endpoint.onInvite = (invite) => this.#accept(invite);
    this.#endpoint.onRequest = (request) => this.#outside(request);
    this.#endpoint.onOptions = (request) =>
      answerOptions(request, { codecs, draining: this.#draining, events: ['refer'] });
    const transfers = {
      leg: (uri: string, how: InviteOptions) => this.#leg(uri, how),
      shown: (uri: string) => shownUri(uri, {}, this.listeners),
      find: (replaces: Replaces) => this.#named(replaces),
    };
    this.#context = {
      clock,
      random,
      logger,
      codecs,
      observer: this.observer,
      endpoint: this.#endpoint,
      media: this.#media,
      callData: options.callData ?? memoryCallData(clock),
      background: (work) => this.#inBackground(work),
      adopt: (session) => {
        this.#sessions.add(session);
        if (session instanceof DialogClientSession) this.#outgoing.set(session.callId, session);
        return () => {
          this.#sessions.delete(session);
          this.#outgoing.delete(session.callId);
        };
      },
      dtmf: options.dtmf ?? 'auto',
      received: (message) => this.#received(message),
      transfers: {
        onRefer: transferHandlers[options.transfer ?? 'refuse'],
        execute: (session, refer, how) => executeTransfer(transfers, session, refer, how),
        pass: (session, refer, how) => passTransfer(transfers, session, refer, how),
      },
    };
  }

  // ---- incoming calls

  /**
   * Opens the listeners and hands every incoming call to `handler`. Resolves when `signal` is aborted
   * or `close` was called, and everything is closed.
   * @throws TandemError ERR_PORT_IN_USE, ERR_RTP_PORTS_IN_USE.
   */
  async serve(handler: CallHandler, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const close = (): void => void this.close();
    signal?.addEventListener('abort', close, { once: true });
    try {
      await this.serveBackground(handler);
      await this.#closed.promise;
    } finally {
      signal?.removeEventListener('abort', close);
    }
  }

  /** As `serve`, but resolves as soon as it listens. A later handler takes the calls that come later. */
  async serveBackground(handler: CallHandler): Promise<void> {
    this.#handler = handler;
    await this.open();
  }

  /** Opens listeners and media; `serve` and `invite` do it by themselves. */
  open(): Promise<void> {
    if (this.#closing) return Promise.reject(new TandemError('ERR_STATE', 'this Tandem is closed'));
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** The bound listeners, with the ports that `bindPort: 0` got. */
  get listeners(): readonly SipListener[] {
    return this.#endpoint.listeners;
  }

  /**
   * TLS connections to come get this certificate, without a restart; calls and connections go on.
   * @param listener the only one that it is for; default every one with TLS
   * @throws TandemError ERR_TLS for one that cannot be used; the old one stays then
   */
  secure(tls: TlsServerOptions, listener?: SipListener): void {
    this.#endpoint.secure(tls, listener);
  }

  // ---- outgoing calls

  /**
   * Calls and resolves with the answered, ACKed session; with `earlyMedia` as `DialogClientSession.invite`
   * does. Several URIs are forked by `strategy`. Close the session when done.
   * @throws DialogResponseError for a final response that is no answer, TandemError ERR_TIMEOUT, or
   * the signal's reason.
   */
  async invite(
    target: InviteTarget | readonly InviteTarget[],
    options: TandemInviteOptions = {},
  ): Promise<DialogClientSession> {
    await this.open();
    const { strategy = 'parallel', ...rest } = options;
    const targets = targetsOf(target);
    if (targets.length === 0) throw new TandemError('ERR_ARGUMENT', 'invite needs somebody to call');
    if (targets.length > 1 && rest.earlyMedia) throw new TandemError('ERR_ARGUMENT', 'earlyMedia works with one URI');
    const legs: DialogClientSession[] = [];
    let winner: DialogClientSession | undefined;
    try {
      for (const one of targets) {
        const call = rest.call ?? legs[0];
        legs.push(this.#leg(one, call ? { ...rest, call } : rest));
      }
      winner = await fork(legs, strategy, rest);
      return winner;
    } finally {
      for (const leg of legs) if (leg !== winner) this.#inBackground(leg.close());
    }
  }

  /** Makes the session of an outgoing call without calling yet: see `DialogClientSession.invite`. */
  async newDialog(target: InviteTarget, options: InviteOptions = {}): Promise<DialogClientSession> {
    await this.open();
    return this.#leg(target, options);
  }

  /**
   * Calls `target` as the partner of the call that is in `bridge`, and bridges both before the ACK, or with
   * `earlyMedia` at the first audio.
   * @throws as `invite`, and ERR_CODEC_MISMATCH; the new leg is hung up then.
   */
  async inviteBridge(target: InviteTarget, bridge: Bridge, options: InviteOptions = {}): Promise<DialogClientSession> {
    await this.open();
    const [originator] = bridge.sessions;
    const joined = originator ? { originator, call: originator, transcode: bridge.transcodes } : {};
    const leg = this.#leg(target, { ...joined, ...options });
    try {
      await leg.invite(options);
      bridge.add(leg);
      await leg.waitAnswer();
      await leg.ack();
      return leg;
    } catch (error) {
      this.#inBackground(leg.close());
      throw error;
    }
  }

  // ---- messages

  /** Takes instant messages, in calls and outside of any; without it they get 405. */
  get onMessage(): MessageHandler | undefined {
    return this.#onMessage;
  }

  set onMessage(handler: MessageHandler | undefined) {
    this.#onMessage = handler;
    this.#endpoint.take('MESSAGE', handler !== undefined);
  }

  /**
   * Sends an instant message outside of any call (RFC 3428) and resolves when it was taken.
   * @throws DialogResponseError when it was not
   */
  async message(uri: string, text: string | Uint8Array, options: MessageOptions = {}): Promise<void> {
    await this.open();
    const { sip } = outgoingLeg(uri, options, this.listeners, []);
    const content = messageContent(text, options);
    const response = await this.#endpoint.request({ ...sip, ...content, method: 'MESSAGE' });
    if (response.status >= 300) throw new DialogResponseError(response);
  }

  #outside(request: ServerRequest): void {
    if (request.request.method === 'MESSAGE') this.#received(new IncomingMessage(this.#clock, request));
    else request.respond(405);
  }

  #received(message: IncomingMessage): void {
    const handler = this.#onMessage;
    if (handler) this.#inBackground(message.handle(handler));
    else message.reject(405);
  }

  // ---- bridges

  /** An open bridge: `add` two calls to it. */
  bridge(options?: BridgeOptions): Bridge;
  /** Bridges two calls; an incoming one that is not answered yet is answered, in the other's codec. */
  bridge(a: DialogSession, b: DialogSession, options?: BridgeOptions): Promise<Bridge>;
  bridge(
    first?: DialogSession | BridgeOptions,
    second?: DialogSession,
    options?: BridgeOptions,
  ): Bridge | Promise<Bridge> {
    if (first instanceof DialogSession && second) return this.#bridgeTwo(first, second, options);
    return new Bridge(this.#media, first as BridgeOptions | undefined);
  }

  async #bridgeTwo(a: DialogSession, b: DialogSession, options: BridgeOptions | undefined): Promise<Bridge> {
    if (a === b) throw new TandemError('ERR_ARGUMENT', 'a call cannot be bridged with itself');
    const transcode = options?.transcode ?? false;
    await prepareLike(a, b, transcode);
    await prepareLike(b, a, transcode);
    const bridge = new Bridge(this.#media, options);
    try {
      bridge.add(a);
      bridge.add(b);
      for (const call of [a, b]) if (call instanceof DialogServerSession && !call.isAnswered) await call.answer();
      return bridge;
    } catch (error) {
      bridge.close();
      throw error;
    }
  }

  /**
   * Resolves after `ms` of this Tandem's clock, which is not the machine's in a test lab. For scripts that wait.
   * @throws the signal's reason; give it `call.signal` to wait no longer than the call
   */
  sleep(ms: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return sleep(this.#clock, ms, options.signal);
  }

  // ---- the end

  /**
   * Takes no new calls (503 with Retry-After) and resolves when the running ones are over; those
   * that still run after `timeout` milliseconds are hung up.
   */
  async drain(options: { readonly timeout?: number } = {}): Promise<void> {
    this.#draining = true;
    const over = new AbortController();
    const calls = Promise.all([...this.#sessions].map((session) => session.ended)).then(() => over.abort());
    if (options.timeout !== undefined) {
      const timeUp = sleep(this.#clock, options.timeout, over.signal).catch(() => {});
      await Promise.race([calls, timeUp]);
    } else {
      await calls;
    }
    over.abort();
    await this.#hangupAll('server shutting down');
  }

  /** Hangs up what runs and closes every socket, timer and thread. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch((error: unknown) => this.#logger.error({ error: messageOf(error) }, 'close failed'));
  }

  /** What is open right now, for `tandem check` and for tests that look for leaks. */
  async check(): Promise<CheckReport> {
    return {
      listeners: this.listeners,
      calls: this.#sessions.size,
      background: this.#background.size,
      sip: this.#endpoint.stats,
      media: await this.#media.counts(),
      draining: this.#draining,
    };
  }

  async #open(): Promise<void> {
    try {
      await this.#media.open();
      await this.#endpoint.open();
    } catch (error) {
      await this.#endpoint.close();
      await this.#media.close();
      throw error;
    }
  }

  async #close(): Promise<void> {
    this.#draining = true;
    try {
      await this.#opening;
      await this.#hangupAll('server shutting down');
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'closing what did not open');
    } finally {
      await this.#endpoint.close();
      await this.#media.close();
      this.#closed.resolve();
    }
  }

  async #hangupAll(reason: string): Promise<void> {
    const over = new AbortController();
    const farewells = [...this.#sessions].map((session) => session.hangup({ reason }).catch(() => {}));
    const timeUp = sleep(this.#clock, farewellMs, over.signal).catch(() => {});
    await Promise.race([Promise.all([...farewells, ...this.#background]), timeUp]);
    over.abort();
  }

  // ---- one incoming call

  #accept(invite: InviteServer): void {
    if (this.#draining) {
      invite.reject(503, { headers: [['Retry-After', '30']] });
      return;
    }
    if (this.#isLoop(invite.request)) {
      invite.reject(482);
      return;
    }
    const replaces = this.#options.replaces === false ? ok(undefined) : replacesIn(invite.request);
    if (!replaces.ok) {
      invite.reject(400, { reason: `Bad Request (${replaces.error})` });
      return;
    }
    if (replaces.value) {
      this.#replace(invite, replaces.value);
      return;
    }
    const handler = this.#handler;
    if (!handler) {
      invite.reject(480);
      return;
    }
    this.#inBackground(this.#handle(handler, this.#incoming(invite)));
  }

  /**
   * An INVITE of ours came back through proxies, for whom the call was before: it would go round until its
   * Max-Forwards is used up. For somebody else it is another call (a spiral, RFC 3261 §6).
   */
  #isLoop({ uri, headers }: SipRequest): boolean {
    const first = this.#outgoing.get(headers.callId)?.madeFor?.inviteRequest;
    return first !== undefined && uriUser(first.uri) === uriUser(uri);
  }

  #incoming(invite: InviteServer, data?: CallData): DialogServerSession {
    const { callId } = invite.request.headers;
    const place = async (): Promise<MediaPlace> => this.#place(invite.listener, invite.flow.address);
    return new DialogServerSession(
      this.#context,
      invite,
      this.#dialogMedia(callId, place),
      (target, options, a) => this.#leg(target, { originator: a, call: a, ...options }),
      data,
    );
  }

  // ---- transfers

  /** RFC 3891 §3: its caller takes the place of the peer of a call that is here. */
  #replace(invite: InviteServer, replaces: Replaces): void {
    const session = this.#named(replaces);
    const unknown = this.#endpoint.knows(replaces) ? 603 : 481;
    const refusal = session ? replaceRefusal(session, replaces.earlyOnly) : unknown;
    if (refusal) invite.reject(refusal);
    else if (session) this.#inBackground(replacePeer(session, this.#incoming(invite, session.data)));
  }

  #named(replaces: Replaces): DialogSession | undefined {
    // To look through all calls for every INVITE of a guesser would be too much.
    if (!this.#endpoint.knows(replaces)) return undefined;
    for (const session of this.#sessions) if (session.isNamedBy(replaces)) return session;
    return undefined;
  }

  /** Runs the handler; its scope is the call's lifetime. */
  async #handle(handler: CallHandler, call: DialogServerSession): Promise<void> {
    const log = this.#logger.child({ callId: call.callId });
    try {
      await handler(call);
      if (call.state !== 'ended' && !call.isAnswered) await call.reject(unanswered.status);
    } catch (error) {
      if (isAbort(error, call.signal) || (call.signal.aborted && isMediaClosed(error))) return;
      log.warn({ error: messageOf(error), err: error }, 'the call handler threw');
      if (call.state === 'ended' || call.isAnswered) return;
      const { status, reason, headers } = outcomeOf(error, this.#options.passRedirects);
      await call.reject(status, reason, { headers });
    } finally {
      await Promise.all([call.closeLegs(), call.close()]);
    }
  }

  // ---- one outgoing leg

  #leg(target: InviteTarget, options: InviteOptions): DialogClientSession {
    const prepare = (more: InviteOptions) =>
      outgoingLeg(target, { ...options, ...more }, this.listeners, this.#context.codecs);
    const callId = token(this.#random, 16);
    const data = options.call?.data ?? this.#context.callData();
    const place = (): Promise<MediaPlace> => this.#placeFor(target, options);
    return new DialogClientSession(this.#context, data, callId, prepare, this.#dialogMedia(callId, place));
  }

  #dialogMedia(callId: string, place: () => Promise<MediaPlace>): DialogMedia {
    return new DialogMedia({ callId, place, media: this.#media, random: this.#random, codecs: this.#context.codecs });
  }

  async #placeFor(target: InviteTarget, { transport, proxy }: InviteOptions): Promise<MediaPlace> {
    const place = typeof target === 'string' ? { uri: target } : target;
    const { through } = place;
    if (through) return this.#place(through.listener, through.address);
    const way = await this.#endpoint.wayTo(proxy ?? place.route?.[0] ?? place.uri, transport);
    if (way) return this.#place(way.listener, way.address);
    const [listener] = this.listeners;
    if (!listener) throw new TandemError('ERR_STATE', 'this Tandem has no listener');
    // The call will fail for want of a way; that is for SIP to say.
    return this.#place(listener, listener.host);
  }

  #place(listener: SipListener, peer: string): MediaPlace {
    const bindAddress = listener.host;
    const external = (this.#transports[this.listeners.indexOf(listener)] ?? this.#sibling(listener))?.mediaExternalIp;
    const address = external ?? (isWildcard(bindAddress) ? this.#network.localAddress(peer) : bindAddress);
    return { bindAddress, address };
  }

  /** What was said of the listener whose address a connection without a listener of its own leaves from. */
  #sibling({ host }: SipListener): TransportOptions | undefined {
    return this.#transports[this.listeners.findIndex((one) => one.host === host)];
  }

  #message(direction: 'in' | 'out', message: SipMessage, { transport, address, port }: Flow): void {
    const name = message.kind === 'request' ? 'sip:request' : 'sip:response';
    if (!this.observer.has(name)) return;
    const { callId, cseq } = message.headers;
    const peer = `${transport}:${address}:${port}`;
    const status = message.kind === 'response' ? { status: message.status, reason: message.reason } : {};
    this.observer.emit(name, { callId, at: this.#clock.wallclock(), direction, peer, method: cseq.method, ...status });
  }

  #timer(timer: FiredTimer): void {
    if (this.observer.has('sip:timer')) this.observer.emit('sip:timer', { ...timer, at: this.#clock.wallclock() });
  }

  #inBackground(work: Promise<unknown>): void {
    const done = work
      .catch((error: unknown) => this.#logger.error({ error: messageOf(error) }, 'work behind a call failed'))
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }
}

/** What writing audio to a call that just ended gives. */
function isMediaClosed(error: unknown): boolean {
  return error instanceof TandemError && error.code === 'ERR_MEDIA_CLOSED';
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
