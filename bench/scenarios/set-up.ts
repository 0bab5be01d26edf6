/** Calls that are set up with media and hung up at once, at rising rates: CPU time per call, failures, resends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callload, type Measured } from '../lab/callload.ts';
import { residentKb } from '../lab/cores.ts';
import { freePort } from '../lab/free-port.ts';
import { type Attempt, repeat, type Values } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { cechoSetUp } from './cecho.ts';
import { complaintNotes, type Lab, runNotes, type Scenario } from './scenario.ts';

/** Until the last BYE of a run is dealt with. */
const settleMs = 500;

interface Kind {
  readonly title: string;
  readonly script: string;
  readonly rates: readonly number[];
  readonly bridged: boolean;
}

export const setUpAnswered: Scenario = (lab) =>
  setUp(lab, {
    title: 'Set-up, answered with media',
    script: 'bench/scripts/calls.ts',
    rates: lab.rates.answered,
    bridged: false,
  });

export const setUpBridged: Scenario = (lab) =>
  setUp(lab, { title: 'Set-up, bridged', script: 'examples/b2bua.ts', rates: lab.rates.bridged, bridged: true });

async function setUp(lab: Lab, { title, script, rates, bridged }: Kind): Promise<Table> {
  const uas = bridged ? await freePort() : undefined;
  const env: Record<string, string> = uas === undefined ? {} : { TARGET: `sip:uas@127.0.0.1:${uas}` };
  const server = await Server.start({ script, env, profile: lab.profile });
  const rows: string[][] = [];
  const notes: string[] = [];
  let calls = 0;
  const tandem = async (rate: number): Promise<Measured> => {
    const load = {
      calls: Math.round(rate * lab.seconds),
      rate,
      rtp: 'none',
      ...(uas === undefined ? {} : { uas }),
    } as const;
    calls += load.calls;
    const measured = await callload(lab.tools.callload, server.target, server.pid, load);
    await sleep(settleMs);
    return measured;
  };
  try {
    await tandem(rates[0] as number); // warms the compiler up; not counted
    const before = residentKb(server.pid);
    for (const rate of rates) {
      lab.progress(`${title}: ${rate}/s`);
      const repeated = await repeat(lab.runs, async () => joined(await tandem(rate), await cechoSetUp(lab, rate)));
      const { values } = repeated;
      rows.push(row(rate, values));
      notes.push(...runNotes(`${rate}/s`, repeated));
      if ((values.failed as number) > 0 && (values.resent as number) > rate) {
        notes.push(`Stopped at ${rate}/s: calls fail.`);
        break;
      }
    }
    notes.push(
      `Resident memory after ${calls} calls: ${figure(residentKb(server.pid) / 1024, 0)} MB (${figure(before / 1024, 0)} MB after the first run).`,
    );
  } finally {
    await server.stop();
  }
  notes.push(...complaintNotes(server.complaints));
  return {
    title,
    head: [
      'calls/s asked',
      'done',
      'Tandem ms/call',
      'cecho ms/call',
      'ratio',
      'failed',
      'resent',
      'set-up p50',
      'p99 ms',
    ],
    rows,
    notes,
  };
}

function joined(tandem: Measured, reference: Measured): Attempt {
  const { report } = tandem;
  return {
    values: {
      done: report.achieved_cps,
      tandem: tandem.cpuMs / report.calls,
      cecho: reference.cpuMs / reference.report.calls,
      failed: report.calls_failed + report.bye_failed,
      resent: report.retx_invite + report.retx_bye + report.retx_200,
      p50: report.setup_ms.p50,
      p99: report.setup_ms.p99,
    },
    disturbed: tandem.disturbed ?? reference.disturbed,
  };
}

function row(rate: number, { done, tandem, cecho: reference, failed, resent, p50, p99 }: Values): string[] {
  return [
    String(rate),
    figure(done, 0),
    figure(tandem, 3),
    figure(reference, 3),
    ratio(tandem, reference),
    figure(failed, 0),
    figure(resent, 0),
    figure(p50),
    figure(p99),
  ];
}
