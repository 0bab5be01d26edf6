/**
 * Keeps an address registered until it is closed (RFC 3261 §10.2): registers again in time, after a connection is
 * lost, and ever more slowly while the registrar is not there or refuses.
 */
import { sleep, type Timer } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Observer } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import type { RegistrationEvent, RegistrationEvents, TandemEvents } from '../session/events.ts';
import type { SipTransportName } from '../sip/options.ts';
import type { PeerFlow } from '../sip/transport/flow.ts';
import { RegisterResponseError } from './errors.ts';
import { KeepAlive } from './keep-alive.ts';
import type { RegisterOptions } from './options.ts';
import { type Qualified, Qualifier } from './qualifier.ts';
import { type RegisterContext, type Registered, RegisterTransaction } from './register-transaction.ts';
import { backoffMs, refreshMs, retryAfterMs } from './timing.ts';

export type RegistrationState = 'registering' | 'registered' | 'failed' | 'unregistered' | 'closed';

export interface RegistrationContext extends RegisterContext {
  readonly logger: Logger;
  readonly observer: Observer<TandemEvents>;
}

/** What a call needs to be made as the one who is registered. */
export interface RegisteredCaller {
  readonly from: string;
  readonly username?: string;
  readonly password?: string;
  readonly transport?: SipTransportName;
  /** Pre-loaded: the outbound proxy, and the Service-Route of the registrar (RFC 3608). */
  readonly route: readonly string[];
}

/** For `tandem check`. */
export interface RegistrationReport {
  readonly uri: string;
  readonly state: RegistrationState;
  readonly contact: string | undefined;
  readonly expiresAt: number | undefined;
  /** Of the last response. */
  readonly status: number | undefined;
}

const overConnections = 120_000;
const throughNat = 25_000;
/** A connection that did not last so long is no reason to hurry. */
const lastedMs = 30_000;
const defaultUnregisterMs = 3_000;
/** They come from what lies between, or pass by themselves; anything else below 500 is a refusal. */
const passing: ReadonlySet<number> = new Set([408, 423, 430, 480, 486, 491]);

