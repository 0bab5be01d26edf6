/**
 * Non-INVITE server transaction: RFC 3261 §17.2.2 (figure 8).
 *
 * ```
 *                    start: tell
 *                         │
 *      request: nothing ┌─ trying ────────── 200–699 of user: send ──┐
 *                       └─┤                                          │
 *                  1xx of user: send                                 ▼
 *   request: last again ┌─ proceeding ── 200–699 of user: send ─► completed ─┐ request: last again
 *     1xx of user: send └─┤                                          │   └───┘
 *                         │ N: user silent                           │ J
 *                         └───────────► terminated ◄─────────────────┘
 * ```
 */
import { arm, deliver, disarm, failed, go, type Machine, resend, send, timeout } from './machine.ts';

export type NonInviteServerState = 'initial' | 'trying' | 'proceeding' | 'completed' | 'terminated';

export type NonInviteServerInput =
  | 'start'
  /** The request again. */
  | 'request'
  /** Responses of the user. */
  | '1xx'
  | '200-699'
  | 'transportError'
  | 'timerN'
  | 'timerJ';

export const nonInviteServer: Machine<NonInviteServerState, NonInviteServerInput> = {
  initial: {
    start: go('trying', arm('N'), deliver),
  },
  trying: {
    '1xx': go('proceeding', send),
    '200-699': go('completed', disarm('N'), arm('J'), send),
    // The client's timer F is over as well: an answer would find nobody (RFC 4320).
    timerN: go('terminated', timeout),
  },
  proceeding: {
    request: go('proceeding', resend),
    '1xx': go('proceeding', send),
    '200-699': go('completed', disarm('N'), arm('J'), send),
    timerN: go('terminated', timeout),
    transportError: go('terminated', failed),
  },
  completed: {
    request: go('completed', resend),
    timerJ: go('terminated'),
    transportError: go('terminated', failed),
  },
  terminated: {},
};
