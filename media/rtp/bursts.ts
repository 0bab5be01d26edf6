/**
 * How losses are spread: gaps, in which one packet is lost at times, and bursts, in which no 16 packets in a row come
 * (RFC 3611 §4.7.2, counted as in Appendix A.2: `c13` is a way from state 1 to state 3).
 */

/** Packets in a row that end a burst. */
export const gmin = 16;

/** Plain data: part of a leg's snapshot. */
export interface BurstState {
  /** Packets that came since the last one that was lost. */
  run: number;
  /** Lost in the burst that may be going on. */
  lost: number;
  c11: number;
  c13: number;
  c14: number;
  c22: number;
  c23: number;
  c33: number;
}

export interface BurstMetrics {
  /** Share of the packets that were lost in bursts, and in gaps. */
  readonly burstDensity: number;
  readonly gapDensity: number;
  /** Mean length, ms. */
  readonly burstMs: number;
  readonly gapMs: number;
}

export function createBursts(): BurstState {
  return { run: 0, lost: 0, c11: 0, c13: 0, c14: 0, c22: 0, c23: 0, c33: 0 };
}

/** One packet, in the order of the numbers. */
export function countBurst(state: BurstState, lost: boolean): void {
  if (!lost) {
    state.run++;
    return;
  }
  if (state.run >= gmin) {
    if (state.lost === 1) state.c14++;
    else state.c13++;
    state.lost = 1;
    state.c11 += state.run;
  } else {
    state.lost++;
    if (state.run === 0) state.c33++;
    else {
      state.c23++;
      state.c22 += state.run - 1;
    }
  }
  state.run = 0;
}

/** @param packetMs of audio in one packet */
export function burstMetrics({ run, lost, c11, c13, c14, c22, c23, c33 }: BurstState, packetMs: number): BurstMetrics {
  const inGap = c11 + (lost > 1 ? 0 : run);
  const all = inGap + c14 + 2 * c13 + c22 + 2 * c23 + c33;
  if (c13 === 0) return { burstDensity: 0, gapDensity: share(c14, inGap + c14), burstMs: 0, gapMs: all * packetMs };
  const leaves = share(c23, c13 + c23 + c33);
  const enters = c22 + c23 < 1 ? 1 : 1 - c22 / (c22 + c23);
  const gapMs = ((inGap + c14 + c13) * packetMs) / c13;
  return {
    burstDensity: share(enters, enters + leaves),
    gapDensity: share(c14, inGap + c14),
    burstMs: Math.max(0, (all * packetMs) / c13 - gapMs),
    gapMs,
  };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
