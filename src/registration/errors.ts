/** A registrar that says no, or says nothing. */
import { TandemError } from '../base/errors.ts';
import { header, type SipResponse } from '../sip/message.ts';

/** What a final response that was made here stands for. */
const localCauses: Readonly<Record<number, string>> = {
  408: 'the registrar does not answer',
  416: 'its URI cannot be used from here',
  430: 'the connection is gone',
  503: 'the registrar cannot be found or reached',
};

/** A REGISTER got a final response that is not 2xx, or one that grants no time. */
export class RegisterResponseError extends TandemError {
  override readonly name = 'RegisterResponseError';
  override readonly status: number;
  readonly reason: string;
  /** Nobody sent it: no answer, or no way. */
  readonly local: boolean;
  readonly response: SipResponse;

  constructor(uri: string, response: SipResponse, local: boolean) {
    const { status, reason } = response;
    const warning = header(response, 'warning') ?? header(response, 'reason');
    const said = `${status} ${reason}${warning ? ` (${warning})` : ''}`;
    const what =
      status < 300
        ? `the registrar grants it for no time: ${said}`
        : local
          ? `${localCauses[status] ?? 'it failed'}: ${said}`
          : said;
    super('ERR_REGISTER', `cannot register ${uri}: ${what}`, { status, facts: { uri, status, reason, local } });
    this.status = status;
    this.reason = reason;
    this.local = local;
    this.response = response;
  }
}
