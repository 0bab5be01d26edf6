/**
 * REGISTER, step by step (RFC 3261 §10.2; diago's RegisterTransaction): for those who decide themselves when to
 * register. All of one series have a Call-ID, rising CSeq numbers and, where there is one, a connection in common.
 */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { type Random, token } from '../base/random.ts';
import type { Exchange, SipEndpoint, SipListener } from '../sip/endpoint.ts';
import { newParams, quote } from '../sip/grammar.ts';
import { type HeaderField, type NameAddr, noParams, type SipParams } from '../sip/message.ts';
import { printNameAddr } from '../sip/name-addr.ts';
import type { RequestOptions } from '../sip/options.ts';
import type { PeerFlow } from '../sip/transport/flow.ts';
import { parseUri, printUri } from '../sip/uri.ts';
import { RegisterResponseError } from './errors.ts';
import { correctedContact, type Grant, minExpires, readGrant, type SeenAs, seenAs } from './grant.ts';
import type { RegisterTransactionOptions } from './options.ts';
import { type Qualified, qualify } from './qualifier.ts';

/** What a registration needs of the house around it. */
export interface RegisterContext {
  readonly endpoint: SipEndpoint;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether this listener was told by what address peers reach it. */
  readonly namesItself: (listener: SipListener) => boolean;
}

/** What the registrar granted. */
export interface Registered extends Grant {
  readonly status: number;
  /** Our Contact there: a URI. */
  readonly contact: string;
  /** The address and port that the registrar sees us at, if it says so. */
  readonly seenAs: SeenAs | undefined;
}

const defaultExpires = 3600;

export class RegisterTransaction {
  /** The address of record. */
  readonly uri: string;
  readonly username: string;
  readonly contactUser: string;
  /** The connection that we are registered by is gone. */
  onFlowGone: () => void = () => {};
  readonly #context: RegisterContext;
  readonly #options: RegisterTransactionOptions;
  readonly #registrar: string;
  readonly #from: NameAddr;
  readonly #callId: string;
  readonly #contactParams: SipParams;
  #seq = 0;
  #expires: number;
  /** As it was sent last. */
  #contact: string | undefined;
  /** In place of the one that the flow gives. */
  #corrected: string | undefined;
  #bound = false;
  #behindNat = false;
  #flow: PeerFlow | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param uri whom to register: `sip:alice@example.com`, with port and transport of the registrar if need be
   * @throws TandemError ERR_ARGUMENT for a URI that cannot be registered
   */
  constructor(context: RegisterContext, uri: string, options: RegisterTransactionOptions = {}) {
    const parsed = parseUri(uri);
    const user = parsed.ok ? parsed.value.user : undefined;
    if (!parsed.ok || parsed.value.scheme === 'tel' || user === undefined)
      throw new TandemError('ERR_ARGUMENT', `${JSON.stringify(uri)} cannot be registered: write sip:user@host`, {
        status: 400,
      });
    const { expires = defaultExpires } = options;
    if (!Number.isInteger(expires) || expires < 1 || expires > 604_800)
      throw new TandemError('ERR_ARGUMENT', `expires is a number of seconds from 1 to 604800, not ${expires}`);
    const { password: _, user: __, ...bare } = parsed.value;
    this.#context = context;
    this.#options = options;
    this.#expires = expires;
    // Neither belongs into To and From (RFC 3261 §19.1.1, table 1).
    this.uri = printUri({ ...bare, user, port: undefined, params: noParams, headers: {} });
    this.#from = { displayName: options.displayName, uri: this.uri, params: noParams };
    this.#registrar = options.registrar ?? printUri({ ...bare, user: undefined, headers: {} });
    this.username = options.username ?? user;
    this.contactUser = options.contactUser ?? user;
    this.#callId = token(context.random, 16);
    this.#contactParams = paramsOf(options);
  }

  /** What a call needs to go by the way of this registration, before what its routes add. */
  get route(): readonly string[] {
    return this.#options.proxy === undefined ? [] : [this.#options.proxy];
  }

  /** The registrar may have our Contact: it was granted, or nobody knows what became of it. */
  get bound(): boolean {
    return this.#bound;
  }

  /** The registrar sees us at another address than the one that we have. */
  get behindNat(): boolean {
    return this.#behindNat;
  }

  /** Our Contact as it was sent last. */
  get contact(): string | undefined {
    return this.#contact;
  }

  /** The way of the last REGISTER. */
  get flow(): PeerFlow | undefined {
    return this.#flow;
  }

  /**
   * One REGISTER, and those that follow from it: with credentials, with the time that a 423 asks for, with the address
   * that the registrar sees us at.
   * @throws RegisterResponseError; TandemError ERR_CLOSED
   */
  register(): Promise<Registered> {
    return this.#inTurn(() => this.#register());
  }

