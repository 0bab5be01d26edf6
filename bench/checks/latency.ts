/** Latency must be back to normal 100 ms after a stall of the process, and 100 ms after a callee that rang for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallloadReport, callload, type Load } from '../lab/callload.ts';
import { freePort } from '../lab/free-port.ts';
import { Server } from '../lab/server.ts';
import { figure } from '../lab/table.ts';
import type { Check, Verdict } from './check.ts';

const calls = 100;
const seconds = 3;
const recoveryMs = 100;
const stallMs = 200;
const ringMs = 5000;
const warmupMs = 3000;

const common = { calls, rate: 100, rtp: 'bridge', seconds } as const;

export const stall: Check = {
  name: `process stopped for ${stallMs} ms under ${calls} bridged calls`,
  expected: `latency ${recoveryMs} ms later as in a run that was not stopped, no packet lost after that`,
  run: (tools) =>
    withServer('examples/b2bua.ts', async (server, uas) => {
      // Streams start at the signal, the measured window opens `warmupMs` later: the stall ends `recoveryMs` before.
      const run = async (stop: boolean): Promise<CallloadReport> => {
        const load: Load = {
          ...common,
          ...{ uas, warmup: warmupMs / 1000 },
          onReady: async (generator) => {
            generator.process.kill('SIGUSR1');
            const window = performance.now() + warmupMs;
            if (!stop) return;
            await sleep(window - recoveryMs - stallMs - performance.now());
            server.signal('SIGSTOP');
            await sleep(window - recoveryMs - performance.now());
            server.signal('SIGCONT');
          },
        };
        return (await callload(tools.callload, server.target, server.pid, load)).report;
      };
      const before = await run(false);
      return compared(before, await run(true));
    }),
};

export const ring: Check = {
  name: `callee rings for ${ringMs / 1000} s while the caller already talks, ${calls} calls`,
  expected: `latency ${recoveryMs} ms after the answer as behind a callee that answers at once, no packet lost after that`,
  run: (tools) =>
    withServer('bench/scripts/answer-then-dial.ts', async (server, uas) => {
      const run = async (uasRingMs: number): Promise<CallloadReport> => {
        const load: Load = { ...common, ...{ uas, uasRingMs, warmup: recoveryMs / 1000 } };
        return (await callload(tools.callload, server.target, server.pid, load)).report;
      };
      await run(0); // warms up; not counted
      const before = await run(0);
      return compared(before, await run(ringMs));
    }),
};

async function withServer(script: string, run: (server: Server, uas: number) => Promise<Verdict>): Promise<Verdict> {
  const uas = await freePort();
  await using server = await Server.start({ script, env: { TARGET: `sip:uas@127.0.0.1:${uas}` } });
  return await run(server, uas);
}

/** What noise of the machine may add to the latency, in ms; kept packets would add the whole stall to all that follow. */
const noise = { p50: 2, p90: 10 } as const;

function compared(before: CallloadReport, after: CallloadReport): Verdict {
  const [was, is] = [latency(before), latency(after)];
  const { rtp } = after;
  const sound = rtp.loss_pct === 0 && rtp.misrouted + rtp.bad_payload + rtp.silent_streams === 0;
  const normal = is.p50 <= was.p50 + noise.p50 && is.p90 <= was.p90 + noise.p90;
  return {
    passed: sound && normal && rtp.streams_mean_latency_over_20ms === 0 && after.calls_failed === 0,
    seen:
      `p50 / p90 / p99 ${shown(was)} ms without, ${shown(is)} ms after; ` +
      `${rtp.streams_mean_latency_over_20ms} streams over 20 ms on average, loss ${figure(rtp.loss_pct, 3)} %, ` +
      `${after.calls_failed} calls failed`,
  };
}

type Latency = Readonly<Record<'p50' | 'p90' | 'p99', number>>;

function latency({ lat_a_to_b_ms: ab, lat_b_to_a_ms: ba }: CallloadReport): Latency {
  const worse = (name: keyof Latency): number => Math.max(ab[name], ba[name]);
  return { p50: worse('p50'), p90: worse('p90'), p99: worse('p99') };
}

function shown({ p50, p90, p99 }: Latency): string {
  return [p50, p90, p99].map((value) => figure(value)).join(' / ');
}
