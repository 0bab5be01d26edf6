/** What the peer is told when a handler is done with a call that it has not answered. */
import { messageOf, TandemError } from '../base/errors.ts';
import type { HeaderField } from '../sip/message.ts';
import { DialogResponseError } from './errors.ts';
import { reasonValue } from './reason.ts';

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
    const headers: HeaderField[] = status < 400 ? error.contacts.map((uri) => ['Contact', `<${uri}>`] as const) : [];
    return { status, reason, headers };
  }
  const status = statusOf(error);
  if (status !== undefined) return { status, headers: [] };
  return { status: 500, headers: [['Reason', reasonValue(500, messageOf(error))]] };
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof TandemError) && !(error instanceof Error)) return undefined;
  const status = (error as { status?: unknown }).status;
  return typeof status === 'number' && Number.isInteger(status) && status >= 300 && status <= 699 ? status : undefined;
}
