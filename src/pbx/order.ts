/** In which order members are rung. */
import type { Random } from '../base/random.ts';
import type { Member } from './members.ts';

/** Whoever has had no call for the longest time first; of equals, the first that was named. */
export function byIdleTime(members: readonly Member[]): Member[] {
  return members.toSorted((a, b) => Math.sign(a.idleSince - b.idleSince) || 0);
}

export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let left = result.length; left > 1; left--) {
    const other = random.uint32() % left;
    const last = result[left - 1] as T;
    result[left - 1] = result[other] as T;
    result[other] = last;
  }
  return result;
}
