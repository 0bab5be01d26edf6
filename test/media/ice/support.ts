/** Two agents and what lies between them, on one clock that is moved by hand. */
import { IceAgent, type IcePorts } from '../../../media/ice/agent.ts';
import { hostCandidate } from '../../../media/ice/candidate.ts';
import { newIceCredentials } from '../../../media/ice/credentials.ts';
import { IceKeys } from '../../../media/ice/keys.ts';
import { checkOf } from '../../../media/ice/messages.ts';
import type { IceSnapshot } from '../../../media/ice/snapshot.ts';
import type { IceCandidate, IceCredentials, IceParameters, IceRole } from '../../../media/ice/types.ts';
import type { UdpPeer } from '../../../media/net/udp-port.ts';
import { StunReader } from '../../../media/stun/reader.ts';
import type { Random } from '../../../src/base/random.ts';
import { chance, seededRandom } from '../../../src/testing/index.ts';

export interface Sent {
  readonly bytes: Uint8Array;
  readonly to: UdpPeer;
  readonly at: number;
}

/** One side: an agent, and what it said. */
export class Side {
  readonly name: string;
  readonly credentials: IceCredentials;
  readonly candidate: IceCandidate;
  readonly events: string[] = [];
  readonly sent: Sent[] = [];
  readonly ports: IcePorts;
  agent: IceAgent;
  /** Where its datagrams come from, as others see it. */
  from: UdpPeer;

  constructor(
    name: string,
    address: string,
    random: Random,
    deliver: (side: Side, bytes: Uint8Array, to: UdpPeer) => void,
  ) {
    this.name = name;
    this.credentials = newIceCredentials(random);
    this.candidate = hostCandidate(address, 4000);
    this.from = { address, port: 4000 };
    this.ports = {
      random,
      local: [this.candidate],
      send: (bytes, length, to) => deliver(this, bytes.slice(0, length), to),
      onSelected: () => this.events.push('selected'),
      onConsentLost: () => this.events.push('lost'),
      onState: () => this.events.push(this.agent.state),
    };
    this.agent = new IceAgent(this.ports);
  }

  /** Another process goes on. */
  revive(snapshot: IceSnapshot, takenAt: number): void {
    this.agent = new IceAgent(this.ports, structuredClone(snapshot), takenAt);
  }
}

export interface PairOptions {
  readonly seed?: number;
  readonly lite?: readonly [boolean, boolean];
  readonly roles?: readonly [IceRole, IceRole];
  /** Share of datagrams that are lost. */
  readonly loss?: number;
  /** ms one way. */
  readonly delay?: number;
  /** Candidates that each is told of the other; the real ones by default. */
  readonly told?: readonly [readonly IceCandidate[], readonly IceCandidate[]];
  readonly v6?: boolean;
}

interface InFlight extends Sent {
  readonly from: UdpPeer;
  readonly order: number;
}

export class IceLab {
  now = 1000;
  readonly a: Side;
  readonly b: Side;
  loss: number;
  /** Whose datagrams go nowhere, and to whom nothing comes. */
  readonly dead = new Set<Side>();
  readonly #delay: number;
  readonly #random: Random;
  readonly #options: PairOptions;
  #flying: InFlight[] = [];
  #order = 0;

  constructor(options: PairOptions = {}) {
    const { seed = 1, loss = 0, delay = 10, v6 = false } = options;
    this.#options = options;
    this.loss = loss;
    this.#delay = delay;
    this.#random = seededRandom(seed, 'way');
    const deliver = (side: Side, bytes: Uint8Array, to: UdpPeer): void => this.#take(side, bytes, to);
    this.a = new Side('a', v6 ? '2001:db8::a' : '10.0.0.1', seededRandom(seed, 'a'), deliver);
    this.b = new Side('b', v6 ? '2001:db8::b' : '10.0.0.2', seededRandom(seed, 'b'), deliver);
  }

