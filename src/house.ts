/** The composition root: SIP, media and sessions put together, opened and closed as one. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { iceModes, isOpus, Media } from '../media/index.ts';
import { Background } from './base/background.ts';
import { type Clock, sleep, within } from './base/clock.ts';
import { ConfigError, messageOf, TandemError } from './base/errors.ts';
import { Observer } from './base/events.ts';
import type { Fetch } from './base/io.ts';
import { createLogger, type Logger } from './base/log.ts';
import { createNodeRandom, nodeClock, nodeFetch, nodeFiles, nodeResolver } from './base/node.ts';
import { espeakNg } from './base/node-espeak.ts';
import { packageRoot, packageVersion } from './base/node-package.ts';
import { nodeWebSockets } from './base/node-websocket.ts';
import type { Cdr } from './cdr/cdr.ts';
import { CdrBook } from './cdr/cdr-book.ts';
import { cdrSinks } from './cdr/sinks.ts';
import { Admission } from './incoming/admission.ts';
import { IncomingCalls } from './incoming/calls.ts';
import { ProcessLoad } from './incoming/process-load.ts';
import { type RequestTakers, serveRequest } from './incoming/requests.ts';
import {
  checkedCodecs,
  checkedRecovery,
  checkedRegistrar,
  checkedSrtp,
  checkedStore,
  checkedTransports,
  type TandemOptions,
  type TransferMode,
  type TransportOptions,
} from './options.ts';
import { Pbx } from './pbx/pbx.ts';
import { Archive } from './recordings/archive.ts';
import { nodeSend } from './recordings/node-send.ts';
import { NodeVault } from './recordings/node-vault.ts';
import { joinForeignLegs } from './recovery/foreign-legs.ts';
import { openJournal } from './recovery/journal/open.ts';
import { CallKeeper } from './recovery/keeper.ts';
import { endOrphan } from './recovery/orphans.ts';
import type { RecoveryReport } from './recovery/recovery.ts';
import { Registrar } from './registrar/registrar.ts';
import { Registrations } from './registration/registrations.ts';
import { DialogRecord } from './registry/record.ts';
import { DialogRegistry } from './registry/registry.ts';
import { MediaReports } from './report/media-reports.ts';
import { memoryCallData } from './session/call-data.ts';
import { answerOptions, featuresOf } from './session/capabilities.ts';
import { Conferences } from './session/conferences.ts';
import type { TandemEvents } from './session/events.ts';
import { Legs } from './session/legs.ts';
import { MediaPlaces } from './session/media-places.ts';
import { IncomingMessage, type MessageHandler } from './session/messages.ts';
import { outgoingLeg, shownUri } from './session/outgoing.ts';
import { Parking } from './session/parking.ts';
import type { ReferHandler } from './session/refer-in.ts';
import type { SessionContext } from './session/session-context.ts';
import { sessionTimerSettings } from './session/session-timer.ts';
import { Sessions } from './session/sessions.ts';
import { sipEvents } from './session/sip-events.ts';
import { stunServerOf } from './session/stun-server.ts';
import { DialogEvents } from './session/subscriptions.ts';
import { bridgeBySip, bridgeHere, reconnect, type ThirdPartyContext } from './session/third-party.ts';
import { executeTransfer, passTransfer, type TransferContext } from './session/transfer.ts';
import { Authenticator } from './sip/authenticator.ts';
import { SipEndpoint, type SipListener } from './sip/endpoint.ts';
import { authenticate, Entrance } from './sip/entrance.ts';
import { traceSettings } from './sip/trace/options.ts';
import { createNodeNetwork } from './sip/transport/node.ts';
import { Store } from './store/store.ts';
import { CallTracer } from './telemetry/call-tracer.ts';
import { tracedFetch } from './telemetry/traced-fetch.ts';
import type { TrunkContext } from './trunk/trunk.ts';
import { Trunks } from './trunk/trunks.ts';

const transferHandlers: Readonly<Record<TransferMode, ReferHandler>> = {
  refuse: (refer) => refer.reject(),
  execute: (refer) => refer.execute(),
  pass: (refer) => refer.pass(),
};

/** How long `close` waits for the BYEs of running calls to be answered. */
const farewellMs = 2000;
/** ms between two looks at whether calls are still being set up. */
const settlePollMs = 20;

