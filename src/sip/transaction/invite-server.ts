/**
 * INVITE server transaction: RFC 3261 §17.2.1 (figure 7) with the Accepted state of RFC 6026 §7.1
 * (figure 6).
 *
 * ```
 *                        start: tell, trying timer
 *                              │
 *     INVITE: last again ┌─ proceeding ── 2xx of user: send ─► accepted ─┐ ACK: tell
 *     1xx of user: send  └─────┤                                 │  └────┘ INVITE: nothing
 *                   300–699 of user: send                        │         2xx of user: again
 *     INVITE, G: last again ┌─ completed                         │
 *                           └──┤      │ H: tell user             │
 *                             ACK     │                          │
 *                              ▼      │                          │
 *                          confirmed  │                          │
 *                              │ I    ▼                          │ L
 *                              └──► terminated ◄─────────────────┘
 * ```
 */
import { arm, deliver, disarm, expire, failed, go, type Machine, resend, send, timeout, trying } from './machine.ts';

export type InviteServerState = 'initial' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';

export type InviteServerInput =
  | 'start'
  /** The INVITE again. */
  | 'request'
  | 'ack'
  /** Responses of the user. */
  | '100'
  | '1xx'
  | '2xx'
  | '300-699'
  | 'transportError'
  | 'timerTrying'
  | 'timerC'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerL';

export const inviteServer: Machine<InviteServerState, InviteServerInput> = {
  initial: {
    start: go('proceeding', arm('trying'), arm('C'), deliver),
  },
  proceeding: {
    request: go('proceeding', resend),
    timerTrying: go('proceeding', trying),
    '100': go('proceeding', disarm('trying'), send),
    // Each sign of life of the user gives it another timer C; 100 is none.
    '1xx': go('proceeding', disarm('trying'), disarm('C'), arm('C'), send),
    '2xx': go('accepted', disarm('trying'), disarm('C'), arm('L'), send),
    '300-699': go('completed', disarm('trying'), disarm('C'), arm('H'), arm('G'), send),
    timerC: go('proceeding', expire),
    transportError: go('terminated', failed),
  },
  completed: {
    request: go('completed', resend),
    timerG: go('completed', resend, arm('G')),
    timerH: go('terminated', timeout),
    ack: go('confirmed', disarm('G'), disarm('H'), arm('I')),
    transportError: go('terminated', failed),
  },
  confirmed: {
    timerI: go('terminated'),
  },
  accepted: {
    ack: go('accepted', deliver),
    // The user retransmits its 2xx (§13.3.1.4); a failure to send one is not the end of the call.
    '2xx': go('accepted', resend),
    timerL: go('terminated'),
  },
  terminated: {},
};
