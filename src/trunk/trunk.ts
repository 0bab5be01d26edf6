/** A way to the telephone network: a provider's gateways, our account there, and how many calls it takes. */

import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Observer } from '../base/events.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { Registration, RegistrationReport } from '../registration/registration.ts';
import type { Registrations } from '../registration/registrations.ts';
import type { DialogClientSession, InviteOptions } from '../session/dialog-client-session.ts';
import type { SrtpMode } from '../session/dialog-media.ts';
import type { CallInviteOptions, DialogServerSession } from '../session/dialog-server-session.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { DialogResponseError } from '../session/errors.ts';
import type { TandemEvents } from '../session/events.ts';
import { isInside } from '../sip/cidr.ts';
import type { SipEndpoint } from '../sip/endpoint.ts';
import { type NameAddr, noParams, type SipRequest } from '../sip/message.ts';
import { printUri, uriUser } from '../sip/uri.ts';
import { callerIdOf } from './caller-id.ts';
import { Gateway, type GatewayReport } from './gateway.ts';
import { checkedTrunk, numberAt, type TrunkOptions, type TrunkSettings } from './options.ts';

/** What a trunk needs of the house around it. */
export interface TrunkContext {
  readonly endpoint: SipEndpoint;
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
  readonly registrations: Registrations;
  readonly invite: (uri: string, options: InviteOptions) => Promise<DialogClientSession>;
}

/** `registering`: we are not registered, or not any more. `down`: no gateway answers. */
export type TrunkState = 'up' | 'down' | 'registering';

export interface TrunkReport {
  readonly name: string;
  readonly state: TrunkState;
  readonly calls: number;
  readonly gateways: readonly GatewayReport[];
  readonly registration: RegistrationReport | undefined;
}

const defaultResponseMs = 4_000;
const longestNumber = 128;

type Dial<Options> = (uri: string, options: Options) => Promise<DialogClientSession>;

export class Trunk {
  readonly name: string;
  readonly #context: TrunkContext;
  readonly #options: TrunkOptions;
  readonly #settings: TrunkSettings;
  readonly #account: string;
  readonly #gateways: readonly Gateway[];
  readonly #rate: TokenBucket | undefined;
  #registration: Registration | undefined;
  #channels = 0;

  /** Made by `TandemOptions.trunks`. @throws ConfigError */
  constructor(context: TrunkContext, name: string, options: TrunkOptions) {
    this.name = name;
    this.#context = context;
    this.#options = options;
    this.#settings = checkedTrunk(name, options);
    this.#account = options.username ?? 'tandem';
    const { qualify = 0, maxCallsPerSecond, proxy, responseTimeout: timeout = defaultResponseMs } = options;
    const common = { account: this.#account, proxy, interval: qualify * 1000, timeout };
    this.#gateways = this.#settings.gateways.map(
      (uri, index) =>
        new Gateway(context, { ...common, uri }, (event, isBack) => {
          context.observer.emit('trunk:gateway', { trunk: name, ...event });
          // The first is the registrar: it was away and may have forgotten us.
          if (isBack && index === 0) this.#registration?.refresh();
        }),
    );
    if (maxCallsPerSecond !== undefined)
      this.#rate = new TokenBucket(maxCallsPerSecond, Math.max(1, maxCallsPerSecond), context.clock.now());
  }

