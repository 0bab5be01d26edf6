/** Headers that say why: Reason of what ends a call (RFC 3326), Warning of what is refused (RFC 3261 §20.43). */
import { messageOf, TandemError } from '../base/errors.ts';
import type { HeaderField } from '../sip/message.ts';

/** The value of a Reason header (RFC 3326). */
export function reasonValue(status: number, text: string): string {
  return `SIP;cause=${status};text="${quotable(text)}"`;
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
