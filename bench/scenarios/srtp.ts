/** SRTP per packet, beside libsrtp2. It needs the headers of libsrtp2 and none of the C tools. */
import { fileURLToPath } from 'node:url';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { median } from '../lab/repeat.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { compile } from '../lab/tools.ts';
import type { Lab } from './scenario.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
/** A second and a half of one core, or about that. */
const batches = 60;

/** ns by profile */
type Figures = ReadonlyMap<string, readonly [protect: number, unprotect: number]>;

export async function srtp({ runs, progress }: Lab): Promise<Table> {
  const library = await compile('tandem-bench-srtp', path('../c/srtp.c'), ['-lsrtp2']);
  const theirs: Figures[] = [];
  const ours: Figures[] = [];
  for (let run = 0; run < runs; run++) {
    progress(`srtp: run ${run + 1} of ${runs}`);
    theirs.push(await figuresOf(library, [String(batches)]));
    ours.push(await figuresOf(process.execPath, [path('../scripts/srtp.ts'), String(batches)]));
  }
  const of = (all: readonly Figures[], profile: string, at: 0 | 1): number =>
    median(all.map((figures) => (figures.get(profile)?.[at] ?? Number.NaN) / 1000));
  const rows = [...(theirs[0]?.keys() ?? [])].flatMap((profile) =>
    (['protect', 'unprotect'] as const).map((what, at) => {
      const [own, reference] = [of(ours, profile, at as 0 | 1), of(theirs, profile, at as 0 | 1)];
      return [`${profile}, ${what}`, figure(own), figure(reference), ratio(own, reference)];
    }),
  );
  return {
    title: 'SRTP',
    head: ['packets of 172 bytes', 'CPU µs per packet', 'libsrtp2', 'ratio'],
    rows,
    notes: ['CPU time of all threads, with the collection of garbage; neither side sends anything.'],
  };
}

async function figuresOf(program: string, args: readonly string[]): Promise<Figures> {
  await using child = new Child(program, args, { core: serverCore });
  if ((await child.exited) !== 0) throw new Error(child.stderr.slice(-3).join(' | ') || `${program} failed`);
  return new Map(
    child.stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [profile = '', protect, unprotect] = line.split(' ');
        return [profile, [Number(protect), Number(unprotect)]] as const;
      }),
  );
}
