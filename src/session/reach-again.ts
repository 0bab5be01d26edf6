/** Whether the peer of a call of an earlier process is still there. */
import { type Clock, sleep } from '../base/clock.ts';

export interface UnreachedPeer {
  readonly clock: Clock;
  /** Aborted when the call is over. */
  readonly signal: AbortSignal;
  /** It has opened a connection itself, or was reached. */
  isReachable(): boolean;
  /** Asks it at its Contact. */
  refresh(): Promise<void>;
  failed(error: unknown): void;
  lost(): Promise<void>;
}

/** ms before each attempt. */
const attemptsMs: readonly number[] = [0, 2000, 4000, 8000, 16_000];

/** Resolves when the peer is there again, or is given up. */
export async function reachAgain(peer: UnreachedPeer): Promise<void> {
  for (const wait of attemptsMs) {
    try {
      await sleep(peer.clock, wait, peer.signal);
      if (peer.isReachable()) return;
      await peer.refresh();
    } catch (error) {
      if (peer.signal.aborted) return;
      peer.failed(error);
    }
  }
  if (!peer.isReachable()) await peer.lost();
}

export interface SilentPeer {
  readonly clock: Clock;
  /** Aborted when the call is over. */
  readonly signal: AbortSignal;
  /** RTP packets so far. */
  heard(): Promise<number>;
  /** Asks it whether it knows the call. @returns the status of its answer */
  ask(): Promise<number>;
  gone(): Promise<void>;
}

/** ms in which a peer that talks is heard. */
const silenceMs = 3000;

/** A call may have ended in the last moment of the process before, and that was not written: who is silent is asked. */
export async function askSilent(peer: SilentPeer): Promise<void> {
  try {
    const before = await peer.heard();
    await sleep(peer.clock, silenceMs, peer.signal);
    if ((await peer.heard()) > before || (await peer.ask()) !== 481) return;
  } catch {
    // The call is over.
    return;
  }
  await peer.gone();
}
