/** What it costs to keep what calls need to outlive a crash. */
import { fileURLToPath } from 'node:url';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { median, type Values } from '../lab/repeat.ts';
import { figure, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';

const script = fileURLToPath(new URL('../scripts/journal.ts', import.meta.url));
const kinds = [
  ['as it is', {}],
  ['encrypted', { KEY: '1' }],
  ['`fsync`', { FSYNC: '1' }],
] as const;

export async function journal({ runs, seconds, progress }: Lab): Promise<Table> {
  const measured = new Map<string, Values[]>(kinds.map(([name]) => [name, []]));
  for (let run = 0; run < runs; run++) {
    progress(`journal: run ${run + 1} of ${runs}`);
    for (const [name, env] of kinds) measured.get(name)?.push(await measure({ ...env, MS: String(1000 * seconds) }));
  }
  return {
    title: 'Journal',
    head: ['20 states of 1 kB in a batch', 'batches/s', 'CPU µs per state', 'of it in the main thread'],
    rows: [...measured].map(([name, all]) => {
      const of = (value: string): number => median(all.map((values) => values[value] ?? Number.NaN));
      return [name, figure(of('batches'), 0), figure(of('allUs')), figure(of('ownUs'))];
    }),
    notes: ['Each batch is waited for before the next; 1,000 calls, with the logs that are made smaller meanwhile.'],
  };
}

async function measure(env: Readonly<Record<string, string>>): Promise<Values> {
  await using child = new Child(process.execPath, [script], { core: serverCore, env });
  const line = await child.line((text) => text.startsWith('done '), 60_000);
  return JSON.parse(line.slice('done '.length)) as Values;
}
