/**
 * A network in memory: hosts with addresses, ways between them that lose, delay, reorder and double what they carry,
 * names, and an eye on everything that is sent. Which datagram meets which fate depends on the seed alone.
 */
import type { Clock } from '../../base/clock.ts';
import { TandemError } from '../../base/errors.ts';
import type { Resolver } from '../../base/io.ts';
import type { SipTransportName } from '../../sip/transport/kinds.ts';
import { seededRandom } from '../seeded-random.ts';
import { type Conditions, fineConditions, Way } from './conditions.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { LabHost } from './host.ts';

/** What a port of a host is for. */
export type Traffic = 'sip' | 'rtp';

export interface Address {
  readonly address: string;
  readonly port: number;
}

/** One datagram, or one write to a stream, as seen where it was sent. The bytes are not to be changed or kept. */
export interface Sight {
  readonly at: number;
  readonly traffic: Traffic;
  readonly transport: SipTransportName;
  readonly from: Address;
  readonly to: Address;
  readonly bytes: Uint8Array;
  /** When it arrives: once, twice, or (empty) never. */
  readonly arrivals: readonly number[];
  /** Nobody has that address. */
  readonly noHost: boolean;
}

export type ConditionOptions = Partial<Conditions> & {
  /** One kind of traffic only; default both. */
  readonly only?: Traffic;
};

export class LabNetwork {
  readonly resolver: Resolver;
  /** Sees everything that is sent. */
  onSight: (sight: Sight) => void = () => {};
  /** @internal */
  readonly clock: Clock;
  /** @internal */
  readonly deliveries: DeliveryQueue;
  readonly #seed: number | string;
  readonly #hosts = new Map<string, LabHost>();
  readonly #ways = new Map<LabHost, Map<string, Record<Traffic, Way>>>();
  readonly #conditions: Record<Traffic, Conditions> = { sip: fineConditions, rtp: fineConditions };

  constructor(clock: Clock, seed: number | string) {
    this.clock = clock;
    this.#seed = seed;
    this.deliveries = new DeliveryQueue(clock);
    this.resolver = { lookup: (host) => this.#lookup(host) };
  }

  /** A new host. @param name by which it can be called, and which traces show; @throws TandemError for a second one */
  host(name: string, address: string): LabHost {
    if (this.#hosts.has(address) || this.#named(name))
      throw new TandemError('ERR_ARGUMENT', `the lab has a host ${name} or ${address} already: name another`);
    const host = new LabHost(this, name, address);
    this.#hosts.set(address, host);
    return host;
  }

  get hosts(): readonly LabHost[] {
    return [...this.#hosts.values()];
  }

  /** The host of a name. @throws TandemError when there is none */
  hostOf(host: LabHost | string): LabHost {
    const found = typeof host === 'string' ? this.#named(host) : host;
    if (found) return found;
    const names = this.hosts.map(({ name }) => name).join(', ');
    throw new TandemError('ERR_ARGUMENT', `the lab has no host ${String(host)}; there is: ${names || 'nobody'}`);
  }

  hostAt(address: string): LabHost | undefined {
    return this.#hosts.get(address);
  }

  /** How every way is from now on, those of hosts still to come too; what is not said stays as it was. */
  set({ only, ...changes }: ConditionOptions): void {
    for (const traffic of trafficOf(only)) {
      this.#conditions[traffic] = { ...this.#conditions[traffic], ...changes };
      for (const way of this.#all(traffic)) way.conditions = { ...way.conditions, ...changes };
    }
  }

  /** The ways between two hosts, in both directions. Hosts are named as `Lab.phone` and `Lab.serve` name them. */
  between(a: LabHost | string, b: LabHost | string, { only, ...changes }: ConditionOptions): void {
    for (const way of this.#both(a, b, trafficOf(only))) way.conditions = { ...way.conditions, ...changes };
  }

  /** Nothing gets through between the two, in either direction; streams stall. */
  partition(a: LabHost | string, b: LabHost | string): void {
    for (const way of this.#both(a, b, trafficOf())) way.cut = true;
  }

  /** Takes back `partition`: of two hosts, or of all. */
  heal(a?: LabHost | string, b?: LabHost | string): void {
    const ways = a && b ? this.#both(a, b, trafficOf()) : [...this.#all('sip'), ...this.#all('rtp')];
    for (const way of ways) way.cut = false;
  }

  #all(traffic: Traffic): Way[] {
    return [...this.#ways.values()].flatMap((ways) => [...ways.values()].map((pair) => pair[traffic]));
  }

  #both(a: LabHost | string, b: LabHost | string, traffic: readonly Traffic[]): Way[] {
    const [one, other] = [this.hostOf(a), this.hostOf(b)];
    return traffic.flatMap((kind) => [this.way(one, other.address, kind), this.way(other, one.address, kind)]);
  }

  /** What is under way is lost, and no name is found any more. */
  close(): void {
    this.deliveries.clear();
    this.#hosts.clear();
  }

  /** @internal */
  way(from: LabHost, to: string, traffic: Traffic): Way {
    let ways = this.#ways.get(from);
    if (!ways) {
      ways = new Map();
      this.#ways.set(from, ways);
    }
    let pair = ways.get(to);
    if (!pair) {
      const make = (one: Traffic): Way =>
        new Way(seededRandom(this.#seed, `${from.address} > ${to} ${one}`), this.#conditions[one]);
      pair = { sip: make('sip'), rtp: make('rtp') };
      ways.set(to, pair);
    }
    return pair[traffic];
  }

  /** The address of a host of that name, or the address itself; undefined for a name nobody has. */
  addressOf(host: string): string | undefined {
    if (/^[\d.]+$|:/.test(host)) return host;
    return this.#named(host)?.address;
  }

  #named(name: string): LabHost | undefined {
    return this.hosts.find((host) => host.name.toLowerCase() === name.toLowerCase());
  }

  async #lookup(name: string): Promise<readonly { readonly address: string; readonly family: 4 | 6 }[]> {
    const address = this.addressOf(name);
    if (address === undefined) throw Object.assign(new Error(`the lab has no host "${name}"`), { code: 'ENOTFOUND' });
    return [{ address, family: address.includes(':') ? 6 : 4 }];
  }
}

function trafficOf(only?: Traffic): readonly Traffic[] {
  return only ? [only] : ['sip', 'rtp'];
}
