/** Which names somebody may have meant. Pure. */

/** Those that go on as the word does, then those with few letters changed; the nearest first. */
export function nearestNames(word: string, names: readonly string[], most = 3): string[] {
  const allowed = Math.max(2, Math.floor(word.length / 3));
  return names
    .map((name) => ({ name, changes: name.startsWith(word) ? 0 : changes(word, name) }))
    .filter((one) => one.changes <= allowed)
    .sort((a, b) => a.changes - b.changes || a.name.localeCompare(b.name))
    .slice(0, most)
    .map(({ name }) => name);
}

/** Letters to add, take away or change. */
function changes(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[to.length] as number;
}
