/** The header fields of a message by name: compact forms, and how names are written (RFC 3261 §7.3). */
import { isUtf8 } from 'node:buffer';
import { isBlank, isToken } from './grammar.ts';
import type { HeadLine } from './guard.ts';

/** RFC 3261 §7.3.3 and the later registrations at IANA. */
const compactForms: ReadonlyMap<string, string> = new Map([
  ['a', 'accept-contact'],
  ['b', 'referred-by'],
  ['c', 'content-type'],
  ['d', 'request-disposition'],
  ['e', 'content-encoding'],
  ['f', 'from'],
  ['i', 'call-id'],
  ['j', 'reject-contact'],
  ['k', 'supported'],
  ['l', 'content-length'],
  ['m', 'contact'],
  ['n', 'identity-info'],
  ['o', 'event'],
  ['r', 'refer-to'],
  ['s', 'subject'],
  ['t', 'to'],
  ['u', 'allow-events'],
  ['v', 'via'],
  ['x', 'session-expires'],
  ['y', 'identity'],
]);

/** Names that are not simply capitalised at each hyphen. */
const spellings: ReadonlyMap<string, string> = new Map([
  ['call-id', 'Call-ID'],
  ['cseq', 'CSeq'],
  ['www-authenticate', 'WWW-Authenticate'],
  ['min-se', 'Min-SE'],
  ['rack', 'RAck'],
  ['rseq', 'RSeq'],
  ['mime-version', 'MIME-Version'],
  ['sip-etag', 'SIP-ETag'],
  ['sip-if-match', 'SIP-If-Match'],
]);

// The names nearly every message has, as they are mostly written: no need to lower-case them each time.
const usual: ReadonlyMap<string, string> = new Map(
  [
    'Via, From, To, Call-ID, CSeq, Contact, Max-Forwards, Route, Record-Route, Content-Type, Content-Length, Allow',
    'Supported, Require, User-Agent, Server, Expires, Subject, Session-Expires, Min-SE, Accept, Allow-Events',
    'Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate, Reason, P-Asserted-Identity, Privacy',
  ]
    .flatMap((names) => names.split(', '))
    .map((name) => [name, name.toLowerCase()]),
);

const printed: ReadonlyMap<string, string> = new Map([...usual.values()].map((lower) => [lower, capitalise(lower)]));

export interface Field {
  /** Full name in lower case. */
  readonly name: string;
  /** Trimmed and unfolded. */
  readonly value: string;
}

/** The full lower-case name of a header, whatever its case and form; undefined if it is not a token. */
export function fullName(name: string): string | undefined {
  const known = usual.get(name);
  if (known !== undefined) return known;
  if (!isToken(name)) return undefined;
  const lower = name.toLowerCase();
  return compactForms.get(lower) ?? lower;
}

/** How a header name is written: `call-id` → `Call-ID`, `x-account` → `X-Account`. */
export function printedName(lower: string): string {
  return printed.get(lower) ?? capitalise(lower);
}

function capitalise(lower: string): string {
  const spelling = spellings.get(lower);
  if (spelling !== undefined) return spelling;
  let name = '';
  let start = true;
  for (const char of lower) {
    name += start ? char.toUpperCase() : char;
    start = char === '-';
  }
  return name;
}

/**
 * The header field in one line of the head.
 * @param head the head with one character per byte
 * @param plain see `Scan`
 * @returns undefined if the line is not a field
 */
export function readField(head: string, line: HeadLine, plain: boolean): Field | undefined {
  if (line.colon < 0) return undefined;
  let nameEnd = line.colon;
  while (nameEnd > line.start && isBlank(head.charCodeAt(nameEnd - 1))) nameEnd--;
  const name = fullName(head.slice(line.start, nameEnd));
  if (name === undefined) return undefined;
  let value = trimmed(head, line.colon + 1, line.end);
  if (line.folded) value = value.replace(/\r\n[ \t]+/g, ' ');
  if (!plain) {
    const text = toText(value);
    // Where a NUL was left out there may be a blank at the end now.
    value = trimmed(text, 0, text.length);
  }
  return { name, value };
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

/**
 * From one character per byte to text. RFC 3261 §7.3.1 has UTF-8; a value that is not comes from an old
 * phone that means Latin-1, and is taken as that. An escaped NUL (RFC 4475 §3.1.1.2) is left out: it says
 * nothing, and no value that we write may hold one.
 */
export function toText(latin1: string): string {
  const value = latin1.includes('\0') ? latin1.replaceAll('\\\0', '') : latin1;
  if (!hasHigh(value)) return value;
  // To decode and catch what is thrown takes some ten µs, and one message may have thousands of such values.
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

/** From text to one character per byte. */
export function toBytes(text: string): string {
  return hasHigh(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function hasHigh(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return true;
  return false;
}
