/** Ports for RTP, for tests that run beside others. */
import { randomInt } from 'node:crypto';

export interface PortRange {
  readonly min: number;
  readonly max: number;
}

const attempts = 20;
/** Below the ephemeral ports. */
const shared: PortRange = { min: 10_000, max: 31_999 };

/**
 * Starts something with `count` ports; with others when another test has some of those.
 * @param start throws what a Tandem throws, or what the command printed, when they are taken
 */
export async function withRtpPorts<T>(
  count: number,
  start: (ports: PortRange) => Promise<T>,
  within: PortRange = shared,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const min = within.min + 2 * randomInt((within.max + 1 - within.min - count) / 2);
    try {
      return await start({ min, max: min + count - 1 });
    } catch (error) {
      if (attempt === attempts || !areTaken(error as Error & { code?: unknown })) throw error;
    }
  }
}

function areTaken({ code, message }: Error & { code?: unknown }): boolean {
  return code === 'ERR_RTP_PORTS_IN_USE' || message.includes('choose another with --rtp-ports');
}

export function rtpPortsFlag({ min, max }: PortRange): string[] {
  return ['--rtp-ports', `${min}-${max}`];
}
