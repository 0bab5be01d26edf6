/** A BYE that comes right behind the ACK, in the middle of the handler's work, must leave nothing waiting. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callload } from '../lab/callload.ts';
import { freePort } from '../lab/free-port.ts';
import { type Report, Server } from '../lab/server.ts';
import type { Check, Verdict } from './check.ts';

const calls = 200;
/** Transactions wait for retransmissions for 64 × T1 = 32 s after the last message (RFC 3261 §17). */
const patienceMs = 45_000;
const askEveryMs = 2000;

export const answered = byeBehindAck('an answered call', 'bench/scripts/calls.ts', false);
export const bridged = byeBehindAck('a bridged call', 'examples/b2bua.ts', true);

function byeBehindAck(what: string, script: string, twoLegs: boolean): Check {
  return {
    name: `BYE right behind the ACK of ${what}, ${calls} times`,
    expected: 'every call ends well, and then all counts of `tandem check --json` are 0',
    async run(tools): Promise<Verdict> {
      const uas = await freePort();
      await using server = await Server.start({ script, env: { TARGET: `sip:uas@127.0.0.1:${uas}` } });
      const load = { calls, rate: 200, rtp: 'none', ...(twoLegs ? { uas } : {}) } as const;
      const { report } = await callload(tools.callload, server.target, server.pid, load);
      const until = performance.now() + patienceMs;
      let left = leftOf(await server.check());
      while (left.length > 0 && performance.now() < until) {
        await sleep(askEveryMs);
        left = leftOf(await server.check());
      }
      return {
        passed: report.calls_ok === calls && left.length === 0,
        seen: `${report.calls_ok} of ${calls} ended well; left behind: ${left.join(', ') || 'nothing'}`,
      };
    },
  };
}

/** Counts of open things that are not 0; counters of what happened are no open things. */
function leftOf({ calls: running, background, sip, media }: Report): string[] {
  const counts = { calls: running, background, ...sip, ...media };
  return Object.entries(counts)
    .filter(([, value]) => typeof value === 'number' && value !== 0)
    .map(([name, value]) => `${name} ${value}`);
}
