/** Points of a call's media as lines of a chart, and levels as bars. No DOM in here. */
import type { CallLeg, MediaPoint } from '../../protocol.ts';

export type MediaField = 'loss' | 'jitter' | 'mos' | 'rtt';

/** Legs are asked at moments of their own: what falls into the same second belongs together. @returns Unix seconds, then a list for each leg. */
export function mediaSeries(
  media: Readonly<Record<string, readonly MediaPoint[]>>,
  legs: readonly CallLeg[],
  field: MediaField,
): (number | null)[][] {
  const lines = legs.map(({ sessionId }) => {
    return new Map((media[sessionId] ?? []).map((point) => [Math.floor(point.at / 1_000), point[field] ?? null]));
  });
  const times = [...new Set(lines.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  return [times, ...lines.map((line) => times.map((time) => line.get(time) ?? null))];
}

const floor = -60;

/** @param level dBFS. @returns 0..1 of a bar's height: the 60 dB that are of interest. */
export function barHeight(level: number): number {
  return Math.max(0, Math.min(1, (level - floor) / -floor));
}

/** The loudest level of each of `bars` equal parts of the time from `from` to `to`, 0..1. */
export function levelBars(
  points: readonly MediaPoint[],
  which: 'received' | 'sent',
  { from, to, bars }: { readonly from: number; readonly to: number; readonly bars: number },
): Float32Array {
  const heights = new Float32Array(Math.max(0, bars));
  const perBar = (to - from) / bars;
  if (!(perBar > 0)) return heights;
  for (const point of points) {
    const levels = point[which];
    // A point tells of the second before it.
    const begin = point.at - 1_000;
    const each = 1_000 / Math.max(1, levels.length);
    for (const [i, level] of levels.entries()) {
      const height = barHeight(level);
      const first = Math.floor((begin + i * each - from) / perBar);
      const last = Math.max(first, Math.ceil((begin + (i + 1) * each - from) / perBar) - 1);
      for (let bar = Math.max(0, first); bar <= last && bar < bars; bar += 1)
        if (height > (heights[bar] as number)) heights[bar] = height;
    }
  }
  return heights;
}
