/** Calls of an earlier process that the database knows and the journal does not: there is no audio to go on with. */
import type { LegSignalling } from '../session/signalling.ts';
import type { SipEndpoint } from '../sip/endpoint.ts';
import { wayTo } from './foreign-legs.ts';
import { farewell } from './recovery.ts';

/** Requests of ours that no row knows of may have been sent: a BYE has to come behind them (RFC 3261 §12.2.1.1). */
const unseenRequests = 100;

/** Hangs up the peers. Resolves at once: what they answer changes nothing. */
export function endOrphan(endpoint: SipEndpoint, legs: readonly LegSignalling[]): void {
  for (const { callId, local, remote, routeSet, socket } of legs) {
    if (local.tag === undefined || remote.tag === undefined) continue;
    const dialog = endpoint.restore({
      ...{ version: 1, role: 'uac', state: 'confirmed', callId, localTag: local.tag, remoteTag: remote.tag },
      local: `<${local.uri}>`,
      remote: `<${remote.uri}>`,
      remoteTarget: remote.contact,
      routeSet,
      localSeq: local.cseq + unseenRequests,
      remoteSeq: remote.cseq || undefined,
      contact: [`<${local.contact}>`],
      byFlow: false,
      allowed: [],
      flow: wayTo(socket, remote.contact),
      ...{ credentials: undefined, answer: undefined, accepted: undefined, ack: undefined },
    });
    void dialog?.bye(farewell);
  }
}
