/**
 * The header fields of a message as they are written. Every value goes through one of the checks here: a line
 * break in a display name or in a script's header would otherwise begin a header of the attacker's choice.
 */
import { TandemError } from '../base/errors.ts';
import { printedName, toBytes } from './fields.ts';
import { isToken, skipQuoted, skipUri, skipValue } from './grammar.ts';
import type { NameAddr, SipHeaders, SipParams } from './message.ts';
import { printNameAddr } from './name-addr.ts';
import { printVia } from './via.ts';

const lineBreaks = /[\r\n\0]/;

/** Names that have a field of their own in `SipHeaders`, or that printing computes. */
const reserved: ReadonlySet<string> = new Set([
  ...['via', 'from', 'to', 'call-id', 'cseq', 'max-forwards', 'contact', 'route', 'record-route', 'content-length'],
]);

/**
 * Header name → value for npm `sip`, which writes one line per name, in this order, and Content-Length last.
 * Further values of a name follow as lines of their own inside the value.
 * @throws TandemError ERR_HEADER_INJECTION
 */
export function headerLines(headers: SipHeaders): Record<string, unknown> {
  // No prototype: `__proto__` and `constructor` are names like any other.
  const lines: Record<string, unknown> = Object.create(null);
  const put = (name: string, values: readonly string[]) => {
    if (values.length > 0) lines[name] = values.length === 1 ? values[0] : values.join(`\r\n${name}: `);
  };
  put(
    'Via',
    headers.via.map((via) => {
      if (via.raw === undefined) checkParams('Via', via.params);
      return checkValue('Via', printVia(via));
    }),
  );
  if (headers.maxForwards !== undefined) lines['Max-Forwards'] = headers.maxForwards;
  lines.From = address('From', headers.from);
  lines.To = address('To', headers.to);
  lines['Call-ID'] = checkValue('Call-ID', headers.callId);
  lines.CSeq = `${headers.cseq.seq} ${checkToken('CSeq', headers.cseq.method)}`;
  if (headers.contact === '*') lines.Contact = '*';
  else if (headers.contact !== undefined) put('Contact', [addresses('Contact', headers.contact).join(', ')]);
  if (headers.recordRoute !== undefined) put('Record-Route', addresses('Record-Route', headers.recordRoute));
  if (headers.route !== undefined) put('Route', addresses('Route', headers.route));

  let contentType: readonly string[] | undefined;
  for (const [name, values] of headers.other) {
    if (name === 'content-type') contentType = values;
    else putOther(name, values);
  }
  if (contentType !== undefined) putOther('content-type', contentType);
  return lines;

  function putOther(name: string, values: readonly string[]): void {
    if (reserved.has(name)) {
      throw new TandemError('ERR_HEADER_INJECTION', `The header ${name} has a field of its own: it cannot be added`, {
        facts: { header: name },
      });
    }
    const printed = printedName(checkToken('header name', name));
    put(
      printed,
      values.map((value) => checkValue(printed, value)),
    );
  }
}

/** A value that may be any text on one line. @returns it with one character per byte */
export function checkValue(header: string, value: string): string {
  if (lineBreaks.test(value)) throw injection(header, 'a line break or NUL');
  return toBytes(value);
}

/** A method or header name. */
export function checkToken(header: string, value: string): string {
  if (!isToken(value)) throw injection(header, 'a character that a token cannot have');
  return value;
}

/** A URI that is to stand in a request line or between angle brackets. */
export function checkUri(header: string, uri: string): string {
  if (uri === '' || skipUri(uri, 0) < uri.length)
    throw injection(header, 'a URI with a blank, quote, bracket or line break');
  return toBytes(uri);
}

function addresses(header: string, list: readonly NameAddr[]): string[] {
  return list.map((one) => address(header, one));
}

function address(header: string, one: NameAddr): string {
  checkUri(header, one.uri);
  checkParams(header, one.params);
  return checkValue(header, printNameAddr(one));
}

function checkParams(header: string, params: SipParams): void {
  for (const name in params) {
    if (!isToken(name)) throw injection(header, 'a parameter name that is not a token');
    const value = params[name];
    if (value === null || value === undefined) continue;
    const end = value.startsWith('"') ? skipQuoted(value, 0) : skipValue(value, 0);
    if (value === '' || end !== value.length) throw injection(header, 'a parameter value that would end early');
  }
}

function injection(header: string, what: string): TandemError {
  return new TandemError('ERR_HEADER_INJECTION', `The ${header} to be sent holds ${what}; remove it first`, {
    facts: { header },
  });
}
