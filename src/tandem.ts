import { sleep } from './base/clock.ts';
import { messageOf, TandemError } from './base/errors.ts';
import type { Observer } from './base/events.ts';
import type { Fetch } from './base/io.ts';
import type { Cdr } from './cdr/cdr.ts';
import { type CheckReport, checkReport } from './check-report.ts';
import { House } from './house.ts';
import type { CallHandler } from './incoming/calls.ts';
import type { ResumeHandler } from './incoming/resume.ts';
import type { TandemOptions } from './options.ts';
import type { ParkingLot, ParkingLotOptions } from './pbx/parking-lot.ts';
import type { Queue } from './pbx/queue.ts';
import type { QueueOptions } from './pbx/queue-options.ts';
import type { RingGroup, RingGroupOptions } from './pbx/ring-group.ts';
import type { Mailbox } from './pbx/voicemail/mailbox.ts';
import type { VoicemailOptions } from './pbx/voicemail/options.ts';
import type { Registrar } from './registrar/registrar.ts';
import type { RegisterOptions, RegisterTransactionOptions } from './registration/options.ts';
import type { RegisterTransaction } from './registration/register-transaction.ts';
import type { Registration } from './registration/registration.ts';
import type { DialogRegistry } from './registry/registry.ts';
import type { MediaReport } from './report/media-reports.ts';
import { Bridge, type BridgeOptions, bridgeTwo } from './session/bridge.ts';
import type { Conference, ConferenceOptions } from './session/conference.ts';
import type { DialogClientSession, InviteOptions, InviteTarget } from './session/dialog-client-session.ts';
import { DialogSession } from './session/dialog-session.ts';
import { DialogResponseError } from './session/errors.ts';
import type { TandemEvents } from './session/events.ts';
import { callOneOf, type ForkStrategy, targetsOf } from './session/fork.ts';
import { type MessageHandler, type MessageOptions, messageContent } from './session/messages.ts';
import { outgoingLeg } from './session/outgoing.ts';
import type { Parking, ParkOptions, ParkResult } from './session/parking.ts';
import type { Counters } from './sip/counters.ts';
import type { Defence } from './sip/defence/defence.ts';
import type { SipListener, SipTransportName } from './sip/endpoint.ts';
import type { TraceMessage } from './sip/trace/trace.ts';
import type { Target as SipTarget } from './sip/transport/flow.ts';
import type { TlsServerOptions } from './sip/transport/network.ts';
import type { Store } from './store/store.ts';
import type { TrunkOptions } from './trunk/options.ts';
import type { Trunk } from './trunk/trunk.ts';

/** One target or several; several are forked. */
export interface TandemInviteOptions extends InviteOptions {
  /** For several URIs: all at once (default), or one after the other. */
  readonly strategy?: ForkStrategy;
}

export class Tandem {
  readonly observer: Observer<TandemEvents>;
  /** Where users are; undefined without the option `registrar`. */
  readonly registrar: Registrar | undefined;
  readonly #house: House;

  /** Opens nothing yet. Throws ConfigError for settings that cannot work. */
  constructor(options: TandemOptions = {}) {
    this.#house = new House(options, (uri, how) => this.invite(uri, how));
    this.observer = this.#house.observer;
    this.registrar = this.#house.registrar;
  }

  // ---- incoming calls

