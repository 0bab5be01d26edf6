/** How many bridged calls a core carries without losing a packet, and what a second media thread costs. */
import type { UdpIoName } from '../../media/net/own-udp-io.ts';
import { callload, type Measured } from '../lab/callload.ts';
import { freePort } from '../lab/free-port.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { complaintNotes, type Lab, rampRate, rowsOfIos, runNotes } from './scenario.ts';

/** Fine enough to tell one machine from another, coarse enough to end. */
const steps: Readonly<Record<UdpIoName, readonly number[]>> = {
  dgram: [400, 600, 800, 1000],
  native: [800, 1200, 1600, 2000],
};
/** ms of added latency at p99 up to which a call sounds as it should. */
const latencyMs = 5;
const workersCalls = 800;

export async function capacity(lab: Lab): Promise<Table> {
  const notes: string[] = [];
  const rows = await rowsOfIos(lab, async (io) => {
    const { server, load } = await bridging(lab, io);
    const found: string[][] = [];
    try {
      await load(100, 1);
      for (const calls of steps[io]) {
        lab.progress(`Capacity: ${calls} bridged calls, ${io}`);
        const { values, ...rest } = await repeat(lab.runs, async () => {
          const { report, cpuMs, disturbed } = await load(calls, lab.seconds);
          const p99 = Math.max(report.lat_a_to_b_ms.p99, report.lat_b_to_a_ms.p99);
          const busy = (cpuMs / 1000 / report.window_s) * 100;
          return { values: { loss: report.rtp.loss_pct, p99, failed: report.calls_failed, busy }, disturbed };
        });
        const { loss = 0, p99 = 0, failed = 0, busy } = values;
        const holds = loss === 0 && failed === 0 && p99 < latencyMs;
        found.push([
          String(calls),
          io,
          figure(loss, 3),
          figure(p99),
          figure(failed, 0),
          figure(busy, 0),
          holds ? 'yes' : 'no',
        ]);
        notes.push(...runNotes(`${calls} calls, ${io}`, { values, ...rest }));
        if (loss > 0.5) break;
      }
    } finally {
      await server.stop();
      notes.push(...complaintNotes(server.complaints));
    }
    return found;
  });
  return {
    title: 'Bridged calls on one core',
    head: ['calls', 'sockets', 'loss %', 'added p99 ms', 'failed', 'core %', `0 loss and p99 < ${latencyMs} ms`],
    rows,
    notes: ['The generator has one core, too: near the end of a search it may be what is late.', ...notes],
  };
}

export async function twoWorkers(lab: Lab): Promise<Table> {
  const notes: string[] = [];
  const rows = await rowsOfIos(lab, async (io) => {
    const micros: number[] = [];
    for (const workers of [1, 2]) {
      lab.progress(`Workers: ${workers}, ${workersCalls} bridged calls, ${io}`);
      const { server, load } = await bridging(lab, io, workers);
      try {
        await load(100, 1);
        const repeated = await repeat(lab.runs, async () => {
          const { report, cpuMs, disturbed } = await load(workersCalls, lab.seconds);
          return { values: { each: (cpuMs * 1000) / report.rtp.received }, disturbed };
        });
        micros.push(repeated.values.each as number);
        notes.push(...runNotes(`${workers} workers, ${io}`, repeated));
      } finally {
        await server.stop();
        notes.push(...complaintNotes(server.complaints));
      }
    }
    const [one, two] = micros;
    return [[String(workersCalls), io, figure(one), figure(two), ratio(two, one)]];
  });
  return {
    title: 'One media thread and two, on the same core',
    head: ['calls', 'sockets', 'one, µs/packet', 'two, µs/packet', 'ratio'],
    rows,
    notes,
  };
}

interface Bridging {
  readonly server: Server;
  load(calls: number, seconds: number): Promise<Measured>;
}

async function bridging(lab: Lab, io: UdpIoName, workers?: number): Promise<Bridging> {
  const uas = await freePort();
  const server = await Server.start({
    script: 'examples/b2bua.ts',
    env: {
      TARGET: `sip:uas@127.0.0.1:${uas}`,
      TANDEM_MEDIA_IO: io,
      ...(workers === undefined ? {} : { TANDEM_MEDIA_WORKERS: String(workers) }),
    },
    profile: lab.profile,
  });
  const load = (calls: number, seconds: number): Promise<Measured> =>
    callload(lab.tools.callload, server.target, server.pid, { calls, rate: rampRate, rtp: 'bridge', seconds, uas });
  return { server, load };
}
