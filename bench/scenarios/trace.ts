/** What it costs to keep the SIP messages of calls: CPU time per call that is set up and hung up at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callload, type Measured } from '../lab/callload.ts';
import { residentKb } from '../lab/cores.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { type Lab, runNotes } from './scenario.ts';

const rate = 500;
const settleMs = 500;
const modes = ['none', 'failed', 'all'] as const;
type Mode = (typeof modes)[number];

export async function trace(lab: Lab): Promise<Table> {
  lab.progress('Traces');
  const repeated = await repeat(lab.runs, async () => {
    const values: Record<string, number> = {};
    let disturbed: string | undefined;
    for (const mode of modes) {
      const { cpuMs, report, megabytes, ...rest } = await measure(lab, mode);
      values[mode] = cpuMs / report.calls;
      values[`${mode} MB`] = megabytes;
      disturbed ??= rest.disturbed;
    }
    return { values, disturbed };
  });
  const { values } = repeated;
  return {
    title: `Traces, ${rate} calls a second`,
    head: ['`trace.keep`', 'ms/call', 'ratio', 'MB afterwards'],
    rows: modes.map((mode) => [
      mode,
      figure(values[mode], 3),
      ratio(values[mode], values.none),
      figure(values[`${mode} MB`], 0),
    ]),
    notes: runNotes('Traces', repeated),
  };
}

async function measure(lab: Lab, mode: Mode): Promise<Measured & { readonly megabytes: number }> {
  const server = await Server.start({ script: 'bench/scripts/calls.ts', env: { TANDEM_TRACE_KEEP: mode } });
  try {
    const run = (seconds: number): Promise<Measured> =>
      callload(lab.tools.callload, server.target, server.pid, {
        calls: Math.round(rate * seconds),
        rate,
        rtp: 'none',
      });
    await run(lab.seconds); // warms the compiler up; not counted
    await sleep(settleMs);
    const measured = await run(2 * lab.seconds);
    return { ...measured, megabytes: residentKb(server.pid) / 1024 };
  } finally {
    await server.stop();
  }
}
