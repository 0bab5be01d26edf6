/** Where users are (RFC 3261 §10): bindings of a user to Contacts, each for its time. One owner: the registrar. */
import type { Clock, Timer } from '../base/clock.ts';
import { type Due, DueHeap } from '../base/due-heap.ts';
import type { PeerFlow } from '../sip/transport/flow.ts';
import { parseUri, type SipUri } from '../sip/uri.ts';

/** A user can be reached there. It can be called as it is: `tandem.invite(binding)`. */
export interface Binding {
  readonly user: string;
  /** The Contact, as it was registered. */
  readonly uri: string;
  /** Path of the REGISTER: requests to the user go through it (RFC 3327). */
  readonly route: readonly string[];
  /** The way the REGISTER came, where requests have to take that (RFC 5626, NAT, browsers). */
  readonly through: PeerFlow | undefined;
  /** Nothing else leads there: it ends with its connection. */
  readonly pinned: boolean;
  /** Preference, 0 to 1. */
  readonly q: number;
  /** When it was made or refreshed, in ms of the clock's `now`. */
  readonly at: number;
  /** When it ends, likewise. */
  readonly due: number;
  readonly callId: string;
  readonly seq: number;
  readonly instance: string | undefined;
  readonly regId: number | undefined;
  readonly userAgent: string | undefined;
  /** Where the REGISTER came from: `udp:192.0.2.1:5060`. */
  readonly source: string;
  /** User parts of the temporary GRUUs that lead here, newest last (RFC 5627 §3.1). */
  readonly tempGruus: readonly string[];
}

export type BindingEnd = 'removed' | 'expired' | 'replaced' | 'disconnected';
export type BindingChange =
  | { readonly what: 'added' | 'refreshed'; readonly binding: Binding }
  | { readonly what: BindingEnd; readonly binding: Binding };

interface Kept extends Due {
  readonly key: string;
  binding: Binding;
  due: number;
}

export class LocationStore {
  readonly #clock: Clock;
  readonly #onChange: (change: BindingChange) => void;
  readonly #users = new Map<string, Map<string, Kept>>();
  readonly #heap = new DueHeap<Kept>();
  #order = 0;
  #timer: Timer | undefined;
  #armedFor = 0;

  /** @param onChange hears of every change once; must not throw */
  constructor(clock: Clock, onChange: (change: BindingChange) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Bindings of all users. */
  get size(): number {
    return this.#heap.size;
  }

  /** Users that are registered. */
  users(): IterableIterator<string> {
    return this.#users.keys();
  }

  /** Those that can be reached now: the preferred first, and of these the newest. */
  of(user: string): Binding[] {
    this.#expire();
    const kept = [...(this.#users.get(user)?.values() ?? [])];
    const reachable: Binding[] = [];
    for (const one of kept) {
      const { binding } = one;
      if (binding.through?.open ?? true) reachable.push(binding);
      else if (binding.pinned) this.#drop(one, 'disconnected');
      else reachable.push({ ...binding, through: undefined });
    }
    return reachable.sort((a, b) => b.q - a.q || b.at - a.at);
  }

  /** Those whose Contact is at this place; looks through all of them. */
  at({ user, host, port }: SipUri): Binding[] {
    this.#expire();
    return [...this.#heap].flatMap(({ binding }) => {
      const contact = parseUri(binding.uri);
      const same = contact.ok && contact.value.user === user && contact.value.host === host;
      return same && contact.value.port === port ? [binding] : [];
    });
  }

  put(key: string, binding: Binding): void {
    let bindings = this.#users.get(binding.user);
    if (!bindings) {
      bindings = new Map();
      this.#users.set(binding.user, bindings);
    }
    const known = bindings.get(key);
    // A connection that a user is reached by is not idle.
    binding.through?.hold();
    known?.binding.through?.release();
    if (known) {
      this.#heap.remove(known);
      known.binding = binding;
      known.due = binding.due;
      this.#heap.add(known);
    } else {
      const kept: Kept = { key, binding, due: binding.due, order: this.#order++, index: -1 };
      bindings.set(key, kept);
      this.#heap.add(kept);
    }
    this.#arm();
    this.#onChange({ what: known ? 'refreshed' : 'added', binding });
  }

  remove(user: string, key: string, why: BindingEnd): void {
    const kept = this.#users.get(user)?.get(key);
    if (kept) this.#drop(kept, why);
  }

  /** Key → binding, of one user. */
  entries(user: string): ReadonlyMap<string, Binding> {
    this.#expire();
    return new Map([...(this.#users.get(user) ?? [])].map(([key, { binding }]) => [key, binding]));
  }

  close(): void {
    for (const { binding } of this.#heap) binding.through?.release();
    this.#heap.clear();
    this.#users.clear();
    this.#disarm();
  }

  #expire(): void {
    const now = this.#clock.now();
    for (let first = this.#heap.first; first && first.due <= now; first = this.#heap.first)
      this.#drop(first, 'expired');
  }

  #drop(kept: Kept, why: BindingEnd): void {
    if (!this.#heap.remove(kept)) return;
    const { user } = kept.binding;
    const bindings = this.#users.get(user);
    bindings?.delete(kept.key);
    if (bindings?.size === 0) this.#users.delete(user);
    if (this.#heap.size === 0) this.#disarm();
    kept.binding.through?.release();
    this.#onChange({ what: why, binding: kept.binding });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** One timer, for the binding that ends first. */
  #arm(): void {
    const { first } = this.#heap;
    if (!first || (this.#timer && this.#armedFor <= first.due)) return;
    this.#disarm();
    this.#armedFor = first.due;
    this.#timer = this.#clock.setTimer(
      Math.max(0, first.due - this.#clock.now()),
      () => {
        this.#timer = undefined;
        this.#expire();
        this.#arm();
      },
      'registration expires',
    );
  }
}

/** Bindings with the same key are one and the same: a flow of an instance, or a Contact (RFC 5626 §6, RFC 3261 §19.1.4). */
export function bindingKey(uri: SipUri, instance: string | undefined, regId: number | undefined): string {
  if (instance !== undefined && regId !== undefined) return `${instance} ${regId}`;
  const { scheme, user = '', host, port, params } = uri;
  const { transport, maddr, ttl, method } = params;
  const matter = [transport?.toLowerCase(), maddr?.toLowerCase(), params.user?.toLowerCase(), ttl, method];
  return [`${scheme}:${user}@${host}:${port ?? ''}`, ...matter.map((one) => one ?? '')].join(';');
}
