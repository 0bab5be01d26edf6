/** The server's figures as lines that can be read: an hour of seconds on 300 pixels is a grey band. No DOM in here. */
import type { Totals } from '../../protocol.ts';

/** @returns Unix seconds, then for each of `of` the mean of what falls into the same of at most `most` spans. */
export function averaged(
  history: readonly Totals[],
  of: readonly ((totals: Totals) => number | undefined)[],
  most: number,
): (number | null)[][] {
  const columns: (number | null)[][] = [[], ...of.map(() => [])];
  const first = history[0]?.at;
  const last = history.at(-1)?.at;
  if (first === undefined || last === undefined) return columns;
  // On the clock's own grid, so that points do not change with every second that comes.
  const span = Math.max(1_000, Math.ceil((last - first) / most / 1_000) * 1_000);
  for (let i = 0; i < history.length; ) {
    const begin = Math.floor((history[i] as Totals).at / span) * span;
    let end = i;
    while (end < history.length && (history[end] as Totals).at < begin + span) end += 1;
    const part = history.slice(i, end);
    columns[0]?.push((part.at(-1) as Totals).at / 1_000);
    for (const [k, value] of of.entries()) columns[k + 1]?.push(mean(part, value));
    i = end;
  }
  return columns;
}

function mean(part: readonly Totals[], value: (totals: Totals) => number | undefined): number | null {
  let sum = 0;
  let count = 0;
  for (const one of part) {
    const is = value(one);
    if (is === undefined) continue;
    sum += is;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}

/** 10 %, 25 %, 50 % or all of the CPU: an idle server's line is not a flat one. */
export function loadRange(history: readonly Totals[]): readonly [number, number] {
  const most = history.reduce((top, { cpu }) => Math.max(top, cpu), 0);
  return [0, [0.1, 0.25, 0.5].find((limit) => most < limit * 0.9) ?? 1];
}

/** From 3 on, where nobody is heard worse: that is where a good call and a fair one differ. */
export function mosRange(history: readonly { readonly mos: number | undefined }[]): readonly [number, number] {
  const least = history.reduce((low, { mos }) => Math.min(low, mos ?? low), 5);
  return [least > 3.1 ? 3 : 1, 4.6];
}
