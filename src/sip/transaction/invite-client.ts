/**
 * INVITE client transaction: RFC 3261 §17.1.1 (figure 5) with the Accepted state of RFC 6026 §7.2
 * (figure 8).
 *
 * ```
 *            start: send, A, B
 *                  │         300–699: ACK, tell
 *   A: resend ┌─ calling ─────────────────────────┐
 *             └────┤ └──── 2xx: tell ───────┐    │
 *           1xx: tell                         │    │
 *         1xx ┌─ proceeding ── 2xx: tell ─┐   │    │
 *             └────┤ 300–699: ACK, tell   │   │    │
 *                  └──────────────┐       │   │    │
 *        300–699: ACK again ┌─ completed ◄┼───┼────┘
 *                           └─────┤       ▼   ▼
 *                                 │    accepted ─┐ 2xx: tell
 *                                 D       M  └───┘
 *                                 ▼       ▼
 *                                terminated
 * ```
 */
import { ack, arm, deliver, disarm, expire, failed, go, type Machine, resend, send, timeout } from './machine.ts';

export type InviteClientState = 'initial' | 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';

export type InviteClientInput =
  | 'start'
  | '100'
  | '1xx'
  | '2xx'
  | '300-699'
  /** The user sent a CANCEL: the final response has 64·T1 to come (§9.1). */
  | 'cancelled'
  | 'transportError'
  | 'timerA'
  | 'timerB'
  | 'timerC'
  | 'timerD'
  | 'timerM';

export const inviteClient: Machine<InviteClientState, InviteClientInput> = {
  initial: {
    start: go('calling', arm('B'), arm('A'), send),
  },
  calling: {
    timerA: go('calling', resend, arm('A')),
    timerB: go('terminated', timeout),
    transportError: go('terminated', failed),
    // Timer C is a proxy's (§16.6); here too it ends what would ring for ever.
    '100': go('proceeding', disarm('A'), disarm('B'), arm('C'), deliver),
    '1xx': go('proceeding', disarm('A'), disarm('B'), arm('C'), deliver),
    '2xx': go('accepted', disarm('A'), disarm('B'), arm('M'), deliver),
    '300-699': go('completed', disarm('A'), disarm('B'), arm('D'), ack, deliver),
  },
  proceeding: {
    '100': go('proceeding', deliver),
    // Each sign of life of the far end gives it another timer C; 100 is none (§16.7 step 2).
    '1xx': go('proceeding', disarm('C'), arm('C'), deliver),
    '2xx': go('accepted', disarm('C'), disarm('B'), arm('M'), deliver),
    '300-699': go('completed', disarm('C'), disarm('B'), arm('D'), ack, deliver),
    cancelled: go('proceeding', arm('B')),
    timerB: go('terminated', timeout),
    timerC: go('proceeding', expire),
  },
  completed: {
    '300-699': go('completed', ack),
    transportError: go('terminated', failed),
    timerD: go('terminated'),
  },
  accepted: {
    '2xx': go('accepted', deliver),
    timerM: go('terminated'),
  },
  terminated: {},
};