  /**
   * Takes our Contact back.
   * @param options `all`: every Contact of this address, of other phones too (`*`)
   * @throws as `register`
   */
  unregister({ all = false }: { readonly all?: boolean } = {}): Promise<void> {
    return this.#inTurn(async () => {
      const exchange = await this.#send(0, all ? '*' : this.#contact);
      if (exchange.response.status >= 300) throw this.#refused(exchange);
      this.#bound = false;
      this.release();
    });
  }

  /** Keeps the connection no longer: it is closed when it is idle. `unregister` does so by itself. */
  release(): void {
    this.#take(undefined);
  }

  /** Asks the registrar by OPTIONS whether it is there. @param timeout ms; default 4000. @throws TandemError ERR_CLOSED */
  qualify(timeout?: number): Promise<Qualified> {
    const { endpoint, clock } = this.#context;
    return qualify(endpoint, clock, this.#addressed(), timeout);
  }

  /** RFC 3261 §10.2: not before the one before has its answer. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #register(): Promise<Registered> {
    let exchange = await this.#send(this.#expires, this.#corrected);
    const least = exchange.response.status === 423 ? minExpires(exchange.response) : undefined;
    if (least !== undefined && least > this.#expires) {
      this.#expires = least;
      exchange = await this.#send(least, this.#corrected);
    }
    let registered = this.#granted(exchange);
    const corrected = this.#correctionOf(exchange, registered.contact);
    if (corrected !== undefined) {
      // First the wrong one goes: a registrar that keeps one only may take a farewell for the other's.
      await this.#send(0, registered.contact);
      this.#corrected = corrected;
      registered = this.#granted(await this.#send(this.#expires, corrected));
    }
    return registered;
  }

  /** @param contact default: what the flow gives */
  async #send(expires: number, contact: string | undefined): Promise<Exchange> {
    const before = this.#flow;
    const through = before?.reliable && before.open ? before : undefined;
    const exchange = await this.#exchange(expires, contact, through);
    if (!through || !exchange.local) return exchange;
    // Gone, or nobody is at its other end (RFC 5626 §4.5): any other way will do.
    through.destroy();
    return this.#exchange(expires, contact, undefined);
  }

  async #exchange(expires: number, contact: string | undefined, through: PeerFlow | undefined): Promise<Exchange> {
    const supported = this.#options.instanceId === undefined ? 'path' : 'path, outbound';
    const written: readonly HeaderField[] = contact === undefined ? [] : [['Contact', this.#written(contact)]];
    const exchange = await this.#context.endpoint.exchange({
      ...this.#addressed(),
      method: 'REGISTER',
      through,
      callId: this.#callId,
      nextSeq: () => ++this.#seq,
      contactParams: this.#contactParams,
      headers: [['Supported', supported], ['Expires', String(expires)], ...written, ...(this.#options.headers ?? [])],
    });
    const sent = exchange.request.headers.contact;
    if (Array.isArray(sent)) this.#contact = sent[0]?.uri;
    // What nobody answered may have arrived.
    if (expires > 0 && exchange.local && exchange.response.status === 408) this.#bound = true;
    return exchange;
  }

  #addressed(): Omit<RequestOptions, 'method'> {
    const { transport, password, responseTimeout } = this.#options;
    return {
      uri: this.#registrar,
      from: this.#from,
      to: { ...this.#from, displayName: undefined },
      contactUser: this.contactUser,
      route: this.route,
      ...(transport ? { transport } : {}),
      ...(responseTimeout === undefined ? {} : { responseTimeout }),
      ...(password === undefined ? {} : { credentials: { username: this.username, password } }),
    };
  }

  #written(contact: string): string {
    if (contact === '*') return contact;
    return printNameAddr({ displayName: undefined, uri: contact, params: this.#contactParams });
  }

  #granted(exchange: Exchange): Registered {
    const { response, flow } = exchange;
    const contact = this.#contact;
    if (response.status >= 300 || contact === undefined) throw this.#refused(exchange);
    const grant = readGrant(response, contact, this.#expires);
    if (grant.expires === 0) throw this.#refused(exchange);
    this.#bound = true;
    this.#behindNat = this.#corrected !== undefined || correctedContact(response, contact) !== undefined;
    this.#take(flow);
    return { ...grant, status: response.status, contact, seenAs: seenAs(response) };
  }

  #refused({ response, local }: Exchange): RegisterResponseError {
    return new RegisterResponseError(this.uri, response, local);
  }

  #correctionOf({ response, flow }: Exchange, contact: string): string | undefined {
    const wanted =
      this.#options.correctContact ??
      (flow !== undefined && flow.transport === 'udp' && !this.#context.namesItself(flow.listener));
    return wanted ? correctedContact(response, contact) : undefined;
  }

  /** A connection that we are registered by is not idle, however long nobody calls. */
  #take(flow: PeerFlow | undefined): void {
    const before = this.#flow;
    if (flow === before) return;
    before?.release();
    this.#flow = flow;
    flow?.hold();
    flow?.whenGone(() => {
      if (this.#flow !== flow) return;
      this.#flow = undefined;
      this.onFlowGone();
    });
  }
}

/** RFC 5626 §4.1, §4.2 */
function paramsOf({ instanceId, regId = 1 }: RegisterTransactionOptions): SipParams {
  if (instanceId === undefined) return noParams;
  const params = newParams();
  params['reg-id'] = String(regId);
  params['+sip.instance'] = quote(`<${instanceId}>`);
  return params;
}
