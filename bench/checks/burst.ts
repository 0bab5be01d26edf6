/** INVITEs that all arrive while the server cannot read: what the socket's buffer holds is answered in time. */
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { callload } from '../lab/callload.ts';
import { Server } from '../lab/server.ts';
import type { Check } from './check.ts';

/** About the size of the INVITEs that callload sends. */
const inviteBytes = 750;
/** Of the buffer, so that a few bytes more in an INVITE do not matter. */
const fill = 0.9;
/** Longer than callload takes to send them all, shorter than T1, after which it sends the first again. */
const stoppedMs = 100;
const settleMs = 1000;

export const burst: Check = {
  name: 'a burst of INVITEs, as many as the granted receive buffer holds, sent while the process is stopped',
  expected: 'every call answered, not one message sent again',
  async run(tools) {
    await using server = await Server.start({ script: 'bench/scripts/calls.ts' });
    await callload(tools.callload, server.target, server.pid, { calls: 500, rate: 250, rtp: 'none' }); // warms up
    await sleep(settleMs);
    server.signal('SIGSTOP');
    const each = await bytesInBuffer(server.port);
    const calls = Math.floor((server.receiveBuffer * fill) / each);
    const load = callload(tools.callload, server.target, server.pid, { calls, rate: 1e6, rtp: 'none' });
    await sleep(stoppedMs);
    server.signal('SIGCONT');
    const { report } = await load;
    const { retx_invite: invites, retx_bye: byes, setup_ms: setUp } = report;
    return {
      passed: report.calls_ok === calls && invites + byes === 0,
      seen:
        `${calls} INVITEs (${server.receiveBuffer} bytes granted, ${each} for each): ${report.calls_ok} calls ended well, ` +
        `${invites} INVITEs and ${byes} BYEs sent again, set-up p50 / p99 ${setUp.p50} / ${setUp.p99} ms`,
    };
  },
};

/** What a datagram takes of the stopped server's receive buffer: the kernel counts its own bookkeeping too. */
async function bytesInBuffer(port: number): Promise<number> {
  const sender = createSocket('udp4');
  // Empty lines are a keep-alive (RFC 5626 §3.5.1): the server ignores them when it goes on.
  const emptyLines = '\r\n'.repeat(inviteBytes / 2);
  await new Promise((resolve) => sender.send(emptyLines, port, '127.0.0.1', resolve));
  sender.close();
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = (await readFile('/proc/net/udp', 'utf8')).split('\n').find((text) => text.includes(` ${local} `));
  const received = /:([0-9A-F]{8}) \d\d:/.exec(line ?? '')?.[1];
  if (received === undefined) throw new Error(`/proc/net/udp shows no socket ${local}`);
  return Number.parseInt(received, 16);
}
