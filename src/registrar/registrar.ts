/**
 * The registrar (RFC 3261 §10.3): takes REGISTER, keeps where users are, and says it. With Path (RFC 3327),
 * outbound (RFC 5626) and GRUU (RFC 5627).
 */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Admission } from '../sip/authenticator.ts';
import type { ServerRequest } from '../sip/endpoint.ts';
import { quote } from '../sip/grammar.ts';
import type { HeaderField } from '../sip/message.ts';
import type { SipTransportName } from '../sip/options.ts';
import { leadsNowhere } from '../sip/reached-by-flow.ts';
import type { PeerFlow } from '../sip/transport/flow.ts';
import { parseUri, printHost, type SipUri } from '../sip/uri.ts';
import { TemporaryGruus } from './gruu.ts';
import { type Binding, type BindingChange, bindingKey, LocationStore } from './location-store.ts';
import { type RegisterRequest, readRegister, type WantedContact } from './register-request.ts';

export interface RegistrarOptions {
  /** Hosts that users may be registered at, as `example.com`; default any that leads here. */
  readonly domains?: readonly string[];
  /** Bounds of a registration, in seconds: default 60, 3600 where none is asked for, 3600. */
  readonly expires?: { readonly min?: number; readonly default?: number; readonly max?: number };
  /** Contacts per user; default 10. */
  readonly maxContacts?: number;
  /** What one more does: takes the place of the one refreshed longest ago (default), or is refused with 403. */
  readonly whenFull?: 'replace' | 'refuse';
  /** What the 200 for a user says beside the contacts; default nothing. */
  readonly headers?: (user: string, transport: SipTransportName) => readonly HeaderField[];
}

export interface RegistrarPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly admit: (request: ServerRequest) => Admission | Promise<Admission>;
  /** Hears every change of a binding; must not throw. */
  readonly onChange?: (change: BindingChange) => void;
}

interface Answer {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
}

/** What a REGISTER does to one binding: makes or refreshes it, or takes it away. */
interface Step {
  readonly key: string;
  readonly binding: Binding | 'removed' | 'replaced';
}

export class Registrar {
  readonly #ports: RegistrarPorts;
  readonly #domains: ReadonlySet<string> | undefined;
  readonly #min: number;
  readonly #default: number;
  readonly #max: number;
  readonly #maxContacts: number;
  readonly #refuseWhenFull: boolean;
  readonly #store: LocationStore;
  readonly #gruus: TemporaryGruus;
  readonly #headers: NonNullable<RegistrarOptions['headers']>;