const nothingRecovered: RecoveryReport = { recovered: [], lost: [], over: [] };

/** The parts of one Tandem. */
export class House {
  readonly observer: Observer<TandemEvents>;
  readonly registrar: Registrar | undefined;
  readonly registry: DialogRegistry | undefined;
  readonly store: Store | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly endpoint: SipEndpoint;
  readonly media: Media;
  readonly conferences: Conferences;
  readonly background: Background;
  readonly sessions: Sessions;
  readonly parking: Parking;
  /** Ring groups, queues and the like. */
  readonly pbx: Pbx;
  readonly legs: Legs;
  readonly admission: Admission;
  readonly calls: IncomingCalls;
  readonly registrations: Registrations;
  readonly trunks: Trunks;
  /** Takes instant messages; without it they get 405. */
  onMessage: MessageHandler | undefined;
  /** With the options `cdr`, `store` or `recovery`. */
  readonly cdrs: CdrBook | undefined;
  /** With the option `recovery`. */
  readonly keeper: CallKeeper | undefined;
  /** With the option `recordings`. */
  readonly recordings: Archive | undefined;
  /** Of legs that failed. */
  readonly reports: MediaReports;
  /** With the option `telemetry`. */
  readonly tracer: CallTracer | undefined;
  /** HTTP as the calls do it. */
  readonly fetch: Fetch;
  readonly #dialogEvents: DialogEvents | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();

