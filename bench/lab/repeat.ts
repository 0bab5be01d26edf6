/** The same measurement again and again: runs that something disturbed are thrown away, of the rest the median counts. */

export type Values = Readonly<Record<string, number>>;

export interface Attempt {
  readonly values: Values;
  readonly disturbed: string | undefined;
}

export interface Repeated {
  /** Median of each value. */
  readonly values: Values;
  readonly kept: number;
  /** Why runs were thrown away, one line for each. */
  readonly thrown: readonly string[];
  /** Fewer than half of the runs were quiet, so all of them count: take the figures with care. */
  readonly noisy: boolean;
}

/** Tries up to half as often again to get `runs` quiet ones. */
export async function repeat(runs: number, measure: () => Promise<Attempt>): Promise<Repeated> {
  const quiet: Values[] = [];
  const loud: Attempt[] = [];
  while (quiet.length < runs && quiet.length + loud.length < Math.ceil(runs * 1.5)) {
    const attempt = await measure();
    if (attempt.disturbed === undefined) quiet.push(attempt.values);
    else loud.push(attempt);
  }
  const noisy = quiet.length < runs / 2;
  const used = noisy ? [...quiet, ...loud.map(({ values }) => values)] : quiet;
  const names = Object.keys(used[0] ?? {});
  return {
    values: Object.fromEntries(names.map((name) => [name, median(used.map((values) => values[name] as number))])),
    kept: used.length,
    thrown: noisy ? [] : loud.map(({ disturbed }) => disturbed as string),
    noisy,
  };
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