  constructor(options: RegistrarOptions, ports: RegistrarPorts) {
    const { domains, expires = {}, maxContacts = 10, whenFull = 'replace', headers } = options;
    this.#ports = ports;
    this.#domains = domains && new Set(domains.map((domain) => domain.toLowerCase()));
    this.#min = expires.min ?? 60;
    this.#max = Math.max(expires.max ?? 3600, this.#min);
    this.#default = Math.min(Math.max(expires.default ?? 3600, this.#min), this.#max);
    this.#maxContacts = maxContacts;
    this.#headers = headers ?? (() => []);
    this.#refuseWhenFull = whenFull === 'refuse';
    this.#gruus = new TemporaryGruus(ports.random);
    this.#store = new LocationStore(ports.clock, (change) => {
      if (change.what !== 'added' && change.what !== 'refreshed') this.#gruus.forget(change.binding.tempGruus);
      ports.onChange?.(change);
    });
  }

  /** Bindings of all users. */
  get size(): number {
    return this.#store.size;
  }

  /** Names of the users that are registered. */
  get users(): string[] {
    return [...this.#store.users()];
  }

  /**
   * Where a user can be called now: the preferred first. Of several ways to one phone it is the newest alone
   * (RFC 5626 §7).
   * @param target the user's name, or a URI of it: a GRUU means one phone of the user (RFC 5627)
   */
  lookup(target: string): Binding[] {
    const uri = parseUri(target);
    if (!uri.ok) return newestOfEach(this.#store.of(target));
    const { user = '', params } = uri.value;
    if (!('gr' in params)) return newestOfEach(this.#store.of(user));
    const owner = this.#gruus.ownerOf(user);
    if (owner) return this.#ofInstance(owner.user, owner.instance);
    return params.gr ? this.#ofInstance(user, params.gr) : [];
  }

  /** The connection by which the phone with this Contact is registered now; undefined where there is none. */
  flowOf(contact: string): PeerFlow | undefined {
    const uri = parseUri(contact);
    if (!uri.ok) return undefined;
    const found = 'gr' in uri.value.params ? this.lookup(contact) : this.#store.at(uri.value);
    return found.find(({ through }) => through?.open)?.through;
  }

  /** Takes away all bindings of a user, whatever its phones think. */
  remove(user: string): void {
    for (const key of this.#store.entries(user).keys()) this.#store.remove(user, key, 'removed');
  }

  /** Answers a REGISTER. */
  handle(request: ServerRequest): void {
    const admission = this.#ports.admit(request);
    if (!(admission instanceof Promise)) this.#answer(request, admission);
    else
      admission
        .then((settled) => this.#answer(request, settled))
        .catch((error: unknown) => {
          this.#ports.logger.error({ error: messageOf(error) }, 'a REGISTER could not be authenticated');
          request.respond(500);
        });
  }

  close(): void {
    this.#store.close();
  }

  #answer(request: ServerRequest, admission: Admission): void {
    const { status, ...options }: Answer = admission.ok ? this.#register(request, admission.user) : admission;
    request.respond(status, options);
  }

  #register(server: ServerRequest, user: string): Answer {
    const { request } = server;
    const aor = parseUri(request.headers.to.uri);
    if (!aor.ok || aor.value.scheme === 'tel') return { status: 400, reason: 'Bad Request (To is no SIP address)' };
    if (this.#domains && !this.#domains.has(aor.value.host)) return { status: 404 };
    // RFC 3261 §10.3 step 4: nobody registers for somebody else.
    if (aor.value.user !== user) return { status: 403 };
    const read = readRegister(request);
    if (!read.ok) return read.error;
    const wanted = read.value;
    const plan = wanted.contacts === 'all' ? this.#planForAll(user, wanted) : this.#plan(server, user, wanted);
    if ('status' in plan) return plan;
    for (const { key, binding } of plan) {
      if (typeof binding === 'string') this.#store.remove(user, key, binding);
      else this.#store.put(key, this.#named(binding, this.#store.entries(user).get(key), wanted));
    }
    return this.#done(server, aor.value, user, wanted);
  }

  #planForAll(user: string, { callId, seq }: RegisterRequest): Step[] | Answer {
    const steps: Step[] = [];
    for (const [key, binding] of this.#store.entries(user)) {
      if (isOutOfOrder(binding, callId, seq)) return outOfOrder;
      steps.push({ key, binding: 'removed' });
    }
    return steps;
  }

  /** All or nothing (RFC 3261 §10.3 step 7). */
  #plan(server: ServerRequest, user: string, wanted: RegisterRequest): Step[] | Answer {
    const contacts = wanted.contacts as readonly WantedContact[];
    const before = this.#store.entries(user);
    const steps = new Map<string, Step>();
    for (const contact of contacts) {
      const outbound = isOutbound(contact, wanted);
      // RFC 5626 §6: a flow that ends at a proxy which knows nothing of it would be no flow.
      if (outbound && wanted.path.length === 0 && server.request.headers.via.length > 1) return { status: 439 };
      const key = bindingKey(contact.parsed, outbound ? contact.instance : undefined, contact.regId);
      const known = before.get(key);
      if (known && isOutOfOrder(known, wanted.callId, wanted.seq)) return outOfOrder;
      const expires = Math.min(contact.expires ?? this.#default, this.#max);
      if (expires > 0 && expires < this.#min) return { status: 423, headers: [['Min-Expires', String(this.#min)]] };
      const binding = expires === 0 ? 'removed' : this.#binding(server, user, wanted, contact, outbound, expires);
      steps.set(key, { key, binding });
    }
    return this.#withinLimit(before, steps);
  }

  #withinLimit(before: ReadonlyMap<string, Binding>, steps: ReadonlyMap<string, Step>): Step[] | Answer {
    const made = [...steps.values()].filter(({ binding }) => typeof binding !== 'string').length;
    const kept = [...before].filter(([key]) => !steps.has(key)).sort(([, a], [, b]) => a.at - b.at);
    const surplus = made + kept.length - this.#maxContacts;
    if (surplus <= 0) return [...steps.values()];
    if (this.#refuseWhenFull || surplus > kept.length) return { status: 403, reason: 'Too Many Contacts' };
    return [...kept.slice(0, surplus).map(([key]) => ({ key, binding: 'replaced' as const })), ...steps.values()];
  }

  #binding(
    server: ServerRequest,
    user: string,
    { path, callId, seq, userAgent }: RegisterRequest,
    { uri, parsed, q, instance, regId }: WantedContact,
    outbound: boolean,
    expires: number,
  ): Binding {
    const now = this.#ports.clock.now();
    const { transport, address, port } = server.flow;
    const pinned = path.length === 0 && (outbound || leadsNowhere(server.request, parsed));
    return {
      user,
      uri,
      route: path,
      through: pinned || (path.length === 0 && isOneHopAway(server, parsed)) ? server.peerFlow : undefined,
      pinned,
      q,
      at: now,
      due: now + expires * 1000,
      callId,
      seq,
      instance,
      regId,
      userAgent,
      source: `${transport}:${printHost(address)}:${port}`,
      tempGruus: [],
    };
  }

  /** With one more temporary GRUU; those of another Call-ID have ended (RFC 5627 §3.1.2). */
  #named(binding: Binding, known: Binding | undefined, { supports, callId }: RegisterRequest): Binding {
    const { user, instance } = binding;
    const goesOn = known?.callId === callId && instance !== undefined && supports.has('gruu');
    if (!goesOn) this.#gruus.forget(known?.tempGruus ?? []);
    if (instance === undefined || !supports.has('gruu')) return binding;
    return { ...binding, tempGruus: this.#gruus.add(user, instance, goesOn ? known.tempGruus : []) };
  }

  #done(server: ServerRequest, aor: SipUri, user: string, wanted: RegisterRequest): Answer {
    const now = this.#ports.clock.now();
    const headers: HeaderField[] = [];
    for (const binding of this.#store.entries(user).values())
      headers.push(['Contact', contactOf(binding, aor, now, wanted.supports.has('gruu'))]);
    if (wanted.supports.has('path')) for (const uri of wanted.path) headers.push(['Path', `<${uri}>`]);
    const { contacts } = wanted;
    if (contacts !== 'all' && contacts.some((contact) => contact.expires !== 0 && isOutbound(contact, wanted)))
      headers.push(['Require', 'outbound']);
    headers.push(...this.#headers(user, server.flow.transport));
    this.#ports.logger.debug({ user, bindings: headers.length, source: server.flow.address }, 'registered');
    return { status: 200, headers };
  }

  #ofInstance(user: string, instance: string): Binding[] {
    return this.#store
      .of(user)
      .filter((binding) => binding.instance === instance)
      .sort((a, b) => b.at - a.at)
      .slice(0, 1);
  }
}

const outOfOrder: Answer = { status: 500, reason: 'Server Internal Error (CSeq out of order)' };

function isOutOfOrder(binding: Binding, callId: string, seq: number): boolean {
  return binding.callId === callId && seq <= binding.seq;
}

function isOutbound({ instance, regId }: WantedContact, { supports }: RegisterRequest): boolean {
  return instance !== undefined && regId !== undefined && regId > 0 && supports.has('outbound');
}

/**
 * Whether a phone registers itself, over nothing in between: it is called back the same way, by the same socket or
 * connection, for as long as that is there.
 */
function isOneHopAway({ request, peerFlow }: ServerRequest, contact: SipUri): boolean {
  const [via, ...more] = request.headers.via;
  if (more.length > 0) return false;
  if (peerFlow.reliable) return contact.host === via?.host || contact.host === peerFlow.address;
  return contact.host === peerFlow.address && (contact.port ?? 5060) === peerFlow.port;
}

function newestOfEach(bindings: readonly Binding[]): Binding[] {
  const newest = new Map<string, Binding>();
  for (const binding of bindings) {
    const { instance, regId } = binding;
    if (instance === undefined || regId === undefined) continue;
    const best = newest.get(instance);
    if (!best || best.at < binding.at) newest.set(instance, binding);
  }
  return bindings.filter(
    ({ instance, regId, at }) => instance === undefined || regId === undefined || newest.get(instance)?.at === at,
  );
}

function contactOf(binding: Binding, aor: SipUri, now: number, gruu: boolean): string {
  const { uri, q, due, instance, regId, tempGruus } = binding;
  const params = [`expires=${Math.max(0, Math.ceil((due - now) / 1000))}`];
  if (q !== 1) params.push(`q=${q}`);
  if (instance !== undefined) params.push(`+sip.instance=${quote(`<${instance}>`)}`);
  if (regId !== undefined) params.push(`reg-id=${regId}`);
  const temporary = tempGruus.at(-1);
  if (gruu && instance !== undefined && temporary !== undefined) {
    const host = printHost(aor.host);
    params.push(`pub-gruu=${quote(`${aor.scheme}:${encodeURIComponent(aor.user ?? '')}@${host};gr=${instance}`)}`);
    params.push(`temp-gruu=${quote(`${aor.scheme}:${temporary}@${host};gr`)}`);
  }
  return `<${uri}>;${params.join(';')}`;
}
