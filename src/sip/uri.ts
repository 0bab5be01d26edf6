/**
 * SIP, SIPS and tel URIs (RFC 3261 §19.1 and §25.1, RFC 3966). The reader is linear in the length of
 * the text; anything a peer wants us to send to (Contact, Route, Refer-To) is to be read with it
 * first, because a port of 99999 or a stray bracket must end here and not in a socket call.
 */
import { fail, ok, type Result } from '../base/errors.ts';
import { isAlpha, isDigit, type MutableParams, newParams, parseDecimal, printParams } from './grammar.ts';
import { noParams, type SipParams } from './message.ts';

export interface SipUri {
  readonly scheme: 'sip' | 'sips' | 'tel';
  /** Unescaped; for tel the number as written. */
  readonly user: string | undefined;
  /** Unescaped. Only kept to be written again (RFC 3261 §19.1.1 recommends against it). */
  readonly password?: string;
  /** Lower case; an IPv6 address without brackets; '' for tel. */
  readonly host: string;
  readonly port: number | undefined;
  /** Names lower-case, values verbatim. */
  readonly params: SipParams;
  /** Names lower-case, values unescaped. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Longest URI that is read; a request line that holds a longer one is answered 414. */
export const maxUriLength = 2048;

const noHeaders: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

/** Reads a sip:, sips: or tel: URI; the whole text has to be one. */
export function parseUri(text: string): Result<SipUri> {
  if (text.length > maxUriLength) return fail(`the URI is longer than ${maxUriLength} characters`);
  if (!isPrintable(text)) return fail('the URI has a blank, quote, angle bracket or control character in it');
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (scheme === 'tel') return parseTel(text, colon + 1);
  if (scheme !== 'sip' && scheme !== 'sips') return fail('the URI scheme is not sip, sips or tel');

  let at = colon + 1;
  let user: string | undefined;
  let password: string | undefined;
  const separator = text.indexOf('@', at);
  if (separator >= 0) {
    if (text.includes('@', separator + 1)) return fail('the URI has two @');
    const split = text.indexOf(':', at);
    const userEnd = split >= 0 && split < separator ? split : separator;
    user = unescapeUri(text.slice(at, userEnd));
    if (user === undefined || user === '') return fail('the URI has an empty or badly escaped user');
    if (userEnd < separator) {
      password = unescapeUri(text.slice(userEnd + 1, separator));
      if (password === undefined) return fail('the URI has a badly escaped password');
    }
    at = separator + 1;
  }

  const hostEnd = endOfHost(text, at);
  const host = parseHost(text.slice(at, hostEnd));
  if (host === undefined) return fail('the URI has no valid host');
  at = hostEnd;
  let port: number | undefined;
  if (text.charCodeAt(at) === 0x3a) {
    const end = indexOfAny(text, at + 1, ';', '?');
    port = parsePort(text.slice(at + 1, end));
    if (port === undefined) return fail('the URI has a port that is not in 1 to 65535');
    at = end;
  }

  const question = text.indexOf('?', at);
  const params = parseUriParams(text, at, question < 0 ? text.length : question);
  if (params === undefined) return fail('the URI has a malformed or repeated parameter');
  const headers = question < 0 ? noHeaders : parseUriHeaders(text.slice(question + 1));
  if (headers === undefined) return fail('the URI has a malformed header part');
  return ok({ scheme, user, ...(password === undefined ? undefined : { password }), host, port, params, headers });
}

/** Writes a URI with everything escaped that has to be. */
export function printUri(uri: SipUri): string {
  if (uri.scheme === 'tel') return `tel:${uri.user ?? ''}${printParams(uri.params)}`;
  let text = `${uri.scheme}:`;
  if (uri.user !== undefined) {
    text += escapeUri(uri.user, userChars);
    if (uri.password !== undefined) text += `:${escapeUri(uri.password, passwordChars)}`;
    text += '@';
  }
  text += printHost(uri.host);
  if (uri.port !== undefined) text += `:${uri.port}`;
  text += printParams(uri.params);
  let separator = '?';
  for (const name in uri.headers) {
    text += `${separator}${escapeUri(name, headerChars)}=${escapeUri(uri.headers[name]!, headerChars)}`;
    separator = '&';
  }
  return text;
}

/** The unescaped user of a sip: or sips: URI or the number of a tel: URI; undefined if there is none. */
export function uriUser(text: string): string | undefined {
  const uri = parseUri(text);
  return uri.ok ? uri.value.user : undefined;
}

/** Whether a URI asks for TLS on every hop (RFC 3261 §26.2.2). */
export function isSips(text: string): boolean {
  return uriScheme(text) === 'sips';
}

/** The scheme of any URI, lower case, or undefined if the text has no `scheme:` (RFC 3986 §3.1). */
export function uriScheme(text: string): string | undefined {
  if (!isAlpha(text.charCodeAt(0))) return undefined;
  for (let i = 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3a) return i + 1 < text.length ? text.slice(0, i).toLowerCase() : undefined;
    if (!isAlpha(code) && !isDigit(code) && code !== 0x2b && code !== 0x2d && code !== 0x2e) return undefined;
  }
  return undefined;
}

/** A port of 1 to 65535 in decimal digits, or undefined. */
export function parsePort(text: string): number | undefined {
  const port = parseDecimal(text, 5);
  return port !== undefined && port >= 1 && port <= 65_535 ? port : undefined;
}

