/** Legs as browsers have them beside plain ones: what they cost, how long their handshakes take, and whom they disturb. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CpuTrace, callload } from '../lab/callload.ts';
import { Child } from '../lab/child.ts';
import { loadCore } from '../lab/cores.ts';
import { type Attempt, repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio } from '../lab/table.ts';
import { complaintNotes, type Lab, runNotes, type Scenario } from './scenario.ts';

const program = fileURLToPath(new URL('../lab/legs.ts', import.meta.url));
const legs = 100;
const plainCalls = 300;
/** Browsers that come, each second. */
const arrivals = 20;
/** s that each of them stays. */
const stay = 3;

type Kind = 'plain' | 'sdes' | 'web';

interface LegsReport {
  readonly sent: number;
  readonly received: number;
  readonly failed: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
}

export const webrtc: Scenario = async (lab) => {
  const server = await Server.start({
    script: 'bench/scripts/calls.ts',
    env: { TANDEM_MEDIA_SRTP: 'optional' },
    profile: lab.profile,
  });
  const rows: string[][] = [];
  const notes: string[] = [];
  try {
    await cost(lab, server, 'web'); // warms up; not counted
    lab.progress(`WebRTC: ${legs} legs`);
    const costs = await repeat(lab.runs, async () => {
      const [plain, sdes, web] = [
        await cost(lab, server, 'plain'),
        await cost(lab, server, 'sdes'),
        await cost(lab, server, 'web'),
      ];
      return { values: { plain, sdes, web }, disturbed: undefined };
    });
    const { plain, sdes, web } = costs.values;
    for (const [name, value] of [
      ['plain RTP', plain],
      ['SRTP, keys in SDP', sdes],
      ['ICE and DTLS-SRTP', web],
    ] as const)
      rows.push([`${legs} legs to an echo, ${name}: CPU ms per leg and second`, figure(value), ratio(value, plain)]);
    notes.push(...runNotes('legs', costs));
    lab.progress(`WebRTC: ${arrivals} legs a second beside ${plainCalls} calls`);
    const beside = await repeat(lab.runs, () => arrive(lab, server));
    const { p50, p99, failed, loss, quietLoss, rtt, quietRtt } = beside.values;
    rows.push(
      [`handshake, answer to keys, ${arrivals} legs a second: p50 / p99 ms`, `${figure(p50)} / ${figure(p99)}`, ''],
      ['legs that failed', figure(failed, 0), ''],
      [`${plainCalls} plain calls beside them: loss %`, figure(loss, 3), `alone ${figure(quietLoss, 3)}`],
      [`${plainCalls} plain calls beside them: round trip p99 ms`, figure(rtt), `alone ${figure(quietRtt)}`],
    );
    notes.push(...runNotes('arrivals', beside));
  } finally {
    await server.stop();
  }
  notes.push(...complaintNotes(server.complaints));
  return { title: 'WebRTC', head: ['what', 'figure', 'ratio to plain RTP'], rows, notes };
};

/** With the lowest priority: what measures plain calls on the same core is not to wait for it. */
function start(server: Server, kind: Kind, ...rest: number[]): Child {
  const command = [process.execPath, program, server.target, kind, ...rest.map(String)];
  return new Child('nice', ['-n', '19', ...command], { core: loadCore });
}

/** CPU ms of the server for each leg and second. */
async function cost(lab: Lab, server: Server, kind: Kind): Promise<number> {
  await using child = start(server, kind, legs, 50, 0);
  await child.line((line) => line === 'READY', 60_000);
  await sleep(1000);
  const trace = new CpuTrace(server.pid);
  await sleep(lab.seconds * 1000);
  trace.sample();
  const { cpuMs } = trace.window(performance.now(), lab.seconds);
  trace.stop();
  await child.stop(20_000);
  const { failed, lost } = JSON.parse(child.stdout) as LegsReport;
  if (failed > 0 || lost > 0) lab.progress(`WebRTC: ${failed} legs failed, ${lost} packets lost (${kind})`);
  return cpuMs / legs / lab.seconds;
}

async function arrive(lab: Lab, server: Server): Promise<Attempt> {
  const seconds = Math.max(10, lab.seconds);
  const load = { calls: plainCalls, rate: 250, rtp: 'echo', seconds, user: 'echo' } as const;
  const quiet = await callload(lab.tools.callload, server.target, server.pid, load);
  await using child = start(server, 'web', arrivals * (seconds + stay), arrivals, stay);
  const busy = await callload(lab.tools.callload, server.target, server.pid, load);
  await child.exited;
  const { p50, p99, failed } = JSON.parse(child.stdout) as LegsReport;
  return {
    values: {
      p50,
      p99,
      failed,
      loss: busy.report.rtp.loss_pct,
      quietLoss: quiet.report.rtp.loss_pct,
      rtt: busy.report.rtt_ms.p99,
      quietRtt: quiet.report.rtt_ms.p99,
    },
    disturbed: undefined,
  };
}
