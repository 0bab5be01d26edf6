/** How a call ended, and the errors that say so. */
import { TandemError } from '../base/errors.ts';
import { header, type SipResponse } from '../sip/message.ts';

/** Who ended a call and why. `status` is a SIP status, `reason` the Reason header's or status line's text. */
export interface EndCause {
  readonly by: 'local' | 'remote' | 'timeout' | 'error' | 'crash';
  readonly status?: number;
  readonly reason?: string;
  readonly method?: string;
}

/** The call is over: the reason of `call.signal`, and what a waiting operation rejects with. */
export class DialogEndedError extends TandemError {
  override readonly name = 'DialogEndedError';
  readonly endCause: EndCause;

  constructor(callId: string, endCause: EndCause) {
    super('ERR_DIALOG_ENDED', `call ended by ${endCause.by}${endCause.reason ? `: ${endCause.reason}` : ''}`, {
      facts: { callId, ...endCause },
      ...(endCause.status === undefined ? {} : { status: endCause.status }),
    });
    this.endCause = endCause;
  }

  /** Without a stack trace: one is made for every call, where the trace would cost more than all the rest of its end. */
  static withoutStack(callId: string, endCause: EndCause): DialogEndedError {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return new DialogEndedError(callId, endCause);
    } finally {
      Error.stackTraceLimit = limit;
    }
  }
}

/** What a final response that was made here stands for (RFC 3261 §8.1.3.1). */
const localCauses: Readonly<Record<number, string>> = {
  408: 'nobody answered the INVITE',
  416: 'the URI cannot be called from here',
  487: 'call cancelled',
  430: 'the connection of the registration is gone',
  503: 'the host cannot be found or reached',
};

/** A request of ours, mostly an INVITE, got a final response that is not 2xx. */
export class DialogResponseError extends TandemError {
  override readonly name = 'DialogResponseError';
  override readonly status: number;
  readonly reason: string;
  /** Where a 3xx points (Contact URIs, RFC 3261 §21.3). */
  readonly contacts: readonly string[];
  readonly response: SipResponse;

  /** @param local made here (no answer, transport error, cancelled), not sent by the peer. */
  constructor(response: SipResponse, local = false) {
    const { status, reason } = response;
    const text = header(response, 'reason');
    const { method } = response.headers.cseq;
    const refused = method === 'INVITE' ? 'call refused' : `${method} refused`;
    const what = local ? (localCauses[status] ?? 'call failed') : refused;
    super('ERR_DIALOG_RESPONSE', `${what}: ${status} ${reason}${text ? ` (${text})` : ''}`, {
      status,
      facts: { callId: response.headers.callId, status, reason, local },
    });
    this.status = status;
    this.reason = reason;
    this.response = response;
    const contact = response.headers.contact;
    this.contacts = Array.isArray(contact) ? contact.map((address) => address.uri) : [];
  }
}

/** A method was called in a state that has no use for it. */
export class StateError extends TandemError {
  override readonly name = 'StateError';
  constructor(callId: string, message: string, status?: number) {
    super('ERR_STATE', message, { facts: { callId }, ...(status === undefined ? {} : { status }) });
  }
}

/** The legs of a bridge speak different codecs and it may not convert. */
export class CodecMismatchError extends TandemError {
  override readonly name = 'CodecMismatchError';
  constructor(first: string, second: string, options: { readonly cause?: unknown } = {}) {
    super(
      'ERR_CODEC_MISMATCH',
      `cannot bridge ${first} with ${second}: invite the second leg with { originator } or offer one codec to both`,
      { status: 488, facts: { first, second }, ...options },
    );
  }
}
