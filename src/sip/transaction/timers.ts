/** The timers of RFC 3261 §17 (table 4), RFC 6026 and our own two, and how long each one runs. */

export interface TimerOptions {
  /** Round-trip estimate, ms; default 500. */
  readonly t1?: number;
  /** Longest interval between retransmissions, ms; default 4,000. */
  readonly t2?: number;
  /** Longest life of a message in the network, ms; default 5,000. */
  readonly t4?: number;
  /** How long an INVITE may stay without a final response, ms; default 180,000 (RFC 3261 §16.6 step 11). */
  readonly timerC?: number;
  /** An INVITE is answered with 100 when its user is silent for so long, ms; default 200 (RFC 3261 §17.2.1). */
  readonly trying?: number;
}

export type TimerSettings = Required<TimerOptions>;

/**
 * A–M as in the RFCs. `trying`: time to the automatic 100. `C` also limits how long the user of a
 * server transaction may keep silent. `N` is that limit for a non-INVITE server transaction.
 */
export type TimerName =
  | 'A'
  | 'B'
  | 'C'
  | 'D'
  | 'E'
  | 'F'
  | 'G'
  | 'H'
  | 'I'
  | 'J'
  | 'K'
  | 'L'
  | 'M'
  | 'N'
  | 'E2'
  | 'trying';

export function timerSettings(options: TimerOptions = {}): TimerSettings {
  return { t1: 500, t2: 4_000, t4: 5_000, timerC: 180_000, trying: 200, ...options };
}

/**
 * Milliseconds until the timer fires, or undefined when it does not run on this transport.
 * @param reliable the transport is TCP or the like.
 * @param fired how often this timer has fired before in this transaction.
 */
export function timerDelay(
  name: TimerName,
  { t1, t2, t4, timerC, trying }: TimerSettings,
  reliable: boolean,
  fired: number,
): number | undefined {
  switch (name) {
    case 'A': // T1, 2·T1, 4·T1, … (§17.1.1.2)
      return reliable ? undefined : t1 * 2 ** fired;
    case 'E': // T1, 2·T1, … T2 (§17.1.2.2)
    case 'G': // (§17.2.1)
      return reliable ? undefined : Math.min(t1 * 2 ** fired, t2);
    case 'E2': // timer E once it has fired in state Proceeding (§17.1.2.2)
      return reliable ? undefined : t2;
    case 'B':
    case 'F':
    case 'H':
    case 'L': // RFC 6026 §7.1, on every transport
    case 'M': // RFC 6026 §7.2
    case 'N': // the client has given up by then (its timer F)
      return 64 * t1;
    case 'D': // at least 32 s, and no less than the server's timer H
      return reliable ? 0 : Math.max(32_000, 64 * t1);
    case 'J':
      return reliable ? 0 : 64 * t1;
    case 'I':
    case 'K':
      return reliable ? 0 : t4;
    case 'C':
      return timerC;
    case 'trying':
      return trying;
  }
}