  /**
   * Opens the listeners and hands every incoming call to `handler`. Resolves when `signal` is aborted
   * or `close` was called, and everything is closed.
   * @param options.resume goes on with each call of an earlier process (`recovery`); default: those who talk to each other
   * go on, and who was alone is hung up
   * @throws TandemError ERR_PORT_IN_USE, ERR_RTP_PORTS_IN_USE, ERR_JOURNAL_IN_USE.
   */
  async serve(
    handler: CallHandler,
    options: { readonly signal?: AbortSignal; readonly resume?: ResumeHandler } = {},
  ): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const close = (): void => void this.close();
    signal?.addEventListener('abort', close, { once: true });
    try {
      await this.serveBackground(handler, options);
      await this.#house.closed;
    } finally {
      signal?.removeEventListener('abort', close);
    }
  }

  /** As `serve`, but resolves as soon as it listens. A later handler takes the calls that come later. */
  async serveBackground(handler: CallHandler, options: { readonly resume?: ResumeHandler } = {}): Promise<void> {
    this.#house.calls.handler = handler;
    if (options.resume) this.#house.calls.resumeHandler = options.resume;
    await this.open();
  }

  /**
   * Starts the media threads, which is what takes longest of `open`, and claims nothing yet: for a program that has other
   * things to do before it takes calls.
   */
  prepare(): Promise<void> {
    this.#house.endpoint.prepare();
    return this.#house.media.prepare();
  }

  /** Opens listeners and media; `serve` and `invite` do it by themselves. */
  open(): Promise<void> {
    return this.#house.open();
  }

  /** The calls that run, as Kamailio's dialog module keeps them. @throws TandemError ERR_STATE with `registry: false` */
  get registry(): DialogRegistry {
    const { registry } = this.#house;
    if (!registry) throw new TandemError('ERR_STATE', 'this Tandem keeps no registry (registry: false)');
    return registry;
  }

  /** The database of the calls; undefined without the option `store`. */
  get store(): Store | undefined {
    return this.#house.store;
  }

  /** The bound listeners, with the ports that `bindPort: 0` got. */
  get listeners(): readonly SipListener[] {
    return this.#house.endpoint.listeners;
  }

  /**
   * The SIP messages of a call, in order: of one that runs, or that failed not long ago (`TandemOptions.trace`). None
   * when nothing is known of it. `formatTrace` prints them.
   */
  trace(callId: string): readonly TraceMessage[] {
    return this.#house.endpoint.trace.of(callId);
  }

  /**
   * What is known of the audio of the legs with this Call-ID: of those that run, and of those that failed, or whose audio
   * did, not long ago (`TandemOptions.trace`). `formatMediaReport` prints it.
   */
  mediaReport(callId: string): readonly MediaReport[] {
    return this.#house.reports.of(callId);
  }

  /** @internal HTTP that is seen in the traces of calls. */
  get fetch(): Fetch {
    return this.#house.fetch;
  }

  /** Keeps the SIP messages of a call that runs for a while after its end, however it ends. */
  keepTrace(callId: string): void {
    this.#house.endpoint.trace.keep(callId);
  }

  /** How many SIP messages there were since the start, by what became of them. */
  get sipCounters(): Readonly<Counters> {
    return this.#house.endpoint.counters;
  }

  /** Who is banned, and the way out. */
  get defence(): Defence {
    return this.#house.endpoint.defence;
  }

  /**
   * TLS connections to come get this certificate, without a restart; calls and connections go on.
   * @param listener the only one that it is for; default every one with TLS
   * @throws TandemError ERR_TLS for one that cannot be used; the old one stays then
   */
  secure(tls: TlsServerOptions, listener?: SipListener): void {
    this.#house.endpoint.secure(tls, listener);
  }

  // ---- calls that run

  /** Both legs of a bridged call are among them. */
  get calls(): readonly DialogSession[] {
    return this.#house.sessions.all;
  }

  /** @param name its session id, or its Call-ID: of several that have it, the first */
  findCall(name: string): DialogSession | undefined {
    return this.#house.sessions.find(name);
  }

  /**
   * Leaves the call to a remote controller (`remoteControl`): it rings, or is answered first, until one takes it.
   * @returns when the controller gives it back
   * @throws DialogEndedError when the call ends meanwhile, as it does when nobody takes it in time; StateError for one
   * that is parked already
   */
  park(call: DialogSession, options?: ParkOptions): Promise<ParkResult> {
    return this.parking.park(call, options);
  }

  /** The calls that are parked now. */
  get parking(): Parking {
    return this.#house.parking;
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
    return callOneOf({
      targets,
      strategy,
      options: rest,
      make: (one, first) => {
        const call = rest.call ?? first;
        return this.#house.legs.outgoing(one, call ? { ...rest, call } : rest);
      },
      background: (work) => this.#house.background.run(work),
    });
  }

  /** Makes the session of an outgoing call without calling yet: see `DialogClientSession.invite`. */
  async newDialog(target: InviteTarget, options: InviteOptions = {}): Promise<DialogClientSession> {
    await this.open();
    return this.#house.legs.outgoing(target, options);
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
    const leg = this.#house.legs.outgoing(target, { ...joined, ...options });
    try {
      await leg.invite(options);
      bridge.add(leg);
      await leg.waitAnswer();
      await leg.ack();
      return leg;
    } catch (error) {
      this.#house.background.run(leg.close());
      throw error;
    }
  }

  // ---- messages

  /** Takes instant messages, in calls and outside of any; without it they get 405. */
  get onMessage(): MessageHandler | undefined {
    return this.#house.onMessage;
  }

  set onMessage(handler: MessageHandler | undefined) {
    this.#house.onMessage = handler;
    this.#house.endpoint.take('MESSAGE', handler !== undefined);
  }

  /**
   * Sends an instant message outside of any call (RFC 3428) and resolves when it was taken.
   * @throws DialogResponseError when it was not
   */
  async message(uri: string, text: string | Uint8Array, options: MessageOptions = {}): Promise<void> {
    await this.open();
    const { sip } = outgoingLeg(uri, options, this.listeners, []);
    const content = messageContent(text, options);
    const response = await this.#house.endpoint.request({ ...sip, ...content, method: 'MESSAGE' });
    if (response.status >= 300) throw new DialogResponseError(response);
  }

  /**
   * Where a request to this URI would be sent, in the order to try: by NAPTR, SRV and address records (RFC 3263).
   * @throws TandemError ERR_RESOLVE, ERR_URI, ERR_URI_SCHEME, ERR_TRANSPORT
   */
  async resolve(uri: string, transport?: SipTransportName): Promise<readonly SipTarget[]> {
    await this.open();
    const found = await this.#house.endpoint.resolve(uri, transport);
    if (!found.ok) throw found.error;
    return found.value;
  }

  // ---- records of calls

  /** Hears of the record of each call that is over. With the options `cdr`, `store` or `recovery`. */
  get onCdr(): ((cdr: Cdr) => void) | undefined {
    return this.#house.cdrs?.onCdr;
  }

  /** @throws TandemError ERR_STATE where no records are made: say `cdr: {}` at least */
  set onCdr(listener: ((cdr: Cdr) => void) | undefined) {
    const { cdrs } = this.#house;
    if (!cdrs) throw new TandemError('ERR_STATE', 'no records of calls are made here: give the option cdr, as cdr: {}');
    cdrs.onCdr = listener;
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
    return this.#house.registrations.register(uri, options);
  }

  /** Registers by hand: each `register`, `unregister` and `qualify` is yours to call. @throws TandemError ERR_ARGUMENT */
  async registerTransaction(uri: string, options?: RegisterTransactionOptions): Promise<RegisterTransaction> {
    await this.open();
    return this.#house.registrations.transaction(uri, options);
  }

  /** @throws TandemError ERR_ARGUMENT for a name that is not among `TandemOptions.trunks` */
  trunk(name: string): Trunk {
    return this.#house.trunks.get(name);
  }

  /**
   * Other trunks from now on. What is the same stays as it is, and calls go on in any case.
   * @returns when those that are gone have taken back their registrations
   * @throws ConfigError at once for options that cannot work; all is as it was then
   */
  configureTrunks(trunks: Readonly<Record<string, TrunkOptions>>): Promise<void> {
    return this.#house.trunks.configure(trunks);
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
    if (first instanceof DialogSession && second) return bridgeTwo(this.#house.media, first, second, options);
    return new Bridge(this.#house.media, first as BridgeOptions | undefined);
  }

  /**
   * The open conference of this name, or a new one; it is over when the last call left.
   * @param options of a new one
   * @throws ConfigError
   */
  conference(name: string, options: ConferenceOptions = {}): Conference {
    return this.#house.conferences.get(name, options);
  }

  // ---- the parts of a telephone system, each by its name: with `options` it is made, or goes on with those

  /**
   * Several who are rung for one call: `await tandem.ringGroup('sales', { members: ['5001', '5002'] }).connect(call)`.
   * @throws ConfigError for settings that cannot be, or none of a group that is not there
   */
  ringGroup(name: string, options?: RingGroupOptions): RingGroup {
    return this.#house.pbx.ringGroup(name, options);
  }

  /** Callers who wait for an agent: `await tandem.queue('support', { members: ['5001'] }).enter(call)`. @throws as `ringGroup` */
  queue(name: string, options?: QueueOptions): Queue {
    return this.#house.pbx.queue(name, options);
  }

  /** All that were made, for those who watch them. */
  get queues(): readonly Queue[] {
    return this.#house.pbx.queues;
  }

  /**
   * Numbered slots where calls wait to be fetched: `await lot.park(call)`, and from another phone
   * `await lot.retrieve(701, call)`. @throws as `ringGroup`
   */
  parkingLot(name: string, options?: ParkingLotOptions): ParkingLot {
    return this.#house.pbx.parkingLot(name, options);
  }

  get parkingLots(): readonly ParkingLot[] {
    return this.#house.pbx.parkingLots;
  }

  /**
   * A mailbox: `await tandem.voicemail('5001', { folder: 'voicemail' }).record(call)`. Its phones are told of messages
   * from when it is made.
   * @throws as `ringGroup`
   */
  voicemail(name: string, options?: VoicemailOptions): Mailbox {
    return this.#house.pbx.voicemail(name, options);
  }

  get mailboxes(): readonly Mailbox[] {
    return this.#house.pbx.mailboxes;
  }

  /**
   * Resolves after `ms` of this Tandem's clock, which is not the machine's in a test lab. For scripts that wait.
   * @throws the signal's reason; give it `call.signal` to wait no longer than the call
   */
  sleep(ms: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return sleep(this.#house.clock, ms, options.signal);
  }

  // ---- the end

  /**
   * Takes no new calls (503 with Retry-After) and resolves when the running ones are over; those
   * that still run after `timeout` milliseconds are hung up.
   */
  async drain(options: { readonly timeout?: number } = {}): Promise<void> {
    await this.#house.drain(options.timeout);
  }

  /**
   * Steps aside for another process: everything that runs is in the journal then (`recovery`), nobody is told anything,
   * and nothing is sent any more. End the process at once; the next one goes on where this one was.
   * @param options.patience ms to wait for calls that are being set up, which cannot go on elsewhere; default 10,000
   * @returns how many calls go on
   * @throws TandemError ERR_STATE without the option `recovery`
   */
  handOver(options: { readonly patience?: number } = {}): Promise<number> {
    return this.#house.handOver(options.patience ?? 10_000);
  }

  /** Hangs up what runs and closes every socket, timer and thread. Idempotent. */
  close(): Promise<void> {
    return this.#house.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch((error: unknown) => this.#house.logger.error({ error: messageOf(error) }, 'close failed'));
  }

  /** What is open right now, for `tandem check` and for tests that look for leaks. */
  check(): Promise<CheckReport> {
    return checkReport(this.#house);
  }
}