/** A host name, IPv4 address or bracketed IPv6 address; lower case and without brackets, or undefined. */
export function parseHost(text: string): string | undefined {
  if (text.charCodeAt(0) === 0x5b) {
    // The grammar of RFC 3261 has three colons before an IPv4 part, which are to be taken for two (RFC 5118 §4.10).
    const inner = text
      .slice(1, -1)
      .toLowerCase()
      .replace(/:::(?=\d{1,3}\.)/, '::');
    return text.endsWith(']') && isIpv6(inner) ? inner : undefined;
  }
  if (text.length === 0 || text.length > 255) return undefined;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isAlpha(code) && !isDigit(code) && code !== 0x2d && code !== 0x2e && code !== 0x5f) return undefined;
  }
  return text.includes('..') || text.startsWith('.') ? undefined : text.toLowerCase();
}

/** The host as it stands in a URI or Via: IPv6 in brackets. */
export function printHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Is this an IPv6 address (RFC 4291 §2.2), without brackets and zone? */
export function isIpv6(text: string): boolean {
  if (text.length < 2 || text.length > 45) return false;
  let groups = 0;
  let gap = false;
  let i = 0;
  if (text.startsWith('::')) {
    gap = true;
    i = 2;
  }
  while (i < text.length) {
    let end = i;
    while (end < text.length && isHex(text.charCodeAt(end))) end++;
    if (text[end] === '.') {
      groups += 2;
      if (!isIpv4(text.slice(i))) return false;
      break;
    }
    if (end === i || end - i > 4) return false;
    groups++;
    if (end === text.length) break;
    if (text[end] !== ':') return false;
    i = end + 1;
    if (text[i] === ':') {
      if (gap) return false;
      gap = true;
      i++;
    } else if (i === text.length) {
      return false;
    }
  }
  return gap ? groups < 8 : groups === 8;
}

/** Is this a dotted IPv4 address? */
export function isIpv4(text: string): boolean {
  if (text.length > 15) return false;
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => (parseDecimal(part, 3) ?? 256) <= 255);
}

function parseTel(text: string, at: number): Result<SipUri> {
  const end = indexOfAny(text, at, ';', ';');
  const user = text.slice(at, end);
  for (const char of user) if (!telChars.has(char)) return fail('the tel URI has a character no number has');
  if (user.length === 0) return fail('the tel URI has no number');
  const params = parseUriParams(text, end, text.length);
  if (params === undefined) return fail('the tel URI has a malformed or repeated parameter');
  return ok({ scheme: 'tel', user, host: '', port: undefined, params, headers: noHeaders });
}

function parseUriParams(text: string, from: number, to: number): SipParams | undefined {
  if (from === to) return noParams;
  if (text.charCodeAt(from) !== 0x3b) return undefined;
  const params: MutableParams = newParams();
  for (let at = from; at < to; ) {
    const next = text.indexOf(';', at + 1);
    const end = next < 0 || next > to ? to : next;
    const equals = text.indexOf('=', at + 1);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const name = text.slice(at + 1, nameEnd).toLowerCase();
    if (name === '' || name in params) return undefined;
    params[name] = nameEnd === end ? null : text.slice(nameEnd + 1, end);
    at = end;
  }
  return params;
}

function parseUriHeaders(text: string): Record<string, string> | undefined {
  const headers = newParams() as Record<string, string>;
  for (const field of text.split('&')) {
    const equals = field.indexOf('=');
    const name = unescapeUri(field.slice(0, Math.max(equals, 0)))?.toLowerCase();
    const value = unescapeUri(field.slice(equals + 1));
    if (name === undefined || name === '' || value === undefined) return undefined;
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}

/** The end of `host` or `[IPv6]` at `at`. */
function endOfHost(text: string, at: number): number {
  if (text.charCodeAt(at) === 0x5b) {
    const close = text.indexOf(']', at);
    return close < 0 ? text.length : close + 1;
  }
  let i = at;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3a || code === 0x3b || code === 0x3f) break;
  }
  return i;
}

function indexOfAny(text: string, at: number, one: string, other: string): number {
  let i = at;
  while (i < text.length && text[i] !== one && text[i] !== other) i++;
  return i;
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f || code === 0x22 || code === 0x3c || code === 0x3e || code === 0x5c) return false;
  }
  return true;
}

function isHex(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

const telChars: ReadonlySet<string> = new Set('0123456789+-.()*#ABCDabcdefEF');

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";
const userChars: ReadonlySet<string> = new Set(`${unreserved}&=+$,;?/`);
const passwordChars: ReadonlySet<string> = new Set(`${unreserved}&=+$,`);
const headerChars: ReadonlySet<string> = new Set(`${unreserved}[]/?:+$`);

/** Undoes %XX, several of them being UTF-8; undefined if an escape is not two hex digits. */
export function unescapeUri(text: string): string | undefined {
  if (!text.includes('%')) return text;
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i]!;
    if (byte === 0x25) {
      const high = bytes[i + 1] ?? 0;
      const low = bytes[i + 2] ?? 0;
      if (!isHex(high) || !isHex(low)) return undefined;
      byte = Number.parseInt(String.fromCharCode(high, low), 16);
      i += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.toString('utf8', 0, length);
}

function escapeUri(text: string, allowed: ReadonlySet<string>): string {
  let plain = true;
  for (let i = 0; plain && i < text.length; i++) plain = allowed.has(text[i]!);
  if (plain) return text;
  let escaped = '';
  for (const char of text) {
    if (allowed.has(char)) escaped += char;
    else
      for (const byte of Buffer.from(char, 'utf8')) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}
