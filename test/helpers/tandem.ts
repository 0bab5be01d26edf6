/** A Tandem on free ports, for tests that run beside others. */
import { expect } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import type { CheckReport } from '../../src/check-report.ts';
import type { CallHandler } from '../../src/incoming/calls.ts';
import type { TandemOptions } from '../../src/options.ts';
import { Tandem } from '../../src/tandem.ts';
import { withRtpPorts } from './rtp-ports.ts';

/** Media workers that the suite runs with: 0, 1 or 2. */
export const testWorkers = Number(process.env.TANDEM_TEST_WORKERS ?? '0');

/** How the suite reads its RTP sockets: by the addon, where there is one, and once by `dgram`. */
const testIo = process.env.TANDEM_TEST_IO === 'dgram' ? 'dgram' : 'auto';

const defaultPorts = 200;

export interface TestTandem extends AsyncDisposable {
  readonly tandem: Tandem;
  /** Where it listens on UDP. */
  readonly port: number;
}

/** @param ports how many for RTP: each leg takes two. */
export async function openTandem(
  handler?: CallHandler,
  options: TandemOptions = {},
  ports = defaultPorts,
): Promise<TestTandem> {
  return withRtpPorts(ports, async (rtpPorts) => {
    const tandem = new Tandem({
      transports: [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }],
      logger: createLogger('silent'),
      ...options,
      media: { workers: testWorkers, io: testIo, rtpPorts, ...options.media },
    });
    if (handler) await tandem.serveBackground(handler);
    else await tandem.open();
    const udp = tandem.listeners.find(({ transport }) => transport === 'udp');
    return { tandem, port: udp?.port ?? 0, [Symbol.asyncDispose]: () => tandem.close() };
  });
}

/** Waits until no call, leg or socket of a call is left; fails with what is. */
export async function expectIdle(tandem: Tandem): Promise<void> {
  const busy = (report: CheckReport) => ({
    calls: report.calls,
    background: report.background,
    dialogs: report.sip.dialogs,
    legs: report.media.legs,
    bridges: report.media.bridges,
    conferences: report.media.conferences,
    playbacks: report.media.playbacks,
    recordings: report.media.recordings,
    sockets: report.media.sockets,
  });
  const idle = {
    ...{ calls: 0, background: 0, dialogs: 0 },
    ...{ legs: 0, bridges: 0, conferences: 0, playbacks: 0, recordings: 0, sockets: 0 },
  };
  await expect.poll(async () => busy(await tandem.check()), { timeout: 5_000 }).toEqual(idle);
}
