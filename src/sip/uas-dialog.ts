/** The dialog that a request of the peer makes (RFC 3261 §12.1.1). */
import { contactOf, type DialogInit, recordedRoute } from './dialog-data.ts';
import { type NameAddr, type SipRequest, tagOf } from './message.ts';
import { isReachedByFlow } from './reached-by-flow.ts';
import { tagged } from './response.ts';

/** @param contact what reaches us */
export function uasDialog(request: SipRequest, localTag: string, contact: NameAddr[]): DialogInit {
  const { headers } = request;
  return {
    role: 'uas',
    callId: headers.callId,
    localTag,
    remoteTag: tagOf(headers.from),
    local: tagged(headers.to, undefined),
    remote: tagged(headers.from, undefined),
    remoteTarget: contactOf(headers) ?? '',
    routeSet: recordedRoute(headers),
    localSeq: 0,
    remoteSeq: headers.cseq.seq,
    contact,
    byFlow: isReachedByFlow(request),
  };
}
