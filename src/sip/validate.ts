/**
 * What a request must fulfil before anybody looks at it (RFC 3261 §8.2), as a table of statuses. Grammar was the
 * codec's business; what needs a dialog or a transaction (481, 482, 500) is the endpoint's.
 */
import { type HeaderField, header, headerValues, type SipRequest, tagOf } from './message.ts';
import { parseUri, uriScheme } from './uri.ts';

export interface Rules {
  /** Methods that have a handler in a dialog. */
  readonly methods: ReadonlySet<string>;
  /** Methods that begin something outside; BYE and the rest are 481 where they have no dialog. */
  readonly outsideMethods: ReadonlySet<string>;
  readonly allow: string;
  /** Option tags that may be required. */
  readonly supported: readonly string[];
}

export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
}

/** The one body type of INVITE, UPDATE and PRACK. */
export const sdpType = 'application/sdp';
const withSdp: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'PRACK']);

const acceptsSdp: ReadonlySet<string> = new Set([sdpType, 'application/*', '*/*']);

/** Longest body taken, bytes. */
export const maxBody = 65_535;

/** Those that RFCs define. */
const standardMethods: ReadonlySet<string> = new Set([
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'INFO', 'PRACK', 'UPDATE', 'REFER', 'MESSAGE'],
  ...['SUBSCRIBE', 'NOTIFY', 'PUBLISH'],
]);

/** `secure`: it came over TLS. */
type Check = (request: SipRequest, rules: Rules, secure: boolean) => Refusal | undefined;

/** In the order of §8.2: method, headers, extensions, content. */
const checks: readonly Check[] = [
  method405or501,
  requestUri400or416,
  contact400,
  maxForwards483,
  require420,
  body413,
  content415,
  accept406,
];

/**
 * The first reason to refuse a request; undefined if there is none. Not for ACK and CANCEL.
 * @param secure whether it came over TLS
 */
export function validate(request: SipRequest, rules: Rules, secure: boolean): Refusal | undefined {
  for (const check of checks) {
    const refusal = check(request, rules, secure);
    if (refusal) return refusal;
  }
  return undefined;
}

/** 405 is for methods that exist (§8.2.1, §21.4.6), 501 for those that do not (§21.5.2, RFC 4475 §3.1.1.2). */
function method405or501(
  { method, headers }: SipRequest,
  { methods, outsideMethods, allow }: Rules,
): Refusal | undefined {
  const handled = tagOf(headers.to) === undefined ? outsideMethods : methods;
  if (handled.has(method)) return undefined;
  return { status: standardMethods.has(method) ? 405 : 501, headers: [['Allow', allow]] };
}

function requestUri400or416({ uri }: SipRequest, _rules: Rules, secure: boolean): Refusal | undefined {
  const scheme = uriScheme(uri);
  // To treat sips that came without TLS as sip would promise what is not kept.
  if (scheme !== 'sip' && scheme !== 'tel' && !(scheme === 'sips' && secure)) return { status: 416 };
  return parseUri(uri).ok ? undefined : { status: 400, reason: 'Bad Request (the Request-URI is malformed)' };
}

/** An INVITE has exactly one Contact that we can send to (§8.1.1.8); a bad one anywhere would be our next target. */
function contact400({ method, headers }: SipRequest): Refusal | undefined {
  if (method !== 'INVITE' && method !== 'UPDATE') return undefined;
  const { contact } = headers;
  if (contact === undefined)
    return method === 'INVITE' ? { status: 400, reason: 'Bad Request (Contact is missing)' } : undefined;
  const uri = contact === '*' || contact.length !== 1 ? undefined : contact[0]?.uri;
  if (uri !== undefined && parseUri(uri).ok) return undefined;
  return { status: 400, reason: 'Bad Request (Contact is not one SIP address)' };
}

/** RFC 7332: a back-to-back user agent forwards nothing that has no hop left. OPTIONS asks about us (§11). */
function maxForwards483({ method, headers }: SipRequest): Refusal | undefined {
  return headers.maxForwards === 0 && method === 'INVITE' && tagOf(headers.to) === undefined
    ? { status: 483 }
    : undefined;
}

function require420(request: SipRequest, { supported }: Rules): Refusal | undefined {
  const values = headerValues(request, 'require');
  if (values.length === 0) return undefined;
  const unknown = values
    .join(',')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '' && !supported.includes(tag.toLowerCase()));
  return unknown.length === 0 ? undefined : { status: 420, headers: [['Unsupported', unknown.join(', ')]] };
}

function body413({ body }: SipRequest): Refusal | undefined {
  return body.length > maxBody ? { status: 413 } : undefined;
}

function content415(request: SipRequest): Refusal | undefined {
  if (request.body.length === 0) return undefined;
  const encoding = header(request, 'content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return { status: 415, headers: [['Accept-Encoding', 'identity']] };
  if (!withSdp.has(request.method)) return undefined;
  const type = (header(request, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  return type === sdpType ? undefined : { status: 415, headers: [['Accept', sdpType]] };
}

/** A 200 of ours would have a body that the caller says it cannot read (§20.1, RFC 4475 §3.3.15). */
function accept406(request: SipRequest): Refusal | undefined {
  if (request.method !== 'INVITE' && request.method !== 'UPDATE') return undefined;
  const values = headerValues(request, 'accept');
  if (values.length === 0) return undefined;
  const ranges = values.join(',').split(',');
  const types = ranges.map((range) => (range.split(';')[0] ?? '').trim().toLowerCase());
  return types.some((type) => acceptsSdp.has(type)) ? undefined : { status: 406 };
}