  #take(side: Side, bytes: Uint8Array, to: UdpPeer): void {
    side.sent.push({ bytes, to, at: this.now });
    if (this.dead.has(side) || chance(this.#random, this.loss)) return;
    this.#flying.push({ bytes, to, at: this.now + this.#delay, from: side.from, order: this.#order++ });
  }

  parameters(side: Side, changes: Partial<IceParameters> = {}): IceParameters {
    const { lite = [false, false], roles = ['controlling', 'controlled'], told } = this.#options;
    const [own, other] = side === this.a ? [0, 1] : [1, 0];
    const peer = side === this.a ? this.b : this.a;
    return {
      local: side.credentials,
      remote: peer.credentials,
      localLite: lite[own]!,
      remoteLite: lite[other]!,
      role: roles[own]!,
      candidates: told?.[own] ?? [peer.candidate],
      endOfCandidates: true,
      ...changes,
    };
  }

  configure(): this {
    for (const side of [this.a, this.b]) side.agent.configure(this.parameters(side), this.now);
    return this;
  }

  /** Moves the clock, in the order in which things are due. */
  run(ms: number): this {
    const end = this.now + ms;
    for (;;) {
      this.#flying.sort((one, other) => one.at - other.at || one.order - other.order);
      const next = this.#flying[0];
      const due = Math.min(next?.at ?? end, ...[this.a, this.b].map(({ agent }) => agent.due ?? end));
      if (due > end || (due === end && !next && this.now === end)) break;
      this.now = Math.max(this.now, due);
      if (next && next.at <= this.now) {
        this.#flying.shift();
        this.#arrive(next);
      }
      let busy = next !== undefined && next.at <= this.now;
      for (const { agent } of [this.a, this.b])
        if ((agent.due ?? Number.POSITIVE_INFINITY) <= this.now) {
          busy = true;
          const again = agent.tick(this.now);
          if (again !== undefined && again <= this.now) throw new Error(`due at ${again} again, it is ${this.now}`);
        }
      if (!busy && this.now >= end) break;
    }
    this.now = end;
    return this;
  }

  #arrive({ bytes, to, from }: InFlight): void {
    const side = [this.a, this.b].find((one) => one.from.port === to.port && one.from.address === to.address);
    if (side && !this.dead.has(side)) side.agent.datagram(bytes, 0, bytes.length, from, this.now);
  }

  /** All that is on its way is lost. */
  forget(): void {
    this.#flying = [];
  }
}

export function read(bytes: Uint8Array): StunReader {
  const reader = new StunReader();
  if (!reader.read(bytes, 0, bytes.length)) throw new Error('this is no STUN');
  return reader;
}

/** A browser, or whoever: says what a test has it say to a lite agent. */
export class Asker {
  readonly lab: IceLab;
  readonly keys: IceKeys;
  readonly #random = seededRandom(77);

  constructor(lab: IceLab, keys?: IceKeys) {
    this.lab = lab;
    // Of a's password it knows what b knows.
    this.keys = keys ?? new IceKeys(lab.b.credentials, lab.a.credentials);
  }

  check(options: { nominates?: boolean; priority?: number; role?: IceRole } = {}): Uint8Array {
    const { nominates = false, priority = 1, role = 'controlling' } = options;
    const transaction = this.#random.bytes(12);
    return checkOf(transaction, this.keys, { role, tieBreaker: { high: 1, low: 1 }, priority, nominates })!.message;
  }

  /** @returns what a answers to it */
  send(bytes: Uint8Array, from: UdpPeer = this.lab.b.from): StunReader | undefined {
    const { a } = this.lab;
    const before = a.sent.length;
    a.agent.datagram(bytes, 0, bytes.length, from, this.lab.now);
    const answer = a.sent[before];
    return answer && read(answer.bytes);
  }

  ask(options: Parameters<Asker['check']>[0], from?: UdpPeer): StunReader | undefined {
    return this.send(this.check(options), from);
  }
}
