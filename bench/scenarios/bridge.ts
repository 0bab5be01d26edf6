/** Two legs of the same codec: CPU time per relayed packet beside the C relay, loss, added latency. */
import type { UdpIoName } from '../../media/net/own-udp-io.ts';
import { callload, cRelay } from '../lab/callload.ts';
import { freePort } from '../lab/free-port.ts';
import { repeat } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { cechoEcho } from './cecho.ts';
import { complaintNotes, type Lab, rampRate, rowsOfIos, runNotes } from './scenario.ts';

const generators =
  'The C relay is loaded by loadgen, which polls and need not be woken; callload is woken by every packet, and on ' +
  'loopback the sender pays for that. cecho with twice the calls passes on as many packets under callload.';

export async function bridge(lab: Lab): Promise<Table> {
  const notes: string[] = [];
  const rows = await rowsOfIos(lab, (io) => bridgeOver(lab, io, notes));
  return {
    title: 'Bridge, same codec',
    head: [
      'calls',
      'sockets',
      'Tandem µs/packet',
      'C relay µs/packet',
      'ratio',
      'cecho µs/packet',
      'ratio',
      'loss %',
      'added latency p50 / p99 ms',
      'C relay p50 / p99 ms',
      'failed or misrouted',
    ],
    rows,
    notes: [generators, ...notes],
  };
}

async function bridgeOver(lab: Lab, io: UdpIoName, notes: string[]): Promise<string[][]> {
  const { tools } = lab;
  const uas = await freePort();
  const server = await Server.start({
    script: 'examples/b2bua.ts',
    env: { TARGET: `sip:uas@127.0.0.1:${uas}`, TANDEM_MEDIA_IO: io },
    profile: lab.profile,
  });
  const load = (calls: number, seconds: number) =>
    callload(tools.callload, server.target, server.pid, { calls, rate: rampRate, rtp: 'bridge', seconds, uas });
  const rows: string[][] = [];
  try {
    await load(100, 1); // warms the compiler up; not counted
    for (const calls of lab.calls) {
      lab.progress(`Bridge: ${calls} calls, ${io}`);
      const repeated = await repeat(lab.runs, async () => {
        const { report, cpuMs, disturbed } = await load(calls, lab.seconds);
        const relay = await cRelay(tools.relay, tools.loadgen, calls, lab.seconds);
        // As many packets a second through `cecho`, by the generator that Tandem had.
        const echo = await cechoEcho(lab, 2 * calls);
        const [ab, ba] = [report.lat_a_to_b_ms, report.lat_b_to_a_ms];
        return {
          values: {
            tandem: (cpuMs * 1000) / report.rtp.received,
            relay: relay.microsPerPacket,
            cecho: (echo.cpuMs * 1000) / echo.report.rtp.received,
            loss: report.rtp.loss_pct,
            wrong: report.rtp.misrouted + report.rtp.bad_payload,
            failed: report.calls_failed,
            p50: (ab.p50 + ba.p50) / 2,
            p99: Math.max(ab.p99, ba.p99),
            relayP50: relay.p50,
            relayP99: relay.p99,
          },
          disturbed: disturbed ?? relay.disturbed ?? echo.disturbed,
        };
      });
      const { values } = repeated;
      rows.push([
        String(calls),
        io,
        figure(values.tandem),
        figure(values.relay),
        ratio(values.tandem, values.relay),
        figure(values.cecho),
        ratio(values.tandem, values.cecho),
        figure(values.loss, 3),
        `${figure(values.p50)} / ${figure(values.p99)}`,
        `${figure(values.relayP50)} / ${figure(values.relayP99)}`,
        figure((values.wrong as number) + (values.failed as number), 0),
      ]);
      notes.push(...runNotes(`${calls} calls, ${io}`, repeated));
    }
  } finally {
    await server.stop();
  }
  notes.push(...complaintNotes(server.complaints));
  return rows;
}
