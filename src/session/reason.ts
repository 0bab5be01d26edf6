/** The Reason header of what ends a call (RFC 3326). */

/** The value of a Reason header (RFC 3326). */
export function reasonValue(status: number, text: string): string {
  return `SIP;cause=${status};text="${quotable(text)}"`;
}

/** Text that can stand in a quoted-string: printable ASCII without quotes, at most 120 characters. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, ' ').slice(0, 120);
}
