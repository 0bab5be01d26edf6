/** The test lab: how much faster than time a call flow is tested. It needs none of the C tools. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LabMeta } from '../../src/testing/index.ts';
import { median } from '../lab/repeat.ts';
import { figure, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const seeds = 50;

interface Measured {
  /** Of calls. */
  readonly seconds: number;
  /** That the tests took. */
  readonly wallMs: number;
}

export async function testLab({ runs, progress }: Lab): Promise<Table> {
  const ivr: Measured[] = [];
  const soaks: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    progress(`lab: run ${i + 1} of ${runs}`);
    ivr.push(await ivrTest());
    soaks.push(await soak());
  }
  return {
    title: 'The test lab',
    head: ['what', 'seconds of calls', 'ms it took', 'times as fast'],
    rows: [row('`examples/ivr.test.ts`, every branch', ivr), row(`soak, ${seeds} seeds of 50 calls`, soaks)],
    notes: [
      'The time of the tests themselves, without the start of the runner; the first test pays for compiling. ' +
        'The reference is the same calls in real time: 1 ×.',
    ],
  };
}

function row(what: string, measured: readonly Measured[]): string[] {
  const seconds = median(measured.map((one) => one.seconds));
  const wallMs = median(measured.map((one) => one.wallMs));
  return [what, figure(seconds, 0), figure(wallMs, 0), `${figure((seconds * 1000) / wallMs, 0)} ×`];
}

/** The tests of the example as a user runs them. */
async function ivrTest(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-bench-lab-'));
  try {
    const output = join(folder, 'report.json');
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = ['run', '--project', 'unit', 'examples/ivr.test.ts', '--reporter=json', `--outputFile=${output}`];
    await run(process.execPath, [vitest, ...args], { cwd: root });
    const report = JSON.parse(await readFile(output, 'utf8')) as {
      testResults: { assertionResults: { duration: number; meta: { tandem?: LabMeta } }[] }[];
    };
    const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    return {
      seconds: tests.reduce((sum, { meta }) => sum + (meta.tandem?.virtualMs ?? 0), 0) / 1000,
      wallMs: tests.reduce((sum, { duration }) => sum + duration, 0),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function soak(): Promise<Measured> {
  const { stdout } = await run(process.execPath, [join(root, 'test/soak/run.ts'), '--seeds', String(seeds), '--json']);
  const { virtualMs, wallMs } = JSON.parse(stdout) as { virtualMs: number; wallMs: number };
  return { seconds: virtualMs / 1000, wallMs };
}
