/** What a queue is told, and what it answers. */
import type { PlaySource } from '../../media/index.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';
import type { AgentState, QueueEndReason } from '../session/pbx-events.ts';
import { Checks } from './checks.ts';
import type { MemberLegOptions } from './ports.ts';

export const queueStrategies = ['longest-idle', 'sequence', 'random', 'all'] as const;
export type QueueStrategy = (typeof queueStrategies)[number];

export interface QueueOptions {
  /** The agents: users, who are there while they are registered, and SIP URIs, who always are. */
  readonly members: readonly string[];
  /**
   * Which free agent is rung: who has been off the phone longest (`longest-idle`, the default), the first in the order
   * given (`sequence`), anyone (`random`), or `all` of them at once for the caller that is first.
   */
  readonly strategy?: QueueStrategy;
  /** What callers hear; default the music that is shipped. false: nothing. */
  readonly music?: PlaySource | false;
  /** ms from one announcement of the position to the next, the first at once; default 30,000. 0: none. */
  readonly announceEvery?: number;
  /** What is announced; default: "You are number 3". @param waitedMs that the caller has waited */
  readonly announce?: (position: number, waitedMs: number) => PlaySource;
  /** ms that a caller waits at most; default no limit. */
  readonly maxWait?: number;
  /** Callers that wait at once; one more is not let in. Default 100. */
  readonly maxCallers?: number;
  /** ms that an agent has for itself after a call; default 0. */
  readonly wrapUp?: number;
  /** ms that an agent rings; default 15,000. */
  readonly ringTime?: number;
  /** ms until an agent that did not take a call is rung again; default 5,000. */
  readonly retryAfter?: number;
  /** An agent that misses so many calls in a row is paused; default never. */
  readonly pauseAfterMissed?: number;
  /** What becomes of callers when no agent is registered: they leave (`leave`, the default), or wait. */
  readonly whenEmpty?: 'leave' | 'wait';
  /** Keys that lead out of the queue; default none. */
  readonly exitKeys?: string;
  /** What is done with a caller that nobody took. `enter` resolves when that is over. */
  readonly overflow?: (call: DialogServerSession, result: QueueResult) => Promise<void> | void;
  /** Caller ID, headers and way of the calls to agents; default: the caller's. */
  readonly invite?: MemberLegOptions;
}

export interface QueueResult {
  /**
   * `answered`: caller and agent talked, and one hung up; `timeout`: `maxWait` is over; `full`: `maxCallers` were there;
   * `no-agents`: none is registered; `abandoned`: the caller hung up; `key`: it pressed one of `exitKeys`.
   */
  readonly end: QueueEndReason;
  readonly agent?: string;
  readonly key?: string;
  /** ms */
  readonly waitedMs: number;
  /** ms that they talked. */
  readonly talkedMs?: number;
}

export interface QueueCallerState {
  readonly callId: string;
  readonly sessionId: string;
  readonly fromUser: string | undefined;
  /** From 1. */
  readonly position: number;
  readonly priority: number;
  readonly waitedMs: number;
  /** Agents that ring for it. */
  readonly ringing: readonly string[];
}

export interface QueueAgentState {
  readonly name: string;
  readonly state: AgentState;
  /** Calls of this queue that it took, and missed. */
  readonly taken: number;
  readonly missed: number;
}

/** Plain data. */
export interface QueueState {
  readonly name: string;
  readonly callers: readonly QueueCallerState[];
  readonly agents: readonly QueueAgentState[];
  /** Callers that left, by how. */
  readonly left: Readonly<Record<QueueEndReason, number>>;
}

/** @throws ConfigError */
export function checkedQueue(name: string, options: QueueOptions): QueueOptions {
  const checks = new Checks('queue', name);
  const { strategy = 'longest-idle', whenEmpty = 'leave', exitKeys = '' } = options;
  checks.members(options.members);
  checks.oneOf('strategy', strategy, queueStrategies);
  checks.oneOf('whenEmpty', whenEmpty, ['leave', 'wait']);
  checks.keys('exitKeys', exitKeys);
  checks.ms('wrapUp', options.wrapUp ?? 0);
  checks.ms('ringTime', options.ringTime ?? 15_000, 1000);
  // An agent's phone that refuses every call would be called without a pause.
  checks.ms('retryAfter', options.retryAfter ?? 5000, 500);
  if (options.announceEvery !== 0) checks.ms('announceEvery', options.announceEvery ?? 30_000, 1000);
  if (options.maxWait !== undefined) checks.ms('maxWait', options.maxWait);
  checks.whole('maxCallers', options.maxCallers ?? 100, 0);
  if (options.pauseAfterMissed !== undefined) checks.whole('pauseAfterMissed', options.pauseAfterMissed, 1);
  return options;
}
