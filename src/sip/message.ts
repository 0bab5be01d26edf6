/**
 * A SIP message as the rest of the code sees it (RFC 3261 §7). The codec (`codec.ts`) turns bytes
 * into these and back; nothing else knows how a message looks on the wire.
 */

/** Parameters by lower-case name; `null` is a parameter without a value. Has no prototype. */
export type SipParams = Readonly<Record<string, string | null>>;

export interface NameAddr {
  readonly displayName: string | undefined;
  /** Verbatim, without angle brackets. */
  readonly uri: string;
  readonly params: SipParams;
}

export interface Via {
  /** Upper case: `UDP`, `TCP`, … */
  readonly protocol: string;
  /** sent-by host; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: SipParams;
  /** The value as received; responses echo it (RFC 3261 §8.2.6.2). */
  readonly raw?: string;
}

export interface CSeq {
  readonly seq: number;
  readonly method: string;
}

export interface SipHeaders {
  via: Via[];
  from: NameAddr;
  to: NameAddr;
  callId: string;
  cseq: CSeq;
  maxForwards?: number;
  contact?: NameAddr[] | '*';
  route?: NameAddr[];
  recordRoute?: NameAddr[];
  /** Every other header: lower-case full name → its values in order, trimmed and unfolded. */
  other: Map<string, string[]>;
}

export interface SipRequest {
  readonly kind: 'request';
  method: string;
  uri: string;
  headers: SipHeaders;
  body: Uint8Array;
}

export interface SipResponse {
  readonly kind: 'response';
  status: number;
  reason: string;
  headers: SipHeaders;
  body: Uint8Array;
}

export type SipMessage = SipRequest | SipResponse;

/** One header line to add to a message of ours. */
export type HeaderField = readonly [name: string, value: string];

export const noBody: Uint8Array = new Uint8Array(0);
export const noParams: SipParams = Object.freeze(Object.create(null));

/** The first value of a header that has no field of its own in `SipHeaders`. */
export function header(message: SipMessage, name: string): string | undefined {
  return message.headers.other.get(name.toLowerCase())?.[0];
}

/** All values of such a header, in order. */
export function headerValues(message: SipMessage, name: string): readonly string[] {
  return message.headers.other.get(name.toLowerCase()) ?? [];
}

/** The tag of a From or To header (RFC 3261 §19.3). */
export function tagOf(address: NameAddr): string | undefined {
  return address.params.tag ?? undefined;
}

const reasons: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  305: 'Use Proxy',
  380: 'Alternative Service',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  421: 'Extension Required',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  428: 'Use Identity Header',
  430: 'Flow Failed',
  436: 'Bad Identity Info',
  437: 'Unsupported Credential',
  438: 'Invalid Identity Header',
  439: 'First Hop Lacks Outbound Support',
  469: 'Bad Info Package',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  493: 'Undecipherable',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
};

/** The reason phrase RFC 3261 §21 gives a status. */
export function defaultReason(status: number): string {
  return reasons[status] ?? (status < 200 ? 'Progress' : status < 300 ? 'OK' : 'Error');
}
