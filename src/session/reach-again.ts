/** A peer whose connection is gone with the process that had it. */
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