  get state(): TrunkState {
    if (this.#gateways.every(({ isDown }) => isDown)) return 'down';
    const registration = this.#registration;
    if (!registration || registration.state === 'registered') return 'up';
    // A refresh that failed leaves us registered for what is left of our time.
    const { expiresAt = 0 } = registration;
    return expiresAt > this.#context.clock.wallclock() ? 'up' : 'registering';
  }

  /** Calls at this moment, both directions, those that ring too. */
  get calls(): number {
    return this.#channels;
  }

  /** Undefined: as in general. */
  get srtp(): SrtpMode | undefined {
    return this.#options.srtp;
  }

  get registration(): Registration | undefined {
    return this.#registration;
  }

  report(): TrunkReport {
    const { name, state, calls } = this;
    const gateways = this.#gateways.map((gateway) => gateway.report());
    return { name, state, calls, gateways, registration: this.#registration?.report() };
  }

  /** Asks each gateway once by OPTIONS. @throws TandemError ERR_CLOSED */
  qualify(): Promise<readonly GatewayReport[]> {
    return Promise.all(this.#gateways.map((gateway) => gateway.qualify()));
  }

  // ---- calls out

  /**
   * Calls a number. A gateway that does not answer, says 408, 430 or 5xx, or is down by `qualify`, leaves the call to the next.
   * @param options `from` is the caller's number or URI, which `callerId` rewrites; with an `originator` its own
   * @returns the answered, ACKed session, as `Tandem.invite`
   * @throws as `Tandem.invite`; TandemError ERR_TRUNK_LIMIT with status 486 when all channels are in use, with 503 when
   * there were too many calls this second; ERR_TRUNK_DOWN (503) when no gateway is up
   */
  invite(number: string, options: InviteOptions = {}): Promise<DialogClientSession> {
    return this.#call(number, options, options.originator?.identity, this.#context.invite);
  }

  /**
   * Calls a number as the second leg of `call`: as `call.invite`, with ringing and early media, and hung up with it.
   * @throws as `call.invite`, and as `invite`
   */
  inviteFor(call: DialogServerSession, number: string, options: CallInviteOptions = {}): Promise<DialogClientSession> {
    const dial = (uri: string, more: CallInviteOptions): Promise<DialogClientSession> => call.invite(uri, more);
    return this.#call(number, options, call.identity, dial, call);
  }

  async #call<Options extends InviteOptions>(
    number: string,
    options: Options,
    identity: NameAddr | undefined,
    dial: Dial<Options>,
    call: DialogSession | undefined = options.originator,
  ): Promise<DialogClientSession> {
    if (number === '' || number.length > longestNumber)
      throw new TandemError('ERR_ARGUMENT', `${JSON.stringify(number)} is no number to call`, { status: 404 });
    if (!this.#hasRoom())
      throw this.#limit(486, `all ${this.#options.maxChannels} channels of the trunk ${this.name} are in use`);
    const now = this.#context.clock.now();
    if (this.#rate && !(this.#rate.has(now) && this.#rate.take(1, now)))
      throw this.#limit(
        503,
        `more than ${this.#options.maxCallsPerSecond} calls per second for the trunk ${this.name}`,
      );
    const free = this.#take();
    try {
      const leg = await this.#failOver(number, { ...options, ...this.#asWeCall(options, identity, call) }, dial);
      void leg.ended.then(free);
      return leg;
    } catch (error) {
      free();
      throw error;
    }
  }

  async #failOver<Options extends InviteOptions>(
    number: string,
    options: Options,
    dial: Dial<Options>,
  ): Promise<DialogClientSession> {
    let failure: unknown = new TandemError('ERR_TRUNK_DOWN', `no gateway of the trunk ${this.name} is up`, {
      status: 503,
      facts: { trunk: this.name },
    });
    for (const gateway of this.#gateways) {
      if (gateway.isDown) continue;
      try {
        return await dial(numberAt(gateway.uri, number), options);
      } catch (error) {
        failure = error;
        if (!isForTheNext(error)) break;
      }
    }
    throw failure;
  }

  #asWeCall(options: InviteOptions, identity: NameAddr | undefined, call: DialogSession | undefined): InviteOptions {
    const { username, password, proxy, callerId, responseTimeout = defaultResponseMs } = this.#options;
    const named = identity && { ...identity, displayName: options.displayName ?? identity.displayName };
    const caller = options.from === undefined ? named : this.#named(options.from, options.displayName);
    const { from, displayName, headers } = callerIdOf(caller, this.#account, this.#settings.domain, callerId);
    const hops = this.#registration?.caller.route ?? (proxy === undefined ? [] : [proxy]);
    const offered = this.#codecsFor(options, call);
    const srtp = options.srtp ?? this.srtp;
    const ice = options.ice ?? this.#options.ice;
    return {
      from,
      ...(displayName === undefined ? {} : { displayName }),
      ...(headers.length === 0 ? {} : { headers: [...(options.headers ?? []), ...headers] }),
      ...(username === undefined || password === undefined ? {} : { username, password }),
      ...(hops.length === 0 ? {} : { route: [...hops, ...(options.route ?? [])] }),
      ...(offered === undefined ? {} : { codecs: offered }),
      ...(srtp === undefined ? {} : { srtp }),
      ...(ice === undefined ? {} : { ice }),
      responseTimeout: options.responseTimeout ?? responseTimeout,
    };
  }

  #codecsFor(options: InviteOptions, call: DialogSession | undefined): readonly string[] | undefined {
    const { codecs } = this.#options;
    const spoken = call?.expectedAudio?.codec.name;
    if (options.codecs || !codecs || spoken === undefined || !codecs.includes(spoken)) return options.codecs ?? codecs;
    // Nothing is converted where the codec of the other leg will do.
    return options.transcode ? [spoken, ...codecs.filter((name) => name !== spoken)] : undefined;
  }

  #named(from: string, displayName: string | undefined): NameAddr {
    const uri = from.includes(':') ? from : printUri({ ...this.#settings.gateways[0]!, user: from });
    return { displayName, uri, params: noParams };
  }

  #limit(status: number, message: string): TandemError {
    return new TandemError('ERR_TRUNK_LIMIT', message, { status, facts: { trunk: this.name } });
  }

  // ---- calls in

  /** Whether a request from this address comes through this trunk. */
  trusts(address: string): boolean {
    return isInside(this.#settings.trusted, address) || this.#registration?.flow?.address === address;
  }

  /** Whether it is for the Contact that we are registered with: several accounts may be at one provider. */
  isMeant({ uri }: SipRequest): boolean {
    return this.#registration !== undefined && uriUser(uri) === this.#registration.contactUser;
  }

  /** Whom an incoming call is for; undefined: whoever its Request-URI says. */
  calleeOf({ headers }: SipRequest): string | undefined {
    const { inboundUser = 'uri' } = this.#options;
    if (inboundUser === 'uri') return undefined;
    return inboundUser === 'to' ? uriUser(headers.to.uri) : inboundUser;
  }

  /** Takes a channel for an incoming call. @returns how to give it back, undefined when none is left */
  admit(): (() => void) | undefined {
    return this.#hasRoom() ? this.#take() : undefined;
  }

  // ---- its life

  /** Registers and qualifies in the background, for as long as it takes. */
  start(): void {
    const { register, username, password, proxy } = this.#options;
    for (const gateway of this.#gateways) gateway.start();
    if (!register) return;
    const [gateway] = this.#settings.gateways;
    const { expires } = register === true ? {} : register;
    this.#registration = this.#context.registrations.make(numberAt(gateway!, username!), {
      keepTrying: true,
      ...(password === undefined ? {} : { password }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(expires === undefined ? {} : { expires }),
    });
    this.#registration.start().catch(() => {});
  }

  async close(): Promise<void> {
    for (const gateway of this.#gateways) gateway.close();
    await this.#registration?.close();
  }

  #hasRoom(): boolean {
    return this.#channels < (this.#options.maxChannels ?? Number.POSITIVE_INFINITY);
  }

  #take(): () => void {
    this.#channels++;
    let taken = true;
    return () => {
      if (taken) this.#channels--;
      taken = false;
    };
  }
}

/** Another gateway may do better; what the callee or the network behind says is the same everywhere. */
function isForTheNext(error: unknown): boolean {
  if (!(error instanceof DialogResponseError)) return false;
  const { status } = error;
  return status === 408 || status === 430 || (status >= 500 && status < 600);
}
