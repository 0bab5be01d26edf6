/** What the peer is told when a handler is done with a call that it has not answered. */
import { messageOf, TandemError } from '../base/errors.ts';
import { type HeaderField, header, headerValues, type SipResponse } from '../sip/message.ts';
import { DialogResponseError } from './errors.ts';
import { reasonValue, warningOf } from './reason.ts';

export interface Outcome {
  readonly status: number;
  readonly reason?: string;
  readonly headers: readonly HeaderField[];
}

/** The handler returned without an answer: nobody took the call. */
export const unanswered: Outcome = { status: 480, headers: [] };

/**
 * Maps a thrown value to a final response. An error with a SIP `status` gives that one; a B leg's
 * refusal is passed on, except what only concerns our own leg (401, 407, 408, 430) and, unless
 * `passRedirects`, a 3xx. Anything else is 500 with the cause in Reason (RFC 3326).
 */
export function outcomeOf(error: unknown, passRedirects = false): Outcome {
  if (error instanceof DialogResponseError) {
    const { status, reason } = error;
    const ours =
      status === 401 || status === 407 || status === 408 || status === 430 || (status < 400 && !passRedirects);
    if (ours) return unanswered;
    const contacts = status < 400 ? error.contacts.map((uri) => ['Contact', `<${uri}>`] as const) : [];
    return { status, reason, headers: [...contacts, ...why(error.response)] };
  }
  const status = statusOf(error);
  if (status !== undefined) return { status, headers: warningOf(error) };
  return { status: 500, headers: [['Reason', reasonValue(500, messageOf(error))]] };
}

/** What a refusal says beside its status: causes (RFC 3326), warnings, and when to try again. */
function why(response: SipResponse): HeaderField[] {
  const passed: HeaderField[] = headerValues(response, 'reason').map((value) => ['Reason', value] as const);
  for (const value of headerValues(response, 'warning')) {
    // Its second word is the host that warns, which is nobody else's business (RFC 3261 §20.43).
    const [, code, text] = /^(\d{3}) \S+ (".*")$/.exec(value) ?? [];
    if (code && text) passed.push(['Warning', `${code} b2bua ${text}`]);
  }
  const retryAfter = header(response, 'retry-after');
  if (retryAfter !== undefined) passed.push(['Retry-After', retryAfter]);
  return passed;
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof TandemError) && !(error instanceof Error)) return undefined;
  const status = (error as { status?: unknown }).status;
  return typeof status === 'number' && Number.isInteger(status) && status >= 300 && status <= 699 ? status : undefined;
}