  /**
   * Opens nothing yet. Throws ConfigError for settings that cannot work.
   * @param invite how trunks call
   */
  constructor(options: TandemOptions, invite: TrunkContext['invite']) {
    const transports = checkedTransports(options.transports);
    checkedRegistrar(options);
    checkedStore(options);
    checkedRecovery(options);
    const { clock = nodeClock, random = createNodeRandom(), logger = createLogger() } = options;
    const { network = createNodeNetwork(), resolver = nodeResolver } = options;
    const { reliable = 'supported', replaces = true, dialogEvents, tls, defence, trace, udp } = options;
    this.clock = clock;
    this.logger = logger;
    const observer = new Observer<TandemEvents>((name, error) =>
      logger.warn({ event: name, error: messageOf(error) }, 'an observer listener failed'),
    );
    this.observer = observer;
    const { fetch = nodeFetch, telemetry } = options;
    this.tracer = telemetry && new CallTracer(telemetry, { clock, observer, logger, version: packageVersion() });
    this.fetch = this.tracer ? tracedFetch(fetch, this.tracer) : fetch;
    const { codecs: names, srtp: mode, ice = 'lite', stunServer: stun, ...media } = options.media ?? {};
    const srtp = checkedSrtp('media.srtp', mode);
    if (!iceModes.includes(ice)) throw new ConfigError(`media.ice is one of ${iceModes.join(', ')}, not ${ice}`);
    const codecs = checkedCodecs(names, media.comfortNoise);
    const sessionTimers = sessionTimerSettings(options.sessionTimers);
    const endpoint = new SipEndpoint({
      listen: transports,
      clock,
      random,
      logger,
      resolver,
      network,
      userAgent: options.userAgent ?? 'Tandem',
      outsideMethods: options.registrar ? ['REGISTER'] : [],
      ...featuresOf({ sessionTimers: sessionTimers.enabled, reliable: reliable !== 'off', replaces }),
      ...sipEvents(observer, clock),
      trusts: (address) => this.trunks.trusts(address),
      flowOf: (contact) => this.registrar?.flowOf(contact),
      ...(tls ? { tls } : {}),
      ...(defence === undefined ? {} : { defence }),
      ...(trace ? { trace } : {}),
    });
    this.endpoint = endpoint;
    this.media = new Media(
      { ...media, opus: codecs.some(isOpus) },
      {
        clock,
        random,
        logger,
        files: options.files ?? nodeFiles,
        fetch: this.fetch,
        tts: options.tts ?? espeakNg(),
        ...(udp ? { udp } : {}),
        ...(options.recovery ? { onSaved: (leg, packed, serial) => this.keeper?.saved(leg, packed, serial) } : {}),
      },
    );
    this.conferences = new Conferences({ media: this.media, clock, logger, observer });
    this.background = new Background(logger);
    const background = (work: Promise<unknown>): void => this.background.run(work);
    this.sessions = new Sessions(endpoint);
    this.parking = new Parking({ clock, observer });
    this.reports = new MediaReports(traceSettings(trace), {
      ...{ clock, observer },
      dataOf: (sessionId) => this.sessions.find(sessionId)?.data,
      keepTrace: (callId) => endpoint.trace.keep(callId),
    });
    const transfers: TransferContext = {
      leg: (target, how) => this.legs.outgoing(target, how),
      shown: (uri) => shownUri(uri, {}, endpoint.listeners),
      find: (replaced) => this.sessions.named(replaced),
    };
    const thirdParty: ThirdPartyContext = {
      media: this.media,
      leg: (target, how) => this.legs.outgoing(target, how),
      background,
    };
    const registry =
      options.registry === false
        ? undefined
        : new DialogRegistry(options.registry ?? {}, {
            clock,
            random,
            logger,
            connect: (leg, to, headers) => reconnect(thirdParty, leg, to, headers),
            bridgeBySip: (from, to, how) => bridgeBySip(thirdParty, from, to, how),
            bridgeHere: (from, to, how) => bridgeHere(thirdParty, from, to, how),
            stepsOf: (id) => this.keeper?.stepsOf(id),
            foreignLegs: (stored, data) => joinForeignLegs(context, stored, data),
          });
    this.registry = registry;
    if (options.store && registry)
      this.store = new Store(options.store, {
        ...{ clock, random, logger, registry, hostName: hostname() },
        onOrphan: (stored, legs = [], id) => {
          endOrphan(endpoint, legs);
          this.cdrs?.orphan(id, stored);
        },
      });
    const context: SessionContext = {
      clock,
      random,
      logger,
      codecs,
      observer,
      endpoint,
      follower: this.tracer,
      stt: options.stt,
      webSockets: options.webSockets ?? nodeWebSockets,
      media: this.media,
      callData: registry ? (callId, fromTag) => registry.callData(callId, fromTag) : memoryCallData(clock, random),
      sessionTimers,
      reliable,
      background,
      adopt: (session) => this.sessions.adopt(session),
      dtmf: options.dtmf ?? 'auto',
      hangupOnRtpTimeout: options.media?.hangupOnRtpTimeout ?? false,
      received: (message) => this.#received(message),
      transfers: {
        onRefer: transferHandlers[options.transfer ?? 'refuse'],
        execute: (session, refer, how) => executeTransfer(transfers, session, refer, how),
        pass: (session, refer, how) => passTransfer(transfers, session, refer, how),
      },
    };
    const said = (listener: SipListener): TransportOptions | undefined =>
      optionsOf(listener, endpoint.listeners, transports);
    const places = new MediaPlaces({
      endpoint,
      externalIp: (listener) => said(listener)?.mediaExternalIp,
      localAddress: (peer) => network.localAddress(peer),
      localAddresses: (like) => network.localAddresses(like),
    });
    this.legs = new Legs(context, places, { srtp, ice, stunServer: stunServerOf(stun, resolver) });
    const { recovery, cdr } = options;
    if (registry && (cdr || options.store || recovery)) {
      const { store } = this;
      const writeCdr = store && ((record: Cdr): Promise<void> => store.writeCdr(record));
      this.cdrs = new CdrBook({
        ...{ clock, logger, registry, observer },
        sinks: cdrSinks(cdr ?? {}, { clock, fetch: this.fetch, writeCdr }),
        journal: () => this.keeper?.journal,
      });
    }
    if (recovery && registry)
      this.keeper = new CallKeeper({
        registry,
        endpoint,
        media: this.media,
        legs: this.legs,
        conferences: this.conferences,
        logger,
        wallclock: () => clock.wallclock(),
        kept: (record) => this.cdrs?.kept(record) ?? new Map(),
        recordOf: (leg) => {
          const { data } = this.sessions.withMedia(leg) ?? {};
          return data instanceof DialogRecord ? data : undefined;
        },
        background,
        open: recovery.open ?? (() => openJournal(recovery, { logger, random })),
      });
    const { recordings } = options;
    if (recordings)
      this.recordings = new Archive(recordings, {
        ...{ clock, random, logger, observer, send: nodeSend },
        vault: new NodeVault(recordings.folder, random),
        recording: () => this.#recordedTo(),
      });
    const authenticator = options.auth && new Authenticator(options.auth, clock, random);
    if (options.registrar && authenticator)
      this.registrar = new Registrar(options.registrar, {
        clock,
        random,
        logger,
        admit: (request) => authenticate(authenticator, endpoint.defence, request),
        onChange: ({ what, binding: { user, uri, source, userAgent, callId } }) => {
          const at = clock.wallclock();
          observer.emit('registrar:changed', { what, user, uri, source, userAgent, callId, at });
        },
      });
    if (dialogEvents) {
      this.#dialogEvents = new DialogEvents(dialogEvents === true ? {} : dialogEvents, { clock, observer });
      endpoint.take('SUBSCRIBE');
    }
    this.pbx = new Pbx({
      ...{ clock, random, logger, observer, endpoint, background },
      files: options.files ?? nodeFiles,
      media: this.media,
      registrar: this.registrar,
      ask: async (target, how, method, content) => {
        const { sip } = outgoingLeg(target, how, endpoint.listeners, []);
        return endpoint.request({ ...sip, ...content, method });
      },
      calls: () => this.sessions.all,
      find: (id) => this.sessions.find(id),
      leg: (target, how) => this.legs.outgoing(target, how),
      prompt: (name) => join(packageRoot, 'prompts', `${name}.wav`),
    });
    this.registrations = new Registrations({
      endpoint,
      clock,
      random,
      logger,
      namesItself: (listener) => said(listener)?.externalHost !== undefined,
      observer,
    });
    const trunks = { endpoint, clock, observer, registrations: this.registrations, invite };
    this.trunks = new Trunks(trunks, options.trunks);
    const entrance = new Entrance(authenticator, endpoint.defence, background);
    this.admission = new Admission(options.admission ?? {}, {
      clock,
      logger,
      calls: () => this.registry?.activeDialogs.all ?? this.sessions.size,
      probe: clock === nodeClock ? () => new ProcessLoad(() => this.media.cpuMs()) : undefined,
    });
    this.calls = new IncomingCalls(
      {
        admission: this.admission,
        endpoint,
        follower: this.tracer,
        logger,
        sessionTimers,
        background,
        entrance,
        legs: this.legs,
        sessions: this.sessions,
        trunks: this.trunks,
      },
      { replaces, passRedirects: options.passRedirects },
    );
    const takers: RequestTakers = {
      entrance,
      registrar: this.registrar,
      dialogEvents: this.#dialogEvents,
      messageWaiting: () => this.pbx.messageWaiting,
      message: (request) => this.#received(new IncomingMessage(clock, request)),
    };
    endpoint.onInvite = (incoming) => this.calls.accept(incoming);
    endpoint.onRequest = (request) => serveRequest(takers, request);
    endpoint.onOptions = (request) =>
      answerOptions(request, { codecs, draining: this.calls.draining, events: this.#eventPackages });
  }

  /** Resolves when all of it is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Opens media and listeners, once. @throws as `Tandem.open` */
  open(): Promise<void> {
    if (this.#closing) return Promise.reject(new TandemError('ERR_STATE', 'this Tandem is closed'));
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Takes no new calls; hangs up those that still run after so many ms, default: waits for them. */
  async drain(timeout?: number): Promise<void> {
    this.calls.draining = true;
    const over = this.sessions.over();
    await (timeout === undefined ? over : within(this.clock, timeout, over));
    await this.#hangupAll();
  }

  /** See `Tandem.handOver`. */
  async handOver(patience: number): Promise<number> {
    const { keeper, registry } = this;
    if (!keeper || !registry) throw new TandemError('ERR_STATE', 'calls can only go on elsewhere with recovery.path');
    const { problem } = keeper.report ?? {};
    if (problem !== undefined)
      throw new TandemError('ERR_STATE', `calls cannot go on elsewhere: the journal cannot be written: ${problem}`);
    const until = this.clock.now() + patience;
    const settling = (): number => {
      const { starting, connecting, answering } = registry.activeDialogs;
      return starting + connecting + answering;
    };
    while (settling() > 0 && this.clock.now() < until) {
      // Callers by UDP try again within a few seconds, and are heard by the next process then.
      if (until - this.clock.now() < patience / 4) this.endpoint.holdInvites();
      await sleep(this.clock, settlePollMs);
    }
    // A database that hangs does not hold up the restart.
    if (this.store) await within(this.clock, farewellMs, this.store.flush());
    await this.recordings?.close();
    const handed = keeper.stepAside();
    await this.cdrs?.close();
    await this.endpoint.suspend();
    await keeper.handOver();
    return handed;
  }

  /** Hangs up what runs and closes every socket, timer and thread. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    try {
      await Promise.all([this.media.open(), this.keeper?.open()]);
      this.endpoint.hold();
      await this.endpoint.open();
      const { recovered, lost, over } = (await this.keeper?.recover()) ?? nothingRecovered;
      for (const { record, found, since } of recovered)
        this.cdrs?.recovered(record, found, { at: since, forMs: Math.max(0, this.clock.wallclock() - since) });
      this.cdrs?.left([...lost.map(({ found }) => found), ...(this.keeper?.damaged ?? [])]);
      this.cdrs?.leftOver(over);
      this.endpoint.release();
      for (const { record, sessions } of recovered) this.calls.resume(sessions, record.steps.last);
      await this.store?.open();
      this.trunks.start();
      this.admission.open();
      this.recordings?.open();
    } catch (error) {
      // Calls that go on do so in a process that can open all it needs.
      this.keeper?.stepAside();
      await this.cdrs?.close();
      await this.recordings?.close();
      await this.store?.close();
      await this.endpoint.close();
      await this.media.close();
      await this.keeper?.close();
      throw error;
    }
  }

  async #close(): Promise<void> {
    this.calls.draining = true;
    this.admission.close();
    try {
      await this.#opening;
      await Promise.all([
        this.#hangupAll(),
        this.trunks.close(),
        this.registrations.close(),
        this.#dialogEvents && within(this.clock, farewellMs, this.#dialogEvents.close()),
        within(this.clock, farewellMs, this.pbx.endSubscriptions()),
      ]);
    } catch (error) {
      this.logger.debug({ error: messageOf(error) }, 'closing what did not open');
    } finally {
      if (this.cdrs) await within(this.clock, farewellMs, this.cdrs.settled());
      await this.cdrs?.close();
      this.pbx.close();
      this.registrar?.close();
      this.registry?.close();
      await this.store?.close();
      await this.endpoint.close();
      await this.conferences.close();
      await this.media.close();
      // What was recorded until now is written to its end.
      await this.recordings?.close();
      await this.keeper?.close();
      this.tracer?.close();
      this.reports.close();
      this.#closed.resolve();
    }
  }

  /** Files that are recorded to now. */
  *#recordedTo(): Generator<string, void, void> {
    for (const { mediaLeg } of this.sessions.all)
      for (const { path } of mediaLeg?.recordings ?? []) if (path !== undefined) yield path;
  }

  async #hangupAll(): Promise<void> {
    const farewells = this.sessions.hangup('server shutting down');
    await within(this.clock, farewellMs, Promise.all([farewells, this.background.settled()]));
  }

  /** What can be subscribed to, by REFER or SUBSCRIBE. */
  get #eventPackages(): readonly string[] {
    const dialog = this.#dialogEvents ? ['dialog'] : [];
    return ['refer', ...dialog, ...(this.pbx.messageWaiting ? ['message-summary'] : [])];
  }

  #received(message: IncomingMessage): void {
    const handler = this.onMessage;
    if (handler) this.background.run(message.handle(handler));
    else message.reject(405);
  }
}

/** What was said of this listener; a connection without one leaves from the address of another. */
function optionsOf(
  listener: SipListener,
  listeners: readonly SipListener[],
  said: readonly TransportOptions[],
): TransportOptions | undefined {
  const index = listeners.indexOf(listener);
  return said[index < 0 ? listeners.findIndex(({ host }) => host === listener.host) : index];
}
