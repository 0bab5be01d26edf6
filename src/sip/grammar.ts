/**
 * The character classes and small readers that the grammars of RFC 3261 §25.1 share: tokens, quoted
 * strings, parameters. Everything here reads each character once and uses no regular expression, so
 * no input is slow.
 */
import { noParams, type SipParams } from './message.ts';

const TOKEN = 1;
const DIGIT = 2;
const ALPHA = 4;

const classes = new Uint8Array(128);
for (const c of "-.!%*_+`'~") classes[c.charCodeAt(0)] = TOKEN;
for (let c = 0x30; c <= 0x39; c++) classes[c] = TOKEN | DIGIT;
for (let c = 0x41; c <= 0x5a; c++) {
  classes[c] = TOKEN | ALPHA;
  classes[c + 0x20] = TOKEN | ALPHA;
}

const is = (code: number, mask: number): boolean => code < 128 && (classes[code]! & mask) !== 0;

export const isTokenChar = (code: number): boolean => is(code, TOKEN);
export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
export const isAlpha = (code: number): boolean => is(code, ALPHA);
export const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** True for a non-empty `token` (RFC 3261 §25.1). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenChar(text.charCodeAt(i))) return false;
  return text.length > 0;
}

/**
 * A decimal number of 1 to `digits` digits and nothing else, or undefined. `Number()` also takes
 * `0x3`, `1e1` and blanks, each of which has framed a message wrongly somewhere.
 */
export function parseDecimal(text: string, digits: number): number | undefined {
  if (text.length === 0 || text.length > digits) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return undefined;
    value = value * 10 + (code - 0x30);
  }
  return value;
}

export function skipBlanks(text: string, at: number): number {
  let i = at;
  while (i < text.length && isBlank(text.charCodeAt(i))) i++;
  return i;
}

export function skipToken(text: string, at: number): number {
  let i = at;
  while (i < text.length && isTokenChar(text.charCodeAt(i))) i++;
  return i;
}

/** `at` is on the opening quote: the index behind the closing one, or -1 if there is none. */
export function skipQuoted(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i + 1;
    if (code === 0x5c) i++;
  }
  return -1;
}

/** Past an unquoted parameter value: whatever comes before a blank, semicolon, comma or quote. */
export function skipValue(text: string, at: number): number {
  let i = at;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x22 || code === 0x2c || code === 0x3b) break;
  }
  return i;
}

/** Past what may stand between `<` and `>`; a blank there is an error (RFC 4475 §3.1.2.14). */
export function skipUri(text: string, at: number): number {
  let i = at;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x22 || code === 0x3c || code === 0x3e || code === 0x7f) break;
  }
  return i;
}

/** The meaning of a quoted string, or the text itself if it has no quotes. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 0x22) return text;
  const inner = text.slice(1, -1);
  if (!inner.includes('\\')) return inner;
  let value = '';
  for (let i = 0; i < inner.length; i++) {
    if (inner.charCodeAt(i) === 0x5c) i++;
    value += inner[i] ?? '';
  }
  return value;
}

/** A `quoted-string` that means `text`. */
export function quote(text: string): string {
  if (!text.includes('"') && !text.includes('\\')) return `"${text}"`;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Inherits nothing, so that no name of a peer's choice is special. */
export type MutableParams = Record<string, string | null>;

export function newParams(): MutableParams {
  return Object.create(null);
}

/** Where the reader stands in the text. */
export interface Cursor {
  at: number;
}

/** Where one `;name=value` lies in its text; both ends of the value are -1 if it has none. */
export interface ParamSpan {
  /** Of the semicolon. */
  start: number;
  name: string;
  valueStart: number;
  /** Behind the last character of name or value. */
  end: number;
}

/**
 * Reads the next `;name[=value]`. The value is a quoted string, or whatever comes before a blank,
 * semicolon or comma: peers put more there than `gen-value` allows (`branch=z9hG4bK+a/b=c|d`,
 * `host=[::1]`), and what is lost here is echoed wrongly later.
 * @returns undefined if there is no further parameter here; 'bad' if there is one but malformed
 */
export function readParam(text: string, cursor: Cursor): ParamSpan | 'bad' | undefined {
  const start = skipBlanks(text, cursor.at);
  if (text.charCodeAt(start) !== 0x3b) return undefined;
  const nameStart = skipBlanks(text, start + 1);
  const nameEnd = skipToken(text, nameStart);
  if (nameEnd === nameStart) return 'bad';
  const name = text.slice(nameStart, nameEnd).toLowerCase();
  const equals = skipBlanks(text, nameEnd);
  if (text.charCodeAt(equals) !== 0x3d) {
    cursor.at = nameEnd;
    return { start, name, valueStart: -1, end: nameEnd };
  }
  const valueStart = skipBlanks(text, equals + 1);
  let end = valueStart;
  if (text.charCodeAt(valueStart) === 0x22) {
    end = skipQuoted(text, valueStart);
    if (end < 0) return 'bad';
  } else {
    end = skipValue(text, valueStart);
    if (end === valueStart) return 'bad';
  }
  cursor.at = end;
  return { start, name, valueStart, end };
}

/**
 * Reads all the parameters from the cursor on. Quoted values keep their quotes, so that they are
 * written as they came.
 * @returns undefined if one is malformed or appears twice (RFC 3261 §7.3.1)
 */
export function readParams(text: string, cursor: Cursor): SipParams | undefined {
  let params: MutableParams | undefined;
  for (;;) {
    const span = readParam(text, cursor);
    if (span === undefined) return params ?? noParams;
    if (span === 'bad') return undefined;
    params ??= newParams();
    if (span.name in params) return undefined;
    params[span.name] = span.valueStart < 0 ? null : text.slice(span.valueStart, span.end);
  }
}

export function printParams(params: SipParams): string {
  let text = '';
  for (const name in params) {
    const value = params[name];
    text += value === null || value === undefined ? `;${name}` : `;${name}=${value}`;
  }
  return text;
}
