/** Calls with one stream each way: echo and playback, beside `cecho` at the same number of calls. */
import type { UdpIoName } from '../../media/net/own-udp-io.ts';
import { callload, type Measured } from '../lab/callload.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { cechoEcho } from './cecho.ts';
import { complaintNotes, type Lab, rampRate, rowsOfIos, runNotes, type Scenario } from './scenario.ts';

const script = 'bench/scripts/calls.ts';

export const echo: Scenario = async (lab) => {
  const head = [
    'calls',
    'sockets',
    'Tandem µs/packet',
    'cecho µs/packet',
    'ratio',
    'loss %',
    'round trip p50 / p99 ms',
    'cecho p50 / p99 ms',
  ];
  return streams(lab, 'Echo', head, async (calls, server) => {
    const ours = await load(lab, server, calls, 'echo');
    const reference = await cechoEcho(lab, calls);
    return {
      values: {
        tandem: perPacket(ours, ours.report.rtp.received),
        cecho: perPacket(reference, reference.report.rtp.received),
        loss: ours.report.rtp.loss_pct,
        p50: ours.report.rtt_ms.p50,
        p99: ours.report.rtt_ms.p99,
        cechoP50: reference.report.rtt_ms.p50,
        cechoP99: reference.report.rtt_ms.p99,
      },
      disturbed: ours.disturbed ?? reference.disturbed,
    };
  });
};

export const playback: Scenario = async (lab) => {
  const head = [
    'calls',
    'sockets',
    'Tandem µs/packet',
    'cecho µs/packet',
    'ratio',
    'missing %',
    '\\|gap − 20\\| p50 / p99 ms',
    'p99.9 ms',
  ];
  return streams(lab, 'Playback', head, async (calls, server) => {
    const ours = await load(lab, server, calls, 'recv');
    const reference = await cechoEcho(lab, calls);
    const { rx, interarrival_dev_ms: gap } = ours.report;
    return {
      values: {
        tandem: perPacket(ours, rx.in_window),
        cecho: perPacket(reference, reference.report.rtp.received),
        loss: rx.rate_deficit_pct,
        p50: gap.p50,
        p99: gap.p99,
        p999: gap.p999,
      },
      disturbed: ours.disturbed ?? reference.disturbed,
    };
  });
};

type Measure = (calls: number, server: Server) => ReturnType<Parameters<typeof repeat>[1]>;

async function streams(lab: Lab, title: string, head: readonly string[], measure: Measure): Promise<Table> {
  const notes: string[] = [];
  const rows = await rowsOfIos(lab, (io) => streamsOver(lab, title, io, measure, notes));
  return { title, head, rows, notes };
}

async function streamsOver(
  lab: Lab,
  title: string,
  io: UdpIoName,
  measure: Measure,
  notes: string[],
): Promise<string[][]> {
  const server = await Server.start({ script, env: { TANDEM_MEDIA_IO: io }, profile: lab.profile });
  const rows: string[][] = [];
  try {
    await load({ ...lab, seconds: 1 }, server, 100, title === 'Echo' ? 'echo' : 'recv'); // warms up; not counted
    for (const calls of lab.calls) {
      lab.progress(`${title}: ${calls} calls, ${io}`);
      const repeated = await repeat(lab.runs, () => measure(calls, server));
      const { tandem, cecho: reference, loss, p50, p99, cechoP50, cechoP99, p999 } = repeated.values;
      const last = p999 === undefined ? `${figure(cechoP50)} / ${figure(cechoP99)}` : figure(p999);
      rows.push([
        String(calls),
        io,
        figure(tandem),
        figure(reference),
        ratio(tandem, reference),
        figure(loss, 3),
        `${figure(p50)} / ${figure(p99)}`,
        last,
      ]);
      notes.push(...runNotes(`${calls} calls, ${io}`, repeated));
    }
  } finally {
    await server.stop();
  }
  notes.push(...complaintNotes(server.complaints));
  return rows;
}

function load(lab: Lab, server: Server, calls: number, rtp: 'echo' | 'recv'): Promise<Measured> {
  const user = rtp === 'echo' ? 'echo' : 'play';
  return callload(lab.tools.callload, server.target, server.pid, {
    calls,
    rate: rampRate,
    rtp,
    seconds: lab.seconds,
    user,
  });
}

/** In µs. */
function perPacket({ cpuMs }: Measured, packets: number): number {
  return (cpuMs * 1000) / packets;
}
