/** Subscriptions to the dialogs of users (RFC 6665, RFC 4235): who subscribed is told of each change. */
import type { Clock, Timer } from '../base/clock.ts';
import type { Observer } from '../base/events.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest, ServerRequest } from '../sip/endpoint.ts';
import { parseTokenValue } from '../sip/event.ts';
import { header, headerValues, type SipRequest } from '../sip/message.ts';
import type { ResponseOptions } from '../sip/options.ts';
import { parseUri, printUri, uriUser } from '../sip/uri.ts';
import { dialogInfoType, printDialogInfo, type UserDialog, UserDialogs } from './dialog-info.ts';
import type { TandemEvents } from './events.ts';

export interface DialogEventsOptions {
  /** Who may know; default everybody who may call here. @param user whose calls */
  readonly allow?: (user: string, request: SipRequest) => boolean;
  /** Subscriptions at once; more get 503. Default 1000. */
  readonly most?: number;
  /** Bounds of how long one may last, seconds; default 60 and 3600. */
  readonly minExpires?: number;
  readonly maxExpires?: number;
}

/** What can be subscribed to, by REFER or SUBSCRIBE. */
export const eventPackages = ['refer', 'dialog'];

interface Ports {
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
}

export class DialogEvents {
  readonly #ports: Ports;
  readonly #options: Required<DialogEventsOptions>;
  readonly #dialogs = new UserDialogs();
  readonly #subscriptions = new Set<Subscription>();
  readonly #byUser = new Map<string, Set<Subscription>>();
  readonly #unsubscribe: (() => void)[];

  constructor(options: DialogEventsOptions, ports: Ports) {
    const { allow = () => true, most = 1000, minExpires = 60, maxExpires = 3600 } = options;
    this.#options = { allow, most, minExpires, maxExpires };
    this.#ports = ports;
    const { observer } = ports;
    this.#unsubscribe = [
      observer.on('call:created', ({ sessionId: id, direction, fromUri, toUri }) => {
        const user = uriUser(direction === 'inbound' ? fromUri : toUri);
        if (user === undefined) return;
        this.#dialogs.begin(user, {
          id,
          direction: direction === 'inbound' ? 'initiator' : 'recipient',
          state: 'trying',
        });
        this.#tell(user);
      }),
      observer.on('call:early', ({ sessionId }) => this.#tell(this.#dialogs.turn(sessionId, 'early'))),
      observer.on('call:answered', ({ sessionId }) => this.#tell(this.#dialogs.turn(sessionId, 'confirmed'))),
      observer.on('call:replaced', ({ sessionId: id, peer }) => {
        this.#tell(this.#dialogs.end(id));
        const user = uriUser(peer);
        if (user === undefined) return;
        this.#dialogs.begin(user, { id, direction: 'recipient', state: 'confirmed' });
        this.#tell(user);
      }),
      observer.on('call:ended', ({ sessionId }) => this.#tell(this.#dialogs.end(sessionId))),
    ];
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** A SUBSCRIBE outside of any dialog; it is answered here. */
  subscribe(incoming: ServerRequest): void {
    const { request } = incoming;
    const user = uriUser(request.uri);
    const refusal = refusalOf(request) ?? this.#refusalOf(user, request);
    const expires = refusal ? refusal : this.#expires(request);
    if (typeof expires === 'object') {
      incoming.respond(expires.status, expires.options);
      return;
    }
    const dialog = incoming.open({ headers: [['Expires', String(expires)]] });
    const who = user as string;
    const subscription = new Subscription(
      this.#ports.clock,
      dialog,
      entityOf(request.uri),
      () => this.#dialogs.of(who),
      {
        onEnd: () => this.#forget(who, subscription),
        expiresOf: (refresh) => refusalOf(refresh) ?? this.#expires(refresh),
      },
    );
    this.#subscriptions.add(subscription);
    const same = this.#byUser.get(who) ?? new Set<Subscription>();
    this.#byUser.set(who, same.add(subscription));
    subscription.refresh(expires);
  }

  /** Everybody is told that it is over. */
  async close(): Promise<void> {
    for (const stop of this.#unsubscribe) stop();
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.end('deactivated')));
  }

  #tell(user: string | undefined): void {
    if (user === undefined) return;
    for (const subscription of this.#byUser.get(user) ?? []) subscription.tell();
  }

  #forget(user: string, subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    const same = this.#byUser.get(user);
    same?.delete(subscription);
    if (same?.size === 0) this.#byUser.delete(user);
  }

  #refusalOf(user: string | undefined, request: SipRequest): Refusal | undefined {
    if (user === undefined) return { status: 404 };
    if (!this.#options.allow(user, request)) return { status: 403 };
    if (this.#subscriptions.size >= this.#options.most)
      return { status: 503, options: { headers: [['Retry-After', '60']] } };
    return undefined;
  }

  /** For how many seconds; 0: just now. */
  #expires(request: SipRequest): number | Refusal {
    const { minExpires, maxExpires } = this.#options;
    const value = header(request, 'expires');
    if (value === undefined) return maxExpires;
    if (!/^\d{1,10}$/.test(value)) return { status: 400 };
    const seconds = Math.min(Number(value), maxExpires);
    if (seconds > 0 && seconds < minExpires)
      return { status: 423, options: { headers: [['Min-Expires', String(minExpires)]] } };
    return seconds;
  }
}

