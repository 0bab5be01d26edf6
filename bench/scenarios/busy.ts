/** What a handler that computes does to the audio of all calls: latency and gaps with the main thread blocked, and without. */
import { callload } from '../lab/callload.ts';
import { freePort } from '../lab/free-port.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, type Table } from '../lab/table.ts';
import { complaintNotes, type Lab, rampRate, runNotes } from './scenario.ts';

const calls = 300;
const blockMain = `--import ${new URL('../scripts/block-main.ts', import.meta.url).href}`;

interface Kind {
  readonly name: string;
  readonly script: string;
  readonly rtp: 'bridge' | 'recv';
}

const kinds: readonly Kind[] = [
  { name: 'bridged, added latency', script: 'examples/b2bua.ts', rtp: 'bridge' },
  { name: 'playing, \\|gap − 20\\|', script: 'bench/scripts/calls.ts', rtp: 'recv' },
];

/** Ms at the 50th and the 99th percentile. */
interface Figures {
  readonly p50: number;
  readonly p99: number;
}

interface Measurement {
  readonly figures: Figures;
  readonly disturbed: string | undefined;
}

export async function busy(lab: Lab): Promise<Table> {
  const notes: string[] = ['All threads of the server share one core: the blocked main thread takes half of it.'];
  const rows: string[][] = [];
  for (const kind of kinds) rows.push(await row(lab, kind, notes));
  return {
    title: `The main thread computes for 50 ms in every 100 ms, ${calls} calls`,
    head: ['calls', 'free p50 / p99 ms', 'blocked p50 / p99 ms', 'p99 more, of a pair'],
    rows,
    notes,
  };
}

async function row(lab: Lab, kind: Kind, notes: string[]): Promise<string[]> {
  // In pairs, so that both see the same machine. One after the other: a server that is blocked takes its half of the core
  // from any other.
  const repeated = await repeat(lab.runs, async () => {
    const free = await measured(lab, kind, {}, notes);
    const blocked = await measured(lab, kind, { NODE_OPTIONS: blockMain }, notes);
    const { p50: freeP50, p99: freeP99 } = free.figures;
    const { p50, p99 } = blocked.figures;
    return {
      values: { freeP50, freeP99, p50, p99, more: p99 - freeP99 },
      disturbed: free.disturbed ?? blocked.disturbed,
    };
  });
  notes.push(...runNotes(kind.name, repeated));
  const { freeP50, freeP99, p50, p99, more } = repeated.values;
  return [kind.name, `${figure(freeP50)} / ${figure(freeP99)}`, `${figure(p50)} / ${figure(p99)}`, figure(more)];
}

async function measured(
  lab: Lab,
  { name, script, rtp }: Kind,
  env: Readonly<Record<string, string>>,
  notes: string[],
): Promise<Measurement> {
  const uas = await freePort();
  const server = await Server.start({ script, env: { TARGET: `sip:uas@127.0.0.1:${uas}`, ...env } });
  const load = (seconds: number) => {
    const to = rtp === 'bridge' ? { uas } : { user: 'play' };
    return callload(lab.tools.callload, server.target, server.pid, { calls, rate: rampRate / 4, rtp, seconds, ...to });
  };
  try {
    lab.progress(`${name}${env.NODE_OPTIONS ? ', blocked' : ''}`);
    await load(1); // warms the compiler up; not counted
    const { report, disturbed } = await load(lab.seconds);
    const { lat_a_to_b_ms: ab, lat_b_to_a_ms: ba, interarrival_dev_ms: gap } = report;
    const [p50, p99] = rtp === 'recv' ? [gap.p50, gap.p99] : [(ab.p50 + ba.p50) / 2, Math.max(ab.p99, ba.p99)];
    return { figures: { p50, p99 }, disturbed };
  } finally {
    await server.stop();
    notes.push(...complaintNotes(server.complaints));
  }
}
