/** The CANCEL of an INVITE (RFC 3261 §9.1). */
import { type HeaderField, noBody, type SipRequest, type Via } from './message.ts';
import { addContent } from './response.ts';

/** @param invite as it was sent, with its Via @throws TandemError ERR_HEADER */
export function cancelOf(
  { uri, headers }: SipRequest,
  userAgent: string,
  more: readonly HeaderField[] = [],
): SipRequest {
  const cancel: SipRequest = {
    kind: 'request',
    method: 'CANCEL',
    uri,
    headers: {
      via: [headers.via[0] as Via],
      from: headers.from,
      to: headers.to,
      callId: headers.callId,
      cseq: { seq: headers.cseq.seq, method: 'CANCEL' },
      maxForwards: 70,
      ...(headers.route ? { route: headers.route } : undefined),
      other: new Map([['user-agent', [userAgent]]]),
    },
    body: noBody,
  };
  addContent(cancel, { headers: more });
  return cancel;
}
