/**
 * `name-addr` and `addr-spec` with header parameters: From, To, Contact, Route, Record-Route, Refer-To
 * (RFC 3261 §20.10, §25.1). Linear; whatever is not wholly understood is an error, because a From
 * whose tag was lost on the way belongs to another dialog.
 */
import { fail, ok, type Result } from '../base/errors.ts';
import {
  type Cursor,
  isTokenChar,
  printParams,
  quote,
  readParams,
  skipBlanks,
  skipQuoted,
  skipUri,
  unquote,
} from './grammar.ts';
import type { NameAddr, SipParams } from './message.ts';
import { uriScheme } from './uri.ts';

/** Reads exactly one address. */
export function parseNameAddr(text: string): Result<NameAddr> {
  const cursor = { at: 0 };
  const address = readNameAddr(text, cursor);
  if (address === undefined || skipBlanks(text, cursor.at) < text.length) return fail('it is not a valid address');
  return ok(address);
}

/** Reads one or more addresses that are separated by commas. */
export function parseNameAddrList(text: string): Result<NameAddr[]> {
  const cursor = { at: 0 };
  const list: NameAddr[] = [];
  for (;;) {
    const address = readNameAddr(text, cursor);
    if (address === undefined) return fail('it is not a valid list of addresses');
    list.push(address);
    const at = skipBlanks(text, cursor.at);
    if (at === text.length) return ok(list);
    if (text.charCodeAt(at) !== 0x2c) return fail('it is not a valid list of addresses');
    cursor.at = at + 1;
  }
}

/** Writes an address, always with angle brackets, the display name always quoted. */
export function printNameAddr(address: NameAddr): string {
  const uri = `<${address.uri}>${printParams(address.params)}`;
  return address.displayName === undefined ? uri : `${quote(address.displayName)} ${uri}`;
}

/** The same address with other parameters, e.g. a tag. */
export function withParams(address: NameAddr, params: SipParams): NameAddr {
  return { displayName: address.displayName, uri: address.uri, params };
}

function readNameAddr(text: string, cursor: Cursor): NameAddr | undefined {
  let at = skipBlanks(text, cursor.at);
  let displayName: string | undefined;
  const first = text.charCodeAt(at);
  if (first === 0x22) {
    const end = skipQuoted(text, at);
    if (end < 0) return undefined;
    displayName = unquote(text.slice(at, end));
    at = skipBlanks(text, end);
    if (text.charCodeAt(at) !== 0x3c) return undefined;
  } else if (first !== 0x3c) {
    const end = endOfUnquoted(text, at);
    if (text.charCodeAt(end) !== 0x3c) return readAddrSpec(text, at, end, cursor);
    const name = text.slice(at, end).trimEnd();
    if (!isDisplayName(name)) return undefined;
    displayName = name;
    at = end;
  }
  const close = skipUri(text, at + 1);
  if (text.charCodeAt(close) !== 0x3e) return undefined;
  return finish(displayName, text.slice(at + 1, close), text, close + 1, cursor);
}

/**
 * An address without brackets ends at the first blank, semicolon or comma: parameters belong to the
 * header. One with a question mark had to be in brackets (RFC 3261 §20).
 */
function readAddrSpec(text: string, at: number, end: number, cursor: Cursor): NameAddr | undefined {
  const stop = Math.min(skipUri(text, at), end);
  const uri = text.slice(at, stop);
  return uri.includes('?') ? undefined : finish(undefined, uri, text, stop, cursor);
}

function finish(
  displayName: string | undefined,
  uri: string,
  text: string,
  at: number,
  cursor: Cursor,
): NameAddr | undefined {
  if (uriScheme(uri) === undefined) return undefined;
  cursor.at = at;
  const params = readParams(text, cursor);
  return params === undefined ? undefined : { displayName, uri, params };
}

/** Up to the bracket, semicolon or comma that ends a display name or addr-spec. */
function endOfUnquoted(text: string, at: number): number {
  let i = at;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3c || code === 0x3b || code === 0x2c) break;
  }
  return i;
}

/** Tokens and blanks; letters beyond ASCII too, which many phones send without quotes. */
function isDisplayName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x80 && code !== 0x20 && code !== 0x09 && !isTokenChar(code)) return false;
  }
  return true;
}