export class Registration implements AsyncDisposable {
  /** The address of record. */
  readonly uri: string;
  /** Resolves when it is over: with the error that ended it, or undefined after `close`. */
  readonly ended: Promise<TandemError | undefined>;
  readonly #context: RegistrationContext;
  readonly #options: RegisterOptions;
  readonly #transaction: RegisterTransaction;
  readonly #qualifier: Qualifier | undefined;
  readonly #keepAlive: KeepAlive;
  readonly #first = Promise.withResolvers<void>();
  readonly #end: (error: TandemError | undefined) => void;
  #state: RegistrationState = 'registering';
  /** By itself: nobody closed it. */
  #givenUp = false;
  #granted: Registered | undefined;
  #expiresAt: number | undefined;
  #since = 0;
  #status: number | undefined;
  #failures = 0;
  #trying: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  /** Made by `register`, not by users. @throws TandemError ERR_ARGUMENT */
  constructor(context: RegistrationContext, uri: string, options: RegisterOptions = {}) {
    this.#context = context;
    this.#options = options;
    const transaction = new RegisterTransaction(context, uri, options);
    this.#transaction = transaction;
    this.#keepAlive = new KeepAlive(context.clock, context.random);
    this.uri = transaction.uri;
    const { promise, resolve } = Promise.withResolvers<TandemError | undefined>();
    this.ended = promise;
    this.#end = resolve;
    this.#first.promise.catch(() => {});
    transaction.onFlowGone = () => this.#lost();
    const { qualify } = options;
    this.#qualifier =
      qualify &&
      new Qualifier(
        context.clock,
        qualify,
        () => transaction.qualify(qualify.timeout),
        (result, before) => this.#qualified(result, before),
      );
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** Unix milliseconds; undefined before it was granted. A refresh that failed leaves it as it is. */
  get expiresAt(): number | undefined {
    return this.#expiresAt;
  }

  /** Our Contact at the registrar: a URI. */
  get contact(): string | undefined {
    return this.#transaction.contact;
  }

  /** What else the registrar calls us (P-Associated-URI, RFC 3455). */
  get associatedUris(): readonly string[] {
    return this.#granted?.associatedUris ?? [];
  }

  /** Options for `invite`: the call comes from the registered address, with its credentials, by the registrar's routes. */
  get caller(): RegisteredCaller {
    const { password, transport } = this.#options;
    const { route, username } = this.#transaction;
    return {
      from: this.uri,
      ...(password === undefined ? {} : { username, password }),
      ...(transport === undefined ? {} : { transport }),
      route: [...route, ...(this.#granted?.serviceRoute ?? [])],
    };
  }

  /** Whom calls to us are for, as they come from the registrar. */
  get contactUser(): string {
    return this.#transaction.contactUser;
  }

  /** The way to the registrar. */
  get flow(): PeerFlow | undefined {
    return this.#transaction.flow;
  }

  report(): RegistrationReport {
    const { uri, state, contact, expiresAt } = this;
    return { uri, state, contact, expiresAt, status: this.#status };
  }

  /**
   * Resolves when it is registered for the first time.
   * @throws RegisterResponseError unless `keepTrying`; TandemError ERR_CLOSED when it is closed before
   */
  start(): Promise<void> {
    this.#qualifier?.start();
    this.#attempt();
    return this.#first.promise;
  }

  /** Registers again now, not when it is time: whoever hears that the registrar has forgotten us. */
  refresh(): void {
    this.#attempt();
  }

  /** Takes our Contact back and stops. Idempotent; takes `unregisterTimeout` at the most, and never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #over(): boolean {
    return this.#closing !== undefined || this.#givenUp;
  }

  #attempt(): void {
    if (this.#over || this.#trying) return;
    this.#timer?.cancel();
    if (this.#state === 'failed') this.#state = 'registering';
    this.#trying = this.#try().finally(() => {
      this.#trying = undefined;
    });
  }

  async #try(): Promise<void> {
    try {
      this.#succeeded(await this.#transaction.register());
    } catch (error) {
      this.#failed(error);
    }
  }

  #succeeded(granted: Registered): void {
    const { clock, random } = this.#context;
    const again = this.#state === 'registered';
    this.#granted = granted;
    this.#status = granted.status;
    this.#expiresAt = clock.wallclock() + granted.expires * 1000;
    if (this.#closing) return;
    this.#failures = 0;
    this.#since = clock.now();
    this.#state = 'registered';
    this.#say(again ? 'registration:refreshed' : 'registration:registered', { expires: granted.expires });
    this.#wait(refreshMs(granted.expires, random));
    this.#keepAlive.start(this.flow, this.#options.keepAlive ?? this.#defaultKeepAlive());
    this.#first.resolve();
  }

  #failed(error: unknown): void {
    if (this.#closing) return;
    this.#failures++;
    const refusal = error instanceof RegisterResponseError ? error : undefined;
    this.#status = refusal?.status;
    const first = this.#granted === undefined && !this.#options.keepTrying;
    const refused = refusal !== undefined && isRefusal(refusal);
    if (!refusal || first || (refused && this.#options.retryForever === false)) {
      this.#giveUp(error);
      return;
    }
    this.#state = 'failed';
    // Who refuses is asked half as often: it may count our tries.
    const failures = this.#failures + (refused ? 1 : 0);
    const { random, logger } = this.#context;
    const retryInMs = Math.round(
      retryAfterMs(refusal.response) ?? backoffMs(failures, this.#options.backoff ?? {}, random),
    );
    logger.warn({ uri: this.uri, error: refusal.message, retryInMs }, 'registration failed');
    this.#say('registration:failed', { retryInMs });
    this.#wait(retryInMs);
  }

  #giveUp(error: unknown): void {
    const cause =
      error instanceof TandemError ? error : new TandemError('ERR_REGISTER', messageOf(error), { cause: error });
    this.#state = 'failed';
    this.#givenUp = true;
    this.#letGo();
    this.#say('registration:failed', {});
    this.#first.reject(cause);
    this.#end(cause);
  }

  /** The connection is gone, and with it the way by which calls would come. */
  #lost(): void {
    const { clock, random } = this.#context;
    this.#keepAlive.stop();
    if (this.#over || this.#trying || this.#state !== 'registered') return;
    const lasted = clock.now() - this.#since >= lastedMs;
    this.#wait(lasted ? 0 : backoffMs(1, this.#options.backoff ?? {}, random));
  }

  #qualified({ up, status, ms }: Qualified, before: Qualified | undefined): void {
    this.#context.observer.emit('registration:qualified', { ...this.#stamp(), up, status, ms });
    // It was away and may have forgotten us.
    if (up && before) this.refresh();
  }

  #wait(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#context.clock.setTimer(ms, () => this.#attempt(), 'registration');
  }

  #defaultKeepAlive(): number {
    if (this.flow?.reliable) return overConnections;
    return this.#transaction.behindNat ? throughNat : 0;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    this.#keepAlive.stop();
    this.#qualifier?.close();
    if (this.#givenUp) return;
    const over = new AbortController();
    const { unregisterTimeout = defaultUnregisterMs } = this.#options;
    const patience = sleep(this.#context.clock, unregisterTimeout, over.signal).then(
      () => false,
      () => false,
    );
    const confirmed = await Promise.race([this.#farewell(), patience]);
    over.abort();
    this.#letGo();
    this.#state = confirmed ? 'unregistered' : 'closed';
    if (confirmed) this.#say('registration:unregistered', {});
    this.#first.reject(new TandemError('ERR_CLOSED', `the registration of ${this.uri} was closed`));
    this.#end(undefined);
  }

  #letGo(): void {
    this.#keepAlive.stop();
    this.#qualifier?.close();
    this.#transaction.release();
  }

  /** @returns whether the registrar said that we are not there any more */
  async #farewell(): Promise<boolean> {
    await this.#trying;
    if (!this.#transaction.bound) return false;
    try {
      await this.#transaction.unregister();
      return true;
    } catch (error) {
      this.#context.logger.info({ uri: this.uri, error: messageOf(error) }, 'could not unregister');
      return false;
    }
  }

  #stamp(): { readonly uri: string; readonly at: number } {
    return { uri: this.uri, at: this.#context.clock.wallclock() };
  }

  #say(
    name: Exclude<keyof RegistrationEvents, 'registration:qualified'>,
    more: Pick<RegistrationEvent, 'expires' | 'retryInMs'>,
  ): void {
    const status = this.#status === undefined ? {} : { status: this.#status };
    this.#context.observer.emit(name, { ...this.#stamp(), ...status, ...more });
  }
}

function isRefusal({ local, status }: RegisterResponseError): boolean {
  return !local && status >= 300 && !passing.has(status) && (status < 500 || status >= 600);
}
