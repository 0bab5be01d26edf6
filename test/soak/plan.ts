/** What happens in one call of the soak, drawn from the seed. Times are ms. */
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick } from '../../src/testing/index.ts';

/** Who ends a call that is up; `both` in the same millisecond. */
export type Ender = 'phone' | 'server' | 'both';

interface Common {
  /** Since the lab's start. */
  readonly startMs: number;
  readonly transport: 'udp' | 'tcp';
  /** How long the call is up. */
  readonly talkMs: number;
  readonly ender: Ender;
  /** Every message of the phone goes out twice. */
  readonly twice: boolean;
}

/** A phone calls the server. */
export interface Inbound extends Common {
  readonly kind: 'inbound';
  readonly server: 'answers' | 'rejects' | 'throws' | 'returns' | 'answers and throws';
  /** Before the server says its last word on the INVITE. */
  readonly ringMs: number;
  /** The phone gives up after; near `ringMs` it crosses the 200. */
  readonly cancelMs: number | undefined;
  /** Re-INVITEs in mid-call, at half the talk; `both` at once is glare. */
  readonly reInvite: Ender | undefined;
  /** In mid-call the phone is gone, and stays away. */
  readonly vanishes: boolean;
  /** The phone's ACK of the 200. */
  readonly ack: 'sent' | 'late' | 'never';
  /** The offer is no SDP. */
  readonly malformed: boolean;
}

/** The server calls a phone. */
export interface Outbound extends Common {
  readonly kind: 'outbound';
  readonly phone: 'answers' | 'rejects' | 'rings' | 'is gone';
  readonly ringMs: number;
  /** The server gives up after. */
  readonly cancelMs: number | undefined;
}

/** A phone calls another one through the server. */
export interface Bridged extends Common {
  readonly kind: 'bridged';
  readonly callee: 'answers' | 'rejects' | 'rings';
  readonly ringMs: number;
  readonly cancelMs: number | undefined;
  /** The callee hangs up instead of the caller. */
  readonly calleeEnds: boolean;
}

/** A phone calls a menu, presses keys and listens. */
export interface Menu extends Common {
  readonly kind: 'menu';
  readonly digits: string;
}

export type Plan = Inbound | Outbound | Bridged | Menu;

/** Every tenth call has audio. */
const audioEvery = 10;
/** Calls begin within so many ms of each other. */
const rampMs = 20_000;

export function planOf(random: Random, index: number): Plan {
  const common: Common = {
    startMs: between(random, 0, rampMs),
    transport: chance(random, 0.25) ? 'tcp' : 'udp',
    talkMs: chance(random, 0.3) ? between(random, 10_000, 25_000) : between(random, 0, 8000),
    ender: pick(random, ['phone', 'server', 'both']),
    twice: chance(random, 0.1),
  };
  if (index % audioEvery === 0) {
    const digits = Array.from({ length: between(random, 1, 6) }, () => pick(random, [...'0123456789*'])).join('');
    return { ...common, kind: 'menu', digits };
  }
  const ringMs = between(random, 0, 3000);
  // Half of those who give up do so in the moment of the answer.
  const cancelMs = chance(random, 0.25)
    ? chance(random, 0.5)
      ? ringMs + between(random, -30, 60)
      : between(random, 0, 3000)
    : undefined;
  const ringing = { ringMs, cancelMs: cancelMs === undefined ? undefined : Math.max(0, cancelMs) };
  switch (pick(random, ['inbound', 'inbound', 'outbound', 'bridged'] as const)) {
    case 'inbound':
      return {
        ...common,
        ...ringing,
        kind: 'inbound',
        server: pick(random, ['answers', 'answers', 'answers', 'rejects', 'throws', 'returns', 'answers and throws']),
        reInvite: chance(random, 0.3) ? pick(random, ['phone', 'server', 'both']) : undefined,
        vanishes: chance(random, 0.05),
        ack: chance(random, 0.06) ? pick(random, ['late', 'never']) : 'sent',
        malformed: chance(random, 0.03),
      };
    case 'outbound':
      return {
        ...common,
        ...ringing,
        kind: 'outbound',
        phone: pick(random, ['answers', 'answers', 'answers', 'rejects', 'rings', 'is gone']),
      };
    case 'bridged':
      return {
        ...common,
        ...ringing,
        kind: 'bridged',
        callee: pick(random, ['answers', 'answers', 'answers', 'rejects', 'rings']),
        calleeEnds: chance(random, 0.5),
      };
  }
}
