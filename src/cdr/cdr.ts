/** The record of one call that is over. */
import type { EndCause } from '../session/errors.ts';

export interface CdrLeg {
  readonly callId: string;
  readonly direction: 'inbound' | 'outbound';
  readonly localUri: string;
  readonly remoteUri: string;
  /** As `PCMU/8000`; undefined where none was settled. */
  readonly codec: string | undefined;
  /** Estimated for what was received, 1 to 4.5. */
  readonly mos: number | undefined;
  readonly packetsSent: number | undefined;
  readonly packetsReceived: number | undefined;
  readonly packetsLost: number | undefined;
}

/** The server was away in mid-call. */
export interface CdrGap {
  /** Unix ms. */
  readonly at: number;
  readonly forMs: number;
}

export interface Cdr {
  /** Stable over restarts: that of the call's record. */
  readonly id: string;
  readonly hEntry: number;
  readonly hId: number;
  readonly fromUri: string;
  readonly toUri: string;
  readonly requestUri: string;
  /** Unix seconds; 0 for what has not been. */
  readonly beganAt: number;
  readonly answeredAt: number;
  readonly endedAt: number;
  /** Seconds from answer to end. */
  readonly duration: number;
  readonly cause: EndCause;
  readonly endedBy: 'caller' | 'callee' | 'local';
  readonly legs: readonly CdrLeg[];
  /** Paths or names of what was recorded. */
  readonly recordings: readonly string[];
  readonly gaps: readonly CdrGap[];
  readonly variables: Readonly<Record<string, string>>;
}
