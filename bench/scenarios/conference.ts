/** Conferences: CPU time per party, where all speak all the time and where nobody does, beside the same calls echoed. */
import { callload } from '../lab/callload.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { complaintNotes, type Lab, rampRate, runNotes } from './scenario.ts';

const rooms = [
  { rooms: 10, size: 10 },
  { rooms: 1, size: 100 },
];
const calls = 100;

export async function conference(lab: Lab): Promise<Table> {
  const rows: string[][] = [];
  const notes: string[] = [];
  const server = await Server.start({ script: 'bench/scripts/calls.ts', profile: lab.profile });
  const perParty = async (rtp: 'echo' | 'recv', user: string) => {
    const load = { calls, rate: rampRate, rtp, seconds: lab.seconds, user };
    const { cpuMs, report, disturbed } = await callload(lab.tools.callload, server.target, server.pid, load);
    return { value: cpuMs / calls / report.window_s, report, disturbed };
  };
  try {
    await perParty('echo', 'room10'); // warms the compiler up; not counted
    for (const { rooms: count, size } of rooms) {
      lab.progress(`Conference: ${count} × ${size}`);
      const repeated = await repeat(lab.runs, async () => {
        const all = await perParty('echo', `room${size}`);
        const none = await perParty('recv', `room${size}`);
        const echo = await perParty('echo', 'echo');
        return {
          values: {
            all: all.value,
            none: none.value,
            echo: echo.value,
            missing: none.report.rx.rate_deficit_pct,
            p99: none.report.interarrival_dev_ms.p99,
          },
          disturbed: all.disturbed ?? none.disturbed ?? echo.disturbed,
        };
      });
      const { all, none, echo, missing, p99 } = repeated.values;
      rows.push([
        `${count} × ${size}`,
        figure(all),
        figure(none),
        figure(echo),
        ratio(all, echo),
        figure(missing, 3),
        figure(p99),
      ]);
      notes.push(...runNotes(`${count} × ${size}`, repeated));
    }
  } finally {
    await server.stop();
  }
  return {
    title: 'Conference',
    head: [
      'rooms × parties',
      'all speak: CPU-ms per party and second',
      'all listen: CPU-ms',
      'echo: CPU-ms',
      'all speak / echo',
      'missing %',
      '\\|gap − 20\\| p99 ms',
    ],
    rows,
    notes: [
      'Each party that speaks has a mix and an encoding of its own; those that listen share one.',
      ...notes,
      ...complaintNotes(server.complaints),
    ],
  };
}
