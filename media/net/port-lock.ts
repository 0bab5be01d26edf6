/**
 * The claim on a port range, held while the process lives: a socket with an abstract name that tells the
 * range. The kernel lists these names, per network namespace as the ports are, and takes them away when
 * the process ends, however it ends. Where there are no abstract sockets nothing is claimed: a port in
 * use is then only noticed one by one.
 */
import { readFile } from 'node:fs/promises';
import { TandemError } from '../../src/base/errors.ts';
import { type HeldName, holdName } from '../../src/base/node-abstract-socket.ts';
import { type Random, token } from '../../src/base/random.ts';

const prefix = 'tandem-rtp/';
/** Held only while somebody looks and claims: two who come together do so one after the other. */
const turnstile = 'tandem-rtp-claim';
const turnstileTries = 100;
const turnstileWaitMs = 20;
const lookAgainMs = 20;

export type PortRangeLock = HeldName;

interface Range {
  readonly min: number;
  readonly max: number;
}

/**
 * @param patienceMs how long another process may have these ports still: one that was killed has its claim until the kernel
 *   has taken it apart
 * @throws {TandemError} ERR_RTP_PORTS_IN_USE when a living process has claimed some of these ports
 */
export async function lockPortRange(range: Range, random: Random, patienceMs = 0): Promise<PortRangeLock> {
  if (process.platform !== 'linux') return { release: async () => {} };
  for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
    const lock = await tryLock(range, random);
    if ('release' in lock) return lock;
    if (waitedMs >= patienceMs || lock.pid === process.pid)
      throw new TandemError(
        'ERR_RTP_PORTS_IN_USE',
        `media.rtpPorts ${range.min}–${range.max}: ports ${lock.min}–${lock.max} belong to a running Tandem ` +
          `(process ${lock.pid}); give this one another range`,
        { facts: { ...range, claimed: { min: lock.min, max: lock.max }, pid: lock.pid } },
      );
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

/** @returns the claim of somebody else, if there is one */
async function tryLock(range: Range, random: Random): Promise<PortRangeLock | Claim> {
  const turn = await pass();
  try {
    const claim = (await claims()).find(({ min, max }) => range.min <= max && range.max >= min);
    if (claim) return claim;
    return await holdName(`${prefix}${range.min}-${range.max}/${process.pid}/${token(random, 4)}`);
  } finally {
    await turn.release();
  }
}

async function pass(): Promise<HeldName> {
  for (let tries = 1; ; tries++) {
    try {
      return await holdName(turnstile);
    } catch (error) {
      if (tries >= turnstileTries || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
        throw new TandemError(
          'ERR_RTP_PORTS_IN_USE',
          'the RTP port range cannot be claimed: another process is at it',
          {
            cause: error,
          },
        );
      await new Promise((resolve) => setTimeout(resolve, turnstileWaitMs));
    }
  }
}

interface Claim extends Range {
  readonly pid: number;
}

async function claims(): Promise<Claim[]> {
  const list = await readFile('/proc/net/unix', 'latin1');
  return [...list.matchAll(/@tandem-rtp\/(\d+)-(\d+)\/(\d+)\//g)].map((match) => ({
    min: Number(match[1]),
    max: Number(match[2]),
    pid: Number(match[3]),
  }));
}
