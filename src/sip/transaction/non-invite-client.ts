/**
 * Non-INVITE client transaction: RFC 3261 §17.1.2 (figure 6).
 *
 * ```
 *                start: send, E, F
 *                      │
 *      E: resend ┌─ trying ──────── 200–699: tell ──┐
 *                └─────┤                            │
 *               1xx: tell                           ▼
 *      E: resend ┌─ proceeding ── 200–699: tell ─► completed
 *           1xx  └─────┤                            │
 *          F: timeout  ▼                       K    ▼
 *                  terminated ◄─────────────────────┘
 * ```
 */
import { arm, deliver, disarm, failed, go, type Machine, resend, send, timeout } from './machine.ts';

export type NonInviteClientState = 'initial' | 'trying' | 'proceeding' | 'completed' | 'terminated';

export type NonInviteClientInput =
  | 'start'
  | '1xx'
  | '200-699'
  | 'transportError'
  | 'timerE'
  | 'timerE2'
  | 'timerF'
  | 'timerK';

export const nonInviteClient: Machine<NonInviteClientState, NonInviteClientInput> = {
  initial: {
    start: go('trying', arm('F'), arm('E'), send),
  },
  trying: {
    timerE: go('trying', resend, arm('E')),
    timerF: go('terminated', timeout),
    transportError: go('terminated', failed),
    '1xx': go('proceeding', deliver),
    '200-699': go('completed', disarm('E'), disarm('F'), arm('K'), deliver),
  },
  // A provisional response slows the retransmissions down, it does not end them: once it has fired, E is T2.
  proceeding: {
    timerE: go('proceeding', resend, arm('E2')),
    timerE2: go('proceeding', resend, arm('E2')),
    timerF: go('terminated', timeout),
    transportError: go('terminated', failed),
    '1xx': go('proceeding', deliver),
    '200-699': go('completed', disarm('E'), disarm('E2'), disarm('F'), arm('K'), deliver),
  },
  completed: {
    timerK: go('terminated'),
  },
  terminated: {},
};
