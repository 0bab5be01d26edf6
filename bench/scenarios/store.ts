/**
 * What it costs to keep calls in a database: CPU time per call in each mode, with the journal and without either, and how
 * long 10,000 take to be read.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { callload, type Measured } from '../lab/callload.ts';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { repeat, type Values } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { type Lab, runNotes } from './scenario.ts';

const script = fileURLToPath(new URL('../scripts/store.ts', import.meta.url));
const rate = 200;
/** Longer than what changes may wait to be written. */
const holdMs = 1_000;
const settleMs = 500;
const modes = ['none', 'realtime', 'delayed', 'shutdown'] as const;
/** Neither database nor journal; else with the journal. */
const bare = 'none, without the journal';
const kinds = [bare, ...modes] as const;
type Kind = (typeof kinds)[number];
const rowsRead = 10_000;

export async function store(lab: Lab): Promise<Table> {
  lab.progress('Store');
  const repeated = await repeat(lab.runs, async () => {
    const values: Record<string, number> = await reading();
    let disturbed: string | undefined;
    for (const kind of kinds) {
      const { cpuMs, report, ...rest } = await measure(lab, kind);
      values[kind] = cpuMs / report.calls;
      disturbed ??= rest.disturbed;
    }
    return { values, disturbed };
  });
  const { values } = repeated;
  return {
    title: `Store, SQLite, ${rate} calls a second`,
    head: ['`store.mode`', 'ms/call', 'ratio'],
    rows: kinds.map((kind) => [kind, figure(values[kind], 3), ratio(values[kind], values.none)]),
    notes: [
      ...runNotes('Store', repeated),
      `Calls are answered with media and last ${holdMs / 1000} s: in mode realtime rows are written and removed for each.`,
      `${rowsRead} calls with a variable: written in ${figure(values.writeMs, 0)} ms, read at the start in ${figure(values.readMs, 0)} ms.`,
      `Worst turn of the event loop while they were written, collections of garbage in it: ${figure(values.writeStallMs, 0)} ms.`,
    ],
  };
}

async function measure(lab: Lab, kind: Kind): Promise<Measured> {
  const mode = kind === bare ? 'none' : kind;
  const env = {
    TANDEM_STORE_URL: mode === 'none' ? 'none' : 'sqlite:./calls.db',
    TANDEM_STORE_MODE: mode,
    TANDEM_RECOVERY_PATH: kind === bare ? 'none' : './recovery',
  };
  const server = await Server.start({ script: 'bench/scripts/calls.ts', env });
  try {
    const run = (seconds: number): Promise<Measured> =>
      callload(lab.tools.callload, server.target, server.pid, {
        calls: Math.round(rate * seconds),
        rate,
        rtp: 'none',
        holdMs,
        user: 'idle',
      });
    await run(lab.seconds); // warms the compiler up; not counted
    await sleep(settleMs);
    return await run(2 * lab.seconds);
  } finally {
    await server.stop();
  }
}

async function reading(): Promise<Values> {
  await using child = new Child(process.execPath, [script], { core: serverCore, env: { CALLS: String(rowsRead) } });
  const line = await child.line((text) => text.startsWith('done '), 60_000);
  return JSON.parse(line.slice('done '.length)) as Values;
}
