/** Subscriptions to what is known of users (RFC 6665): who subscribed is told the state at once, and each change. */
import type { Clock, Timer } from '../base/clock.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest, ServerRequest } from '../sip/endpoint.ts';
import { parseTokenValue } from '../sip/event.ts';
import { isToken } from '../sip/grammar.ts';
import { header, headerValues, type SipRequest } from '../sip/message.ts';
import type { ResponseOptions } from '../sip/options.ts';
import { parseUri, printUri, uriUser } from '../sip/uri.ts';

export interface SubscriptionLimits {
  /** Subscriptions at once; more get 503. Default 1000. */
  readonly most?: number;
  /** Bounds of how long one may last, seconds; default 60 and 3600. */
  readonly minExpires?: number;
  readonly maxExpires?: number;
}

/** What can be subscribed to. */
export interface EventPackage {
  /** As Event has it: `dialog`. */
  readonly name: string;
  readonly contentType: string;
  /** Why somebody may not know of this user; undefined: it may. */
  refusal(user: string, request: SipRequest): number | undefined;
  /** The whole state. @param entity the URI that was asked for @param version one more each time */
  print(user: string, entity: string, version: number): string;
}

/** The package that a SUBSCRIBE is for, lower case; undefined if it does not say. */
export function eventOf(request: SipRequest): string | undefined {
  return parseTokenValue(header(request, 'event') ?? '')?.name;
}

/** Of a peer that has several subscriptions in a dialog: its NOTIFYs have the same (RFC 6665 §8.2.1). */
function idOf(request: SipRequest): string {
  const id = parseTokenValue(header(request, 'event') ?? '')?.params.id;
  return id && isToken(id) ? `;id=${id}` : '';
}

export class EventSubscriptions {
  readonly #clock: Clock;
  readonly #package: EventPackage;
  readonly #limits: Required<SubscriptionLimits>;
  readonly #subscriptions = new Set<Subscription>();
  readonly #byUser = new Map<string, Set<Subscription>>();

  constructor(clock: Clock, eventPackage: EventPackage, limits: SubscriptionLimits = {}) {
    const { most = 1000, minExpires = 60, maxExpires = 3600 } = limits;
    this.#clock = clock;
    this.#package = eventPackage;
    this.#limits = { most, minExpires, maxExpires };
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** A SUBSCRIBE outside of any dialog; it is answered here. */
  subscribe(incoming: ServerRequest): void {
    const { request } = incoming;
    const user = uriUser(request.uri);
    const refusal = this.#contentRefusal(request) ?? this.#refusalOf(user, request);
    const expires = refusal ? refusal : this.#expires(request);
    if (typeof expires === 'object') {
      incoming.respond(expires.status, expires.options);
      return;
    }
    const dialog = incoming.open({ headers: [['Expires', String(expires)]] });
    const who = user as string;
    const entity = entityOf(request.uri);
    const { name, contentType } = this.#package;
    const content: Content = {
      event: `${name}${idOf(request)}`,
      contentType,
      print: (version) => this.#package.print(who, entity, version),
    };
    const subscription = new Subscription(this.#clock, dialog, content, {
      onEnd: () => this.#forget(who, subscription),
      expiresOf: (refresh) => this.#contentRefusal(refresh) ?? this.#expires(refresh),
    });
    this.#subscriptions.add(subscription);
    const same = this.#byUser.get(who) ?? new Set<Subscription>();
    this.#byUser.set(who, same.add(subscription));
    subscription.refresh(expires);
  }

  /** Something of this user changed. */
  tell(user: string): void {
    for (const subscription of this.#byUser.get(user) ?? []) subscription.tell();
  }

  /** Everybody is told that it is over. */
  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.end('deactivated')));
  }

  #forget(user: string, subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    const same = this.#byUser.get(user);
    same?.delete(subscription);
    if (same?.size === 0) this.#byUser.delete(user);
  }

  #contentRefusal(request: SipRequest): Refusal | undefined {
    const { name, contentType } = this.#package;
    if (eventOf(request) !== name) return { status: 489, options: { headers: [['Allow-Events', name]] } };
    const accept = headerValues(request, 'accept').join(',').toLowerCase();
    if (accept !== '' && !accept.includes(contentType) && !accept.includes('*/*')) return { status: 406 };
    const { contact } = request.headers;
    const target = contact === undefined || contact === '*' || contact.length !== 1 ? undefined : contact[0]?.uri;
    if (target === undefined || !parseUri(target).ok)
      return { status: 400, options: { reason: 'Bad Request (Contact is not one SIP address)' } };
    return undefined;
  }

  #refusalOf(user: string | undefined, request: SipRequest): Refusal | undefined {
    if (user === undefined) return { status: 404 };
    const status = this.#package.refusal(user, request);
    if (status !== undefined) return { status };
    if (this.#subscriptions.size >= this.#limits.most)
      return { status: 503, options: { headers: [['Retry-After', '60']] } };
    return undefined;
  }

  /** For how many seconds; 0: just now. */
  #expires(request: SipRequest): number | Refusal {
    const { minExpires, maxExpires } = this.#limits;
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

/** Whose state it is: the URI that was asked for, without what is only about the way to us. */
function entityOf(uri: string): string {
  const parsed = parseUri(uri);
  return parsed.ok ? printUri({ ...parsed.value, params: {}, headers: {} }) : uri;
}

/** What its NOTIFYs say. */
interface Content {
  readonly event: string;
  readonly contentType: string;
  print(version: number): string;
}

interface SubscriptionOwner {
  onEnd(): void;
  expiresOf(refresh: SipRequest): number | Refusal;
}

class Subscription {
  readonly #clock: Clock;
  readonly #dialog: Dialog;
  readonly #content: Content;
  readonly #owner: SubscriptionOwner;
  #version = 0;
  #expiresAt = 0;
  #expiry: Timer | undefined;
  #over: string | undefined;
  #stale = false;
  #sending: Promise<void> | undefined;

  constructor(clock: Clock, dialog: Dialog, content: Content, owner: SubscriptionOwner) {
    this.#clock = clock;
    this.#dialog = dialog;
    this.#content = content;
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
      const { event, contentType } = this.#content;
      const response = await this.#dialog.request('NOTIFY', {
        headers: [
          ['Event', event],
          ['Subscription-State', state],
        ],
        contentType,
        body: Buffer.from(this.#content.print(this.#version++), 'utf8'),
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
