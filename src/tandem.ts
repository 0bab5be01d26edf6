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
  checkedRegistrar,
  checkedTransports,
  type TandemOptions,
  type TransferMode,
  type TransportOptions,
} from './options.ts';
import type { BindingChange } from './registrar/location-store.ts';
import { Registrar } from './registrar/registrar.ts';
import type { RegisterOptions, RegisterTransactionOptions } from './registration/options.ts';
import type { RegisterTransaction } from './registration/register-transaction.ts';
import type { Registration, RegistrationReport } from './registration/registration.ts';
import { Registrations } from './registration/registrations.ts';
import { Bridge, type BridgeOptions, prepareLike } from './session/bridge.ts';
import { memoryCallData } from './session/call-data.ts';
import { answerOptions } from './session/capabilities.ts';
import type { Conference, ConferenceOptions } from './session/conference.ts';
import { Conferences } from './session/conferences.ts';
import { DialogClientSession, type InviteOptions, type InviteTarget } from './session/dialog-client-session.ts';
import { DialogMedia, type MediaPlace } from './session/dialog-media.ts';
import { type Arrival, DialogServerSession } from './session/dialog-server-session.ts';
import { DialogSession, type SessionContext } from './session/dialog-session.ts';
import { DialogResponseError } from './session/errors.ts';
import type { TandemEvents } from './session/events.ts';
import { type ForkStrategy, fork, targetsOf } from './session/fork.ts';
import { IncomingMessage, type MessageHandler, type MessageOptions, messageContent } from './session/messages.ts';
import { outcomeOf, unanswered } from './session/outcome.ts';
import { outgoingLeg, shownUri } from './session/outgoing.ts';
import type { ReferHandler } from './session/refer-in.ts';
import { sessionTimerSettings, shortInterval } from './session/session-timer.ts';
import { DialogEvents, eventPackages } from './session/subscriptions.ts';
import { executeTransfer, passTransfer, replacePeer, replaceRefusal } from './session/transfer.ts';
import { type Admission, Authenticator } from './sip/authenticator.ts';
import type { Ban } from './sip/defence/ban-list.ts';
import type { Defence } from './sip/defence/defence.ts';
import {
  type FiredTimer,
  type Flow,
  type InviteServer,
  type ServerRequest,
  SipEndpoint,
  type SipListener,
  type SipStats,
  type SipTransportName,
} from './sip/endpoint.ts';
import type { SipMessage, SipRequest } from './sip/message.ts';
import { type Replaces, replacesIn } from './sip/replaces.ts';
import { isFailure, type TraceMessage } from './sip/trace/trace.ts';
import type { Target as SipTarget } from './sip/transport/flow.ts';
import type { SipNetwork, TlsServerOptions } from './sip/transport/network.ts';
import { createNodeNetwork } from './sip/transport/node.ts';
import { uriUser } from './sip/uri.ts';
import type { Trunk, TrunkReport } from './trunk/trunk.ts';
import { Trunks } from './trunk/trunks.ts';

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
  /** Phones that are registered here. */
  readonly bindings: number;
  readonly background: number;
  readonly sip: SipStats;
  /** The latest hundred. */
  readonly bans: readonly Ban[];
  readonly media: Awaited<ReturnType<Media['counts']>>;
  readonly registrations: readonly RegistrationReport[];
  readonly trunks: readonly TrunkReport[];
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
  /** Where users are; undefined without the option `registrar`. */
  readonly registrar: Registrar | undefined;
  readonly #options: TandemOptions;
  readonly #transports: readonly TransportOptions[];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #resolver: Resolver;
  readonly #logger: Logger;
  readonly #network: SipNetwork;
  readonly #authenticator: Authenticator | undefined;
  readonly #endpoint: SipEndpoint;
  readonly #media: Media;
  readonly #context: SessionContext;
  readonly #registrations: Registrations;
  readonly #trunks: Trunks;
  readonly #conferences: Conferences;
  readonly #sessions = new Set<DialogSession>();
  /** Legs of ours by their Call-ID. */
  readonly #outgoing = new Map<string, DialogClientSession>();
  readonly #background = new Set<Promise<unknown>>();
  #handler: CallHandler | undefined;
  #onMessage: MessageHandler | undefined;
  #dialogEvents: DialogEvents | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #draining = false;

  /** Opens nothing yet. Throws ConfigError for settings that cannot work. */
  constructor(options: TandemOptions = {}) {
    this.#options = options;
    this.#transports = checkedTransports(options.transports);
    checkedRegistrar(options);
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
    const { reliable = 'supported' } = options;
    const sessionTimers = sessionTimerSettings(options.sessionTimers);
    const [clock, random, logger] = [this.#clock, this.#random, this.#logger];
    this.#endpoint = new SipEndpoint({
      listen: this.#transports,
      clock,
      random,
      logger,
      resolver: this.#resolver,
      userAgent: options.userAgent ?? 'Tandem',
      outsideMethods: options.registrar ? ['REGISTER'] : [],
      methods: ['INFO', 'REFER', 'NOTIFY', 'UPDATE', ...(reliable === 'off' ? [] : ['PRACK'])],
      supported: [
        ...(sessionTimers.enabled ? ['timer'] : []),
        ...(reliable === 'off' ? [] : ['100rel']),
        ...(options.replaces === false ? [] : ['replaces']),
      ],
      network: this.#network,
      ...(options.tls ? { tls: options.tls } : {}),
      onMessage: (direction, message, peer) => this.#message(direction, message, peer),
      onTimer: (timer) => this.#timer(timer),
      ...(options.defence === undefined ? {} : { defence: options.defence }),
      ...(options.trace ? { trace: options.trace } : {}),
      trusts: (address) => this.#trunks.trusts(address),
      onBan: ({ address, reason, since, until }) =>
        this.observer.emit('sip:banned', { at: since, address, reason, until }),
    });
    this.#media = new Media(media, {
      clock,
      random,
      logger,
      files: options.files ?? nodeFiles,
      fetch: options.fetch ?? nodeFetch,
      ...(options.udp ? { udp: options.udp } : {}),
    });
    this.#conferences = new Conferences({ media: this.#media, clock, logger, observer: this.observer });
    this.#endpoint.onInvite = (invite) => this.#accept(invite);
    this.#endpoint.onRequest = (request) => this.#serveRequest(request);
    const authenticator = options.auth && new Authenticator(options.auth, clock, random);
    this.#authenticator = authenticator;
    if (options.registrar && authenticator)
      this.registrar = new Registrar(options.registrar, {
        clock,
        random,
        logger,
        admit: (request) => this.#authenticate(authenticator, request.request, request.flow),
        onChange: (change) => this.#registered(change),
      });
    const { dialogEvents } = options;
    if (dialogEvents) {
      this.#dialogEvents = new DialogEvents(dialogEvents === true ? {} : dialogEvents, {
        clock,
        observer: this.observer,
      });
      this.#endpoint.take('SUBSCRIBE');
    }
    const events = dialogEvents ? eventPackages : ['refer'];
    this.#endpoint.onOptions = (request) => answerOptions(request, { codecs, draining: this.#draining, events });
    const transfers = {
      leg: (target: InviteTarget, how: InviteOptions) => this.#leg(target, how),
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
      sessionTimers,
      reliable,
      background: (work) => this.#inBackground(work),
      adopt: (session) => {
        this.#sessions.add(session);
        void session.ended.then(({ by, status = 0 }) =>
          this.#endpoint.trace.ended(
            session.callId,
            by === 'error' || by === 'timeout' || by === 'crash' || isFailure(status),
          ),
        );
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
    this.#registrations = new Registrations({
      endpoint: this.#endpoint,
      clock,
      random,
      logger,
      namesItself: (listener) => this.#optionsOf(listener)?.externalHost !== undefined,
      observer: this.observer,
    });
    this.#trunks = new Trunks(
      {
        endpoint: this.#endpoint,
        clock,
        observer: this.observer,
        registrations: this.#registrations,
        invite: (uri, options) => this.invite(uri, options),
      },
      options.trunks,
    );
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
   * The SIP messages of a call, in order: of one that runs, or that failed not long ago (`TandemOptions.trace`). None
   * when nothing is known of it. `formatTrace` prints them.
   */
  trace(callId: string): readonly TraceMessage[] {
    return this.#endpoint.trace.of(callId);
  }

  /** Who is banned, and the way out. */
  get defence(): Defence {
    return this.#endpoint.defence;
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

  #received(message: IncomingMessage): void {
    const handler = this.#onMessage;
    if (handler) this.#inBackground(message.handle(handler));
    else message.reject(405);
  }

  /**
   * Where a request to this URI would be sent, in the order to try: by NAPTR, SRV and address records (RFC 3263).
   * @throws TandemError ERR_RESOLVE, ERR_URI, ERR_URI_SCHEME, ERR_TRANSPORT
   */
  async resolve(uri: string, transport?: SipTransportName): Promise<readonly SipTarget[]> {
    await this.open();
    const found = await this.#endpoint.resolve(uri, transport);
    if (!found.ok) throw found.error;
    return found.value;
  }

  // ---- registrations

  /**
   * Registers `uri` with a registrar, and keeps it registered until the registration or this Tandem is closed, or
   * `signal` is aborted; the address is taken back then. Calls that come to it are handled as all calls.
   * @param uri `sip:alice@example.com`, with port and transport of the registrar if need be
   * @returns as soon as it is registered
   * @throws RegisterResponseError when the first attempt fails (unless `keepTrying`), TandemError ERR_ARGUMENT, or
   * the signal's reason
   */
  async register(uri: string, options?: RegisterOptions): Promise<Registration> {
    await this.open();
    return this.#registrations.register(uri, options);
  }

  /** Registers by hand: each `register`, `unregister` and `qualify` is yours to call. @throws TandemError ERR_ARGUMENT */
  async registerTransaction(uri: string, options?: RegisterTransactionOptions): Promise<RegisterTransaction> {
    await this.open();
    return this.#registrations.transaction(uri, options);
  }

  /** @throws TandemError ERR_ARGUMENT for a name that is not among `TandemOptions.trunks` */
  trunk(name: string): Trunk {
    return this.#trunks.get(name);
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
   * The open conference of this name, or a new one; it is over when the last call left.
   * @param options of a new one
   * @throws ConfigError
   */
  conference(name: string, options: ConferenceOptions = {}): Conference {
    if (this.#closing) throw new TandemError('ERR_STATE', 'this Tandem is closed');
    return this.#conferences.get(name, options);
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
      bindings: this.registrar?.size ?? 0,
      background: this.#background.size,
      sip: this.#endpoint.stats,
      bans: this.defence.bans().slice(-100),
      media: await this.#media.counts(),
      registrations: this.#registrations.reports,
      trunks: this.#trunks.reports,
      draining: this.#draining,
    };
  }

  async #open(): Promise<void> {
    try {
      await this.#media.open();
      await this.#endpoint.open();
      this.#trunks.start();
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
      await Promise.all([
        this.#hangupAll('server shutting down'),
        this.#trunks.close(),
        this.#registrations.close(),
        this.#dialogEvents && this.#within(farewellMs, this.#dialogEvents.close()),
      ]);
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'closing what did not open');
    } finally {
      this.registrar?.close();
      await this.#endpoint.close();
      await this.#conferences.close();
      await this.#media.close();
      this.#closed.resolve();
    }
  }

  #hangupAll(reason: string): Promise<void> {
    const farewells = [...this.#sessions].map((session) => session.hangup({ reason }).catch(() => {}));
    return this.#within(farewellMs, Promise.all([...farewells, ...this.#background]));
  }

  /** Waits for the work, but no longer. */
  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, sleep(this.#clock, ms, over.signal).catch(() => {})]);
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
    const authenticator = this.#authenticator;
    const trunk = this.#trunks.of(invite.request, invite.flow.address);
    if (trunk || !authenticator || authenticator.isOpen(invite.request)) {
      this.#handOver(invite, undefined, trunk);
      return;
    }
    const admission = this.#authenticate(authenticator, invite.request, invite.flow);
    if (!(admission instanceof Promise)) this.#admit(invite, admission);
    else this.#inBackground(this.#admitLater(invite, admission));
  }

  /** Passwords that are right or wrong count for the defence against whoever sends them. */
  #authenticate(authenticator: Authenticator, request: SipRequest, from: Flow): Admission | Promise<Admission> {
    const admission = authenticator.admit(request);
    const count = (verdict: Admission): Admission => {
      if (verdict.ok) this.defence.succeeded(from);
      else if (verdict.why === 'wrong' || verdict.why === 'unknown-user') this.defence.failed(from);
      return verdict;
    };
    return admission instanceof Promise ? admission.then(count) : count(admission);
  }

  async #admitLater(invite: InviteServer, admission: Promise<Admission>): Promise<void> {
    try {
      this.#admit(invite, await admission);
    } catch (error) {
      invite.reject(500);
      throw error;
    }
  }

  #admit(invite: InviteServer, admission: Admission): void {
    if (invite.cancelled) return;
    if (admission.ok) this.#handOver(invite, admission.user);
    else invite.reject(admission.status, admission);
  }

  /** @param user who calls, if that is known @param trunk the one that the call came through */
  #handOver(invite: InviteServer, user: string | undefined, trunk?: Trunk): void {
    const replaces = this.#options.replaces === false ? ok(undefined) : replacesIn(invite.request);
    if (!replaces.ok) {
      invite.reject(400, { reason: `Bad Request (${replaces.error})` });
      return;
    }
    if (replaces.value) {
      this.#replace(invite, replaces.value, user);
      return;
    }
    const handler = this.#handler;
    if (!handler) {
      invite.reject(480);
      return;
    }
    const tooShort = shortInterval(invite.request, this.#context.sessionTimers);
    if (tooShort) {
      invite.reject(422, { headers: tooShort });
      return;
    }
    const leave = trunk?.admit();
    if (trunk && !leave) {
      invite.reject(486);
      return;
    }
    const call = this.#incoming(invite, { user, trunk: trunk?.name, toUser: trunk?.calleeOf(invite.request) });
    if (leave) void call.ended.then(leave);
    this.#inBackground(this.#handle(handler, call));
  }

  /**
   * An INVITE of ours came back through proxies, for whom the call was before: it would go round until its
   * Max-Forwards is used up. For somebody else it is another call (a spiral, RFC 3261 §6).
   */
  #isLoop({ uri, headers }: SipRequest): boolean {
    const first = this.#outgoing.get(headers.callId)?.madeFor?.inviteRequest;
    return first !== undefined && uriUser(first.uri) === uriUser(uri);
  }

  #incoming(invite: InviteServer, arrival: Arrival): DialogServerSession {
    const { callId } = invite.request.headers;
    const place = async (): Promise<MediaPlace> => this.#place(invite.listener, invite.flow.address);
    return new DialogServerSession(
      this.#context,
      invite,
      this.#dialogMedia(callId, place),
      (target, options, a) => this.#leg(target, { originator: a, call: a, ...options }),
      arrival,
    );
  }

  // ---- transfers

  /** RFC 3891 §3: its caller takes the place of the peer of a call that is here. */
  #replace(invite: InviteServer, replaces: Replaces, user: string | undefined): void {
    const session = this.#named(replaces);
    const unknown = this.#endpoint.knows(replaces) ? 603 : 481;
    const refusal = session ? replaceRefusal(session, replaces.earlyOnly) : unknown;
    if (refusal) invite.reject(refusal);
    else if (session) this.#inBackground(replacePeer(session, this.#incoming(invite, { user, data: session.data })));
  }

  #named(replaces: Replaces): DialogSession | undefined {
    // To look through all calls for every INVITE of a guesser would be too much.
    if (!this.#endpoint.knows(replaces)) return undefined;
    for (const session of this.#sessions) if (session.isNamedBy(replaces)) return session;
    return undefined;
  }

  #serveRequest(request: ServerRequest): void {
    const { method } = request.request;
    if (this.registrar && method === 'REGISTER') this.registrar.handle(request);
    else if (method === 'MESSAGE')
      this.#ifAdmitted(request, () => this.#received(new IncomingMessage(this.#clock, request)));
    else if (method === 'SUBSCRIBE') this.#ifAdmitted(request, () => this.#dialogEvents?.subscribe(request));
    else request.respond(405);
  }

  /** Who may not call here may not send other things, either. */
  #ifAdmitted(request: ServerRequest, serve: () => void): void {
    const authenticator = this.#authenticator;
    if (!authenticator || authenticator.isOpen(request.request)) {
      serve();
      return;
    }
    const settle = (admission: Admission): void => {
      if (admission.ok) serve();
      else request.respond(admission.status, admission);
    };
    const admission = this.#authenticate(authenticator, request.request, request.flow);
    if (!(admission instanceof Promise)) settle(admission);
    else
      this.#inBackground(
        admission.then(settle, (error: unknown) => {
          request.respond(500);
          throw error;
        }),
      );
  }

  #registered({ what, binding }: BindingChange): void {
    const { user, uri, source, userAgent } = binding;
    const { callId } = binding;
    this.observer.emit('registrar:changed', {
      what,
      user,
      uri,
      source,
      userAgent,
      callId,
      at: this.#clock.wallclock(),
    });
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

  async #placeFor(target: InviteTarget, { transport, proxy, route }: InviteOptions): Promise<MediaPlace> {
    const place = typeof target === 'string' ? { uri: target } : target;
    const { through } = place;
    if (through) return this.#place(through.listener, through.address);
    const way = await this.#endpoint.wayTo(proxy ?? route?.[0] ?? place.route?.[0] ?? place.uri, transport);
    if (way) return this.#place(way.listener, way.address);
    const [listener] = this.listeners;
    if (!listener) throw new TandemError('ERR_STATE', 'this Tandem has no listener');
    // The call will fail for want of a way; that is for SIP to say.
    return this.#place(listener, listener.host);
  }

  #place(listener: SipListener, peer: string): MediaPlace {
    const bindAddress = listener.host;
    const external = this.#optionsOf(listener)?.mediaExternalIp;
    const address = external ?? (isWildcard(bindAddress) ? this.#network.localAddress(peer) : bindAddress);
    return { bindAddress, address };
  }

  /** What was said of this listener; a connection without one leaves from the address of another. */
  #optionsOf(listener: SipListener): TransportOptions | undefined {
    const { listeners } = this;
    const index = listeners.indexOf(listener);
    return this.#transports[index < 0 ? listeners.findIndex(({ host }) => host === listener.host) : index];
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
