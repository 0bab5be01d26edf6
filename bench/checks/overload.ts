/** Twice as many calls as there is room for: those that are taken are served as if the others had not come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callload } from '../lab/callload.ts';
import { Server } from '../lab/server.ts';
import type { Check } from './check.ts';

const room = 100;
const settleMs = 1000;

export const overload: Check = {
  name: `${2 * room} calls to a server that takes ${room}`,
  expected: `${room} calls answered without loss and as fast as when no more come, ${room} refused`,
  async run(tools) {
    await using server = await Server.start({
      script: 'bench/scripts/calls.ts',
      env: { TANDEM_ADMISSION_MAX_CALLS: String(room) },
    });
    const load = (calls: number) =>
      callload(tools.callload, server.target, server.pid, {
        ...{ calls, rate: 250, rtp: 'echo', seconds: 3, user: 'echo' },
      });
    await load(room); // warms up
    await sleep(settleMs);
    const { report: alone } = await load(room);
    await sleep(settleMs);
    const { report } = await load(2 * room);
    const setUp = ({ setup_ms: { p50, p99 } }: typeof report): string => `${p50} / ${p99}`;
    return {
      passed:
        report.calls_established === room &&
        report.calls_failed === room &&
        report.rtp.loss_pct === 0 &&
        report.setup_ms.p50 <= 2 * alone.setup_ms.p50 + 1,
      seen:
        `${report.calls_established} answered, ${report.calls_failed} refused, loss ${report.rtp.loss_pct} %, ` +
        `set-up p50 / p99 ${setUp(report)} ms (alone ${setUp(alone)} ms)`,
    };
  },
};
