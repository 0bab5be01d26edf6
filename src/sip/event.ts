/** What SUBSCRIBE and NOTIFY are about: Event, Subscription-State and the body of REFER's reports. */
import { isToken, readParams, skipBlanks, skipToken } from './grammar.ts';
import { defaultReason, type SipParams } from './message.ts';

export interface TokenValue {
  /** Lower case. */
  readonly name: string;
  readonly params: SipParams;
}

/** `refer;id=7`, `active;expires=60` (RFC 6665 §8.4); undefined for what is neither. */
export function parseTokenValue(text: string): TokenValue | undefined {
  const start = skipBlanks(text, 0);
  const cursor = { at: skipToken(text, start) };
  const name = text.slice(start, cursor.at).toLowerCase();
  if (!isToken(name)) return undefined;
  const params = readParams(text, cursor);
  return params && skipBlanks(text, cursor.at) === text.length ? { name, params } : undefined;
}

/** Content type of a piece of a SIP message (RFC 3420). */
export const sipfragType = 'message/sipfrag';

export interface FragStatus {
  readonly status: number;
  readonly reason: string;
}

/** The status line with which a `message/sipfrag` begins (RFC 3515 §2.4.5); undefined if there is none. */
export function parseSipfrag(body: Uint8Array): FragStatus | undefined {
  const [line = ''] = Buffer.from(body.subarray(0, 512)).toString('utf8').split(/\r?\n/, 1);
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i.exec(line.trimEnd());
  return match ? { status: Number(match[1]), reason: match[2] ?? defaultReason(Number(match[1])) } : undefined;
}

export function printSipfrag({ status, reason }: FragStatus): Uint8Array {
  return Buffer.from(`SIP/2.0 ${status} ${reason.replace(/[\r\n]+/g, ' ')}\r\n`, 'utf8');
}

/** The type in a Content-Type, without parameters, lower case; '' if there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
