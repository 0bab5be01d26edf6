/** Whether headers that a user adds can be sent at all, asked before anything depends on it. */
import { printMessage } from './codec.ts';
import { type HeaderField, noBody, noParams, type SipResponse } from './message.ts';
import { addContent } from './response.ts';

/**
 * Throws what sending them would throw, while the call can still be ended in another way.
 * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
 */
export function checkHeaders(headers: readonly HeaderField[]): void {
  if (headers.length === 0) return;
  const nobody = { displayName: undefined, uri: 'sip:nobody@invalid', params: noParams };
  const probe: SipResponse = {
    kind: 'response',
    status: 200,
    reason: '',
    headers: { via: [], from: nobody, to: nobody, callId: '', cseq: { seq: 1, method: 'BYE' }, other: new Map() },
    body: noBody,
  };
  addContent(probe, { headers });
  printMessage(probe);
}
