/** ICE: what a datagram costs a lite agent, right ones and those of a flood. It needs none of the C tools. */
import { fileURLToPath } from 'node:url';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { median } from '../lab/repeat.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';

const script = fileURLToPath(new URL('../scripts/ice.ts', import.meta.url));
const rows = [
  ['answered', 'a check that is answered'],
  ['wrong-password', 'with a wrong password, above the rate'],
  ['for-nobody', 'for another name'],
  ['wrong-checksum', 'with a wrong checksum'],
  ['no-stun', 'no STUN'],
] as const;

/** ns by kind */
type Figures = ReadonlyMap<string, number>;

export async function ice({ runs, progress }: Lab): Promise<Table> {
  const all: Figures[] = [];
  for (let run = 0; run < runs; run++) {
    progress(`ice: run ${run + 1} of ${runs}`);
    all.push(await figures());
  }
  const of = (kind: string): number => median(all.map((one) => (one.get(kind) ?? Number.NaN) / 1000));
  const reference = of('reference');
  return {
    title: 'ICE',
    head: ['Binding requests of 100 bytes', 'CPU µs each', 'two HMACs by node:crypto', 'ratio'],
    rows: rows.map(([kind, name]) => [name, figure(of(kind)), figure(reference), ratio(of(kind), reference)]),
    notes: ['An answer takes two HMACs. CPU time of all threads, with the collection of garbage; nothing is sent.'],
  };
}

async function figures(): Promise<Figures> {
  await using child = new Child(process.execPath, [script], { core: serverCore });
  if ((await child.exited) !== 0) throw new Error(child.stderr.slice(-3).join(' | ') || 'the script failed');
  return new Map(
    child.stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [kind = '', ns] = line.split(' ');
        return [kind, Number(ns)] as const;
      }),
  );
}
