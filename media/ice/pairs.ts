/**
 * The pairs of one ICE session. A leg has one socket, and RTCP goes by it too, so that each pair is known by the peer's
 * address, and pairs rank as the peer's candidates do (RFC 8445 §6.1.2.3: with one local candidate the order of pairs is
 * the order of the remote ones).
 */
import { TokenBucket } from '../../src/base/token-bucket.ts';
import type { UdpPeer } from '../net/udp-port.ts';
import { ipFamily } from '../stun/ip.ts';
import type { IceCandidate, IceCandidateType } from './types.ts';

/** RFC 8445 §6.1.2.5 has 100 pairs by default. */
const mostPairs = 100;
/** Candidates that the peer may name. */
export const mostSignalled = 64;
/** Addresses that show themselves only by a check, each second; a peer that moves has a few at once. */
const learntRate = 10;
const learntBurst = 20;

export const never = Number.NEGATIVE_INFINITY;

/** RFC 8445 §6.1.2.6. No pair is ever frozen: that is for components and streams beside each other. */
export type PairState = 'waiting' | 'in-progress' | 'succeeded' | 'failed';

export interface Pair {
  /** Stays the same object. */
  readonly peer: UdpPeer;
  type: IceCandidateType;
  readonly priority: number;
  /** Of our own checks. */
  state: PairState;
  /** The peer wants media here, and is controlling. */
  nominated: boolean;
  /** ms of the last check of the peer that was right, and whether that nominated. */
  checkedAt: number;
  nominates: boolean;
  /** ms of the last answer to a check of ours. */
  answeredAt: number;
  /** The peer's half of the name, from before we knew it: whose address this is. */
  ufrag: string | undefined;
}

export class Pairs {
  readonly #all: Pair[] = [];
  readonly #learning: TokenBucket;
  readonly #families: ReadonlySet<number | undefined>;
  #signalled = 0;
  #last: Pair | undefined;

  /** @param local ours: what is of another family cannot be reached from our socket */
  constructor(local: readonly IceCandidate[], now: number) {
    this.#families = new Set(local.map(({ address }) => ipFamily(address)));
    this.#learning = new TokenBucket(learntRate, learntBurst, now);
  }

  get all(): readonly Pair[] {
    return this.#all;
  }

  find(from: UdpPeer): Pair | undefined {
    if (this.#last && isAt(this.#last, from)) return this.#last;
    const found = this.#all.find((pair) => isAt(pair, from));
    if (found) this.#last = found;
    return found;
  }

  /** A candidate that the peer named. @returns undefined for what we have, cannot reach, or have enough of */
  add({ component, address, port, type, priority }: IceCandidate): Pair | undefined {
    if (component !== 1 || this.#signalled >= mostSignalled || !this.#families.has(ipFamily(address))) return undefined;
    const known = this.find({ address, port });
    if (known) {
      // Its check was quicker than its description (RFC 8445 §7.3.1.3).
      if (known.type === 'prflx') known.type = type;
      return undefined;
    }
    const pair = this.#put({ address, port }, type, priority);
    if (pair) this.#signalled++;
    return pair;
  }

  /** Who sends checks from an address that nobody named (RFC 8445 §7.3.1.3). @param kept is not given up for it */
  learn({ address, port }: UdpPeer, priority: number, now: number, kept: Pair | undefined): Pair | undefined {
    if (!this.#learning.take(1, now)) return undefined;
    if (this.#all.length >= mostPairs) this.#drop(kept);
    return this.#put({ address, port }, 'prflx', priority);
  }

  /** Goes on with what a snapshot had. @returns the pair, with a check that was on its way to be sent again */
  restore(saved: Pair): Pair {
    const pair = { ...saved, state: saved.state === 'in-progress' ? 'waiting' : saved.state } satisfies Pair;
    const at = this.#all.findIndex(({ peer }) => isAt(pair, peer));
    if (at < 0) this.#all.push(pair);
    else this.#all[at] = pair;
    this.#last = undefined;
    return pair;
  }

  /** The answer says who the peer is: addresses of others who had the same offer go. */
  keepOf(ufrag: string): void {
    const kept = this.#all.filter((pair) => pair.ufrag === undefined || pair.ufrag === ufrag);
    this.#all.splice(0, this.#all.length, ...kept);
    this.#last = undefined;
  }

  #put(peer: UdpPeer, type: IceCandidateType, priority: number): Pair | undefined {
    if (this.#all.length >= mostPairs) return undefined;
    const pair: Pair = {
      peer,
      type,
      priority,
      state: 'waiting',
      nominated: false,
      checkedAt: never,
      nominates: false,
      answeredAt: never,
      ufrag: undefined,
    };
    this.#all.push(pair);
    return pair;
  }

  /** A peer that goes from place to place leaves addresses behind: the one that was silent longest goes. */
  #drop(kept: Pair | undefined): void {
    let oldest: Pair | undefined;
    for (const pair of this.#all) {
      if (pair === kept || pair.type !== 'prflx') continue;
      if (!oldest || heardAt(pair) < heardAt(oldest)) oldest = pair;
    }
    if (!oldest) return;
    this.#all.splice(this.#all.indexOf(oldest), 1);
    if (this.#last === oldest) this.#last = undefined;
  }
}

const isAt = ({ peer }: Pair, from: UdpPeer): boolean =>
  peer === from || (peer.port === from.port && peer.address === from.address);

export function heardAt({ checkedAt, answeredAt }: Pair): number {
  return Math.max(checkedAt, answeredAt);
}
