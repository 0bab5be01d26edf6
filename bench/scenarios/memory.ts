/** Resident memory per call that is up, in a fresh server after a short warm-up; garbage not yet collected is part of it. */
import { callload, type Load } from '../lab/callload.ts';
import { freePort } from '../lab/free-port.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, type Table } from '../lab/table.ts';
import { complaintNotes, type Lab, rampRate } from './scenario.ts';

interface Kind {
  readonly label: string;
  readonly script: string;
  readonly calls: number;
  readonly load: Pick<Load, 'rtp' | 'user'>;
  readonly bridged: boolean;
}

const kinds: readonly Kind[] = [
  {
    label: 'answered, silent',
    script: 'bench/scripts/calls.ts',
    calls: 1000,
    load: { rtp: 'recv', user: 'idle' },
    bridged: false,
  },
  {
    label: 'answered, echo',
    script: 'bench/scripts/calls.ts',
    calls: 500,
    load: { rtp: 'echo', user: 'echo' },
    bridged: false,
  },
  { label: 'bridged', script: 'examples/b2bua.ts', calls: 300, load: { rtp: 'bridge' }, bridged: true },
];

export async function memory(lab: Lab): Promise<Table> {
  const rows: string[][] = [];
  const notes: string[] = [];
  for (const kind of kinds) {
    lab.progress(`Memory: ${kind.label}`);
    const { values } = await repeat(1, async () => {
      const uas = await freePort();
      const env = { TARGET: `sip:uas@127.0.0.1:${uas}` };
      const server = await Server.start({ script: kind.script, env });
      try {
        const load = (calls: number, seconds: number) =>
          callload(lab.tools.callload, server.target, server.pid, {
            ...kind.load,
            ...(kind.bridged ? { uas } : {}),
            ...{ calls, rate: rampRate, seconds, warmup: 0.5 },
          });
        await load(100, 0.5);
        const { report } = await load(kind.calls, 1);
        const { rss_before_kb: before, rss_kb: after } = report.server;
        return {
          values: { before: before / 1024, after: after / 1024, each: (after - before) / kind.calls },
          disturbed: undefined,
        };
      } finally {
        await server.stop();
        notes.push(...complaintNotes(server.complaints));
      }
    });
    rows.push([
      kind.label,
      String(kind.calls),
      figure(values.each, 0),
      figure(values.before, 0),
      figure(values.after, 0),
    ]);
  }
  return { title: 'Memory', head: ['calls', 'how many', 'kB each', 'MB before', 'MB with them'], rows, notes };
}
