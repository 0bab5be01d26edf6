/** What 5,000 messages a second from one address cost: answered, not read for going too far, and banned. */
import { join } from 'node:path';
import { CpuTrace } from '../lab/callload.ts';
import { Child } from '../lab/child.ts';
import { loadCore } from '../lab/cores.ts';
import { type Attempt, repeat } from '../lab/repeat.ts';
import { root, Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { type Lab, runNotes } from './scenario.ts';

const perSecond = 5000;
/** Until the compiler is warm, and the source limited or banned. */
const warmupSeconds = 2;
const flooder = join(root, 'test', 'interop', 'support', 'flooder.ts');

const floods = [
  ['no SIP', 'junk'],
  ['REGISTERs, 405', 'register'],
] as const;
const defences = {
  off: { TANDEM_DEFENCE_ENABLED: 'false' },
  limited: { TANDEM_DEFENCE_EXEMPT: '[]', TANDEM_DEFENCE_BAN_AFTER: '0' },
  banned: { TANDEM_DEFENCE_EXEMPT: '[]', TANDEM_DEFENCE_BAN_AFTER: '1' },
} as const;
type Defence = keyof typeof defences;

export async function flood(lab: Lab): Promise<Table> {
  const rows: string[][] = [];
  const notes: string[] = [];
  for (const [title, kind] of floods) {
    lab.progress(`Flood: ${title}`);
    const repeated = await repeat(lab.runs, async () => {
      const [off, limited, banned] = [
        await share(kind, 'off', lab.seconds),
        await share(kind, 'limited', lab.seconds),
        await share(kind, 'banned', lab.seconds),
      ];
      return joined({ off, limited, banned });
    });
    const { off, limited, banned } = repeated.values;
    rows.push([title, figure(off, 1), figure(limited, 1), figure(banned, 1), ratio(limited, off), ratio(banned, off)]);
    notes.push(...runNotes(title, repeated));
  }
  return {
    title: 'A flood of 5,000 messages a second from one address: share of a core, %',
    head: ['of', 'defence off', 'limited', 'banned', 'limited / off', 'banned / off'],
    rows,
    notes,
  };
}

interface Share {
  readonly percent: number;
  readonly disturbed: string | undefined;
}

function joined(shares: Readonly<Record<Defence, Share>>): Attempt {
  const { off, limited, banned } = shares;
  return {
    values: { off: off.percent, limited: limited.percent, banned: banned.percent },
    disturbed: off.disturbed ?? limited.disturbed ?? banned.disturbed,
  };
}

async function share(kind: string, defence: Defence, seconds: number): Promise<Share> {
  const server = await Server.start({ script: 'bench/scripts/calls.ts', env: defences[defence] });
  const trace = new CpuTrace(server.pid);
  try {
    const count = perSecond * (warmupSeconds + seconds);
    const args = [flooder, kind, '127.0.0.2', String(server.port), String(count)];
    const child = new Child(process.execPath, args, { core: loadCore });
    await child.exited;
    trace.sample();
    const { cpuMs, foreign } = trace.window(performance.now(), seconds);
    const sentMs = Number(/in (\d+) ms/.exec(child.stdout)?.[1]);
    const late = sentMs > (warmupSeconds + seconds) * 1000 * 1.05;
    const disturbed = late
      ? 'the flood was late'
      : foreign > 0.08
        ? `${figure(100 * foreign, 0)} % of the server's core used by others`
        : undefined;
    return { percent: cpuMs / (10 * seconds), disturbed };
  } finally {
    trace.stop();
    await server.stop();
  }
}
