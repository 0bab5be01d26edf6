/** What another process needs to go on with the peer: plain data. It holds passwords. */
import type { TieBreaker } from '../stun/reader.ts';
import type { Pair } from './pairs.ts';
import type { IceCounts } from './session.ts';
import type { IceParameters, IceRole } from './types.ts';

export interface IceSessionSnapshot {
  readonly parameters: IceParameters;
  readonly role: IceRole;
  readonly tieBreaker: TieBreaker;
  /** Of a lite agent those that were heard of: the others are in the parameters, and nothing was asked of them. */
  readonly pairs: readonly Pair[];
  /** Index in `pairs`. */
  readonly selected: number | undefined;
  readonly lost: boolean;
  readonly startedAt: number;
  readonly consentAt: number;
}

/** Times count from the moment it was taken: they are 0 or less. */
export interface IceSnapshot {
  /** Of now, and of before a restart that is not through. */
  readonly sessions: readonly IceSessionSnapshot[];
  readonly counts: IceCounts;
}

export function shiftPair(pair: Pair, by: number): Pair {
  return { ...pair, checkedAt: pair.checkedAt + by, answeredAt: pair.answeredAt + by };
}
