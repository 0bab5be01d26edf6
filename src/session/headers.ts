/** Headers that users add to what ends a call. */
import { printMessage } from '../sip/codec.ts';
import { type HeaderField, noBody, noParams, type SipResponse } from '../sip/message.ts';
import { addContent } from '../sip/response.ts';

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

/** The value of a Reason header (RFC 3326). */
export function reasonValue(status: number, text: string): string {
  return `SIP;cause=${status};text="${quotable(text)}"`;
}

/** Text that can stand in a quoted-string: printable ASCII without quotes, at most 120 characters. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, ' ').slice(0, 120);
}
