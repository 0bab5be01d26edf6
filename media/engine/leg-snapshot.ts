/**
 * Times in a snapshot count from the moment it was taken; in a live leg they are on its engine's clock.
 * Engines do not share an origin, so a snapshot is re-based on the way in and on the way out.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { LatchState } from '../rtp/latch.ts';
import type { RtcpState } from '../rtp/rtcp-session.ts';
import type { SenderState } from '../rtp/sender.ts';
import type { LegSnapshot } from '../snapshot.ts';

/** A stream that was away for longer does not go on where the clock would have it. */
const longestAwayMs = 60_000;

/** More packets a second than anybody sends, and more reports. */
const packetMs = 5;
const reportMs = 100;
/** What may be in the air between a snapshot and the end of its leg. */
const spare = 16;
/** A longer gap looks to the peer like another stream (RFC 3550 §A.1). */
const longestGap = 1000;
/** The peer finds the roll-over counter again when the gap is below half a turn (RFC 3711 §3.3.1). */
const longestSecureGap = 30_000;

type Timed = Pick<LegSnapshot, 'sender' | 'latch' | 'rtcp'>;

/** @param now ms on the engine's clock when the snapshot is taken */
export function detachTimes(live: Timed, now: number): Timed {
  return shift(live, -now);
}

/**
 * @param now ms on the new engine's clock; @param unixMs the same moment, on the clock that stamped it
 */
export function attachTimes(snapshot: LegSnapshot, now: number, unixMs: number): Timed {
  return shift(snapshot, takenHere(snapshot, { now: () => now, wallclock: () => unixMs }));
}

/** When a snapshot was taken, ms on this engine's clock. */
export function takenHere({ takenAt }: LegSnapshot, clock: Pick<Clock, 'now' | 'wallclock'>): number {
  return clock.now() - Math.min(longestAwayMs, Math.max(0, clock.wallclock() - takenAt));
}

/**
 * How much the leg may have sent after the snapshot. No number is used again: under SRTP none may be (RFC 3711 §9.1), and
 * a peer would take a packet under an old one for late. So the new leg leaves as many out.
 * @param unixMs on the clock that stamped the snapshot. @returns undefined when nothing was sent after it
 */
export function unseenSince(
  { final, takenAt, security }: LegSnapshot,
  unixMs: number,
): { readonly packets: number; readonly reports: number } | undefined {
  if (final) return undefined;
  const away = Math.max(0, unixMs - takenAt);
  return {
    packets: Math.min(security ? longestSecureGap : longestGap, Math.ceil(away / packetMs) + spare),
    reports: Math.ceil(away / reportMs) + spare,
  };
}

function shift({ sender, latch, rtcp }: Timed, by: number): Timed {
  return {
    sender: { ...sender, at: sender.at + by } satisfies SenderState,
    latch: { rtp: shiftLatch(latch.rtp, by), rtcp: shiftLatch(latch.rtcp, by) },
    rtcp: {
      ...rtcp,
      lastSenderReportAt: rtcp.lastSenderReportAt + by,
      referenceAt: rtcp.referenceAt + by,
    } satisfies RtcpState,
  };
}

function shiftLatch(latch: LatchState, by: number): LatchState {
  return { ...latch, latchedAt: latch.latchedAt + by, heardAt: latch.heardAt + by };
}