interface Refusal {
  readonly status: number;
  readonly options?: ResponseOptions;
}

function refusalOf(request: SipRequest): Refusal | undefined {
  const event = parseTokenValue(header(request, 'event') ?? '');
  if (event?.name !== 'dialog')
    return { status: 489, options: { headers: [['Allow-Events', eventPackages.join(', ')]] } };
  const accept = headerValues(request, 'accept').join(',').toLowerCase();
  if (accept !== '' && !accept.includes(dialogInfoType) && !accept.includes('*/*')) return { status: 406 };
  const { contact } = request.headers;
  const target = contact === undefined || contact === '*' || contact.length !== 1 ? undefined : contact[0]?.uri;
  if (target === undefined || !parseUri(target).ok)
    return { status: 400, options: { reason: 'Bad Request (Contact is not one SIP address)' } };
  return undefined;
}

/** Whose dialogs they are: the URI that was asked for, without what is only about the way to us. */
function entityOf(uri: string): string {
  const parsed = parseUri(uri);
  return parsed.ok ? printUri({ ...parsed.value, params: {}, headers: {} }) : uri;
}

interface SubscriptionOwner {
  onEnd(): void;
  expiresOf(refresh: SipRequest): number | Refusal;
}

class Subscription {
  readonly #clock: Clock;
  readonly #dialog: Dialog;
  readonly #entity: string;
  readonly #state: () => Iterable<UserDialog>;
  readonly #owner: SubscriptionOwner;
  #version = 0;
  #expiresAt = 0;
  #expiry: Timer | undefined;
  #over: string | undefined;
  #stale = false;
  #sending: Promise<void> | undefined;

  constructor(
    clock: Clock,
    dialog: Dialog,
    entity: string,
    state: () => Iterable<UserDialog>,
    owner: SubscriptionOwner,
  ) {
    this.#clock = clock;
    this.#dialog = dialog;
    this.#entity = entity;
    this.#state = state;
    this.#owner = owner;
    dialog.onRequest = (incoming) => this.#received(incoming);
  }

  /** It lasts so many seconds from now, and whoever subscribed is told the state at once (RFC 6665 §4.2.1.2). */
  refresh(expires: number): void {
    this.#expiry?.cancel();
    if (expires === 0) {
      void this.end('timeout');
      return;
    }
    this.#expiresAt = this.#clock.now() + expires * 1000;
    this.#expiry = this.#clock.setTimer(expires * 1000, () => void this.end('timeout'), 'subscription');
    this.tell();
  }

  /** Something changed. What changes while a NOTIFY waits for its answer is told in the next one. */
  tell(): void {
    this.#stale = true;
    this.#sending ??= this.#send();
  }

  end(reason: string): Promise<void> {
    if (this.#over === undefined) {
      this.#over = reason;
      this.#expiry?.cancel();
      this.#owner.onEnd();
      this.tell();
    }
    return this.#sending ?? Promise.resolve();
  }

  #received(incoming: IncomingRequest): void {
    if (incoming.request.method !== 'SUBSCRIBE') {
      incoming.respond(405, { headers: [['Allow', 'SUBSCRIBE']] });
      return;
    }
    if (this.#over !== undefined) {
      incoming.respond(481);
      return;
    }
    const expires = this.#owner.expiresOf(incoming.request);
    if (typeof expires === 'object') {
      incoming.respond(expires.status, expires.options);
      return;
    }
    incoming.respond(200, { headers: [['Expires', String(expires)]] });
    this.refresh(expires);
  }

  async #send(): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      const left = Math.max(0, Math.ceil((this.#expiresAt - this.#clock.now()) / 1000));
      const state = this.#over === undefined ? `active;expires=${left}` : `terminated;reason=${this.#over}`;
      const response = await this.#dialog.request('NOTIFY', {
        headers: [
          ['Event', 'dialog'],
          ['Subscription-State', state],
        ],
        contentType: dialogInfoType,
        body: Buffer.from(printDialogInfo(this.#entity, this.#version++, this.#state()), 'utf8'),
      });
      // RFC 6665 §4.2.2: who does not take it has no subscription.
      if (response.status >= 300 && this.#over === undefined) {
        this.#over = 'noresource';
        this.#expiry?.cancel();
        this.#owner.onEnd();
        this.#stale = false;
      }
    }
    this.#sending = undefined;
    if (this.#over !== undefined) this.#dialog.discard();
  }
}
