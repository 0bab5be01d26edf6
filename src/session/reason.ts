/** Why a call ends (Reason, RFC 3326), and why something is refused (Warning, RFC 3261 §20.43). */
import { messageOf, TandemError } from '../base/errors.ts';
import { type HeaderField, header } from '../sip/message.ts';
import type { DialogEnd } from '../sip/options.ts';
import type { EndCause } from './errors.ts';

/** The value of a Reason header (RFC 3326). */
export function reasonValue(status: number, text: string): string {
  return `SIP;cause=${status};text="${quotable(text)}"`;
}

/** Text as it can stand in a status line: without line breaks and the like, at most 120 characters. */
export function reasonPhrase(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 120);
}

/** What the end of its dialog is to a call. */
export function causeOf({ by, request, response }: DialogEnd): EndCause {
  const status = response ? { status: response.status } : {};
  const reason = (request && header(request, 'reason')) ?? response?.reason;
  return { by, method: request?.headers.cseq.method ?? 'BYE', ...status, ...(reason ? { reason } : {}) };
}

/** The Warning of a refusal for this error, if it says what does not fit. */
export function warningOf(error: unknown): readonly HeaderField[] {
  const code = error instanceof TandemError ? error.facts.warning : undefined;
  return typeof code === 'number' ? [['Warning', `${code} tandem "${quotable(messageOf(error))}"`]] : [];
}

/** Text that can stand in a quoted-string: printable ASCII without quotes, at most 120 characters. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, ' ').slice(0, 120);
}
