/** What a REGISTER asks for (RFC 3261 §10.3), read and checked; nothing is done yet. */
import { fail, ok, type Result } from '../base/errors.ts';
import { parseDecimal, unquote } from '../sip/grammar.ts';
import { header, headerValues, type NameAddr, type SipRequest } from '../sip/message.ts';
import { parseNameAddrList } from '../sip/name-addr.ts';
import { parseUri, type SipUri } from '../sip/uri.ts';

export interface WantedContact {
  readonly uri: string;
  readonly parsed: SipUri;
  /** 0 to 1; 1 where none is given (RFC 3261 §10.2.1.2). */
  readonly q: number;
  /** Seconds; undefined: the registrar chooses. 0 takes the binding away. */
  readonly expires: number | undefined;
  /** `+sip.instance` without quotes and brackets (RFC 5626 §4.1). */
  readonly instance: string | undefined;
  readonly regId: number | undefined;
}

export interface RegisterRequest {
  /** `all`: every binding is to go. */
  readonly contacts: readonly WantedContact[] | 'all';
  /** Path as route set (RFC 3327). */
  readonly path: readonly string[];
  /** Option tags of Supported, lower case. */
  readonly supports: ReadonlySet<string>;
  readonly callId: string;
  readonly seq: number;
  readonly userAgent: string | undefined;
}

export interface RegisterProblem {
  readonly status: number;
  readonly reason: string;
}

const longestInstance = 256;
const longestUserAgent = 256;

export function readRegister(request: SipRequest): Result<RegisterRequest, RegisterProblem> {
  const { contact, callId, cseq } = request.headers;
  const path = readPath(headerValues(request, 'path'));
  if (path === undefined) return bad('Path cannot be read');
  const common = secondsOf(header(request, 'expires'));
  const read =
    contact === '*' ? (common === 0 ? ok('all' as const) : bad('Contact * needs Expires 0')) : readAll(contact, common);
  if (!read.ok) return read;
  return ok({
    contacts: read.value,
    path,
    supports: new Set(tags(headerValues(request, 'supported'))),
    callId,
    seq: cseq.seq,
    userAgent: header(request, 'user-agent')?.slice(0, longestUserAgent),
  });
}

function readAll(
  contacts: readonly NameAddr[] | undefined,
  common: number | undefined,
): Result<WantedContact[], RegisterProblem> {
  const wanted: WantedContact[] = [];
  for (const { uri, params } of contacts ?? []) {
    const parsed = parseUri(uri);
    if (!parsed.ok) return bad('a Contact is no SIP address');
    const instance = params['+sip.instance'];
    const text = typeof instance === 'string' ? unquote(instance).replace(/^<(.*)>$/, '$1') : undefined;
    if (text !== undefined && text.length > longestInstance) return bad('+sip.instance is too long');
    wanted.push({
      uri,
      parsed: parsed.value,
      q: quality(params.q),
      expires: params.expires === undefined ? common : (secondsOf(params.expires ?? undefined) ?? defaultOf(common)),
      instance: text,
      regId: parseDecimal(params['reg-id'] ?? '', 9),
    });
  }
  return ok(wanted);
}

/** RFC 3261 §20.19: an Expires that cannot be read is one of 3600 seconds. */
const malformedExpires = 3600;

function defaultOf(common: number | undefined): number {
  return common ?? malformedExpires;
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return parseDecimal(text.trim(), 10) ?? malformedExpires;
}

function quality(text: string | null | undefined): number {
  const match = /^([01])(?:\.(\d{0,3}))?$/.exec(text ?? '');
  return match ? Math.min(1, Number(`${match[1]}.${match[2] || '0'}`)) : 1;
}

function readPath(values: readonly string[]): string[] | undefined {
  const uris: string[] = [];
  for (const value of values) {
    const list = parseNameAddrList(value);
    if (!list.ok) return undefined;
    for (const { uri } of list.value) {
      if (!parseUri(uri).ok) return undefined;
      uris.push(uri);
    }
  }
  return uris;
}

function tags(values: readonly string[]): string[] {
  return values.flatMap((value) => value.toLowerCase().split(',')).map((tag) => tag.trim());
}

function bad(problem: string) {
  return fail<RegisterProblem>({ status: 400, reason: `Bad Request (${problem})` });
}
