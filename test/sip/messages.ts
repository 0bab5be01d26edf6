/** Messages that the codec tests start from, as text with CRLF line ends. */
import { expect } from 'vitest';
import { type Framing, parseMessage } from '../../src/sip/codec.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../src/sip/message.ts';

export const bytesOf = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array => Buffer.from(text, encoding);
export const textOf = (bytes: Uint8Array, encoding: BufferEncoding = 'utf8'): string =>
  Buffer.from(bytes).toString(encoding);

const usual = {
  Via: 'SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK776;rport',
  'Max-Forwards': '70',
  From: '"Alice" <sip:alice@example.com>;tag=a1',
  To: '<sip:bob@example.net>',
  'Call-ID': 'c1@192.0.2.1',
  CSeq: '1 INVITE',
} as const;

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An INVITE; `fields` replace or (undefined) remove the usual ones. */
export function invite(fields: Fields = {}, body = '', start = 'INVITE sip:bob@example.net SIP/2.0'): string {
  const length = { 'Content-Length': String(Buffer.byteLength(body)) };
  const lines = Object.entries({ ...usual, ...length, ...fields }).flatMap(([name, value]) =>
    (value === undefined ? [] : [value].flat()).map((one) => `${name}: ${one}`),
  );
  return `${[start, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

export function parsed(text: string | Uint8Array, framing: Framing = 'datagram'): SipMessage {
  const result = parseMessage(typeof text === 'string' ? bytesOf(text) : text, framing);
  if (!result.ok) expect.fail(`not parsed: ${result.error}`);
  return result.message;
}

export function parsedRequest(text: string | Uint8Array): SipRequest {
  const message = parsed(text);
  return message.kind === 'request' ? message : expect.fail('it is a response');
}

export function parsedResponse(text: string | Uint8Array): SipResponse {
  const message = parsed(text);
  return message.kind === 'response' ? message : expect.fail('it is a request');
}

export interface Refused {
  readonly error: string;
  readonly status: number | undefined;
  /** The reply as text, '' if there is none. */
  readonly reply: string;
}

export function refused(text: string | Uint8Array, framing: Framing = 'datagram'): Refused {
  const result = parseMessage(typeof text === 'string' ? bytesOf(text) : text, framing);
  if (result.ok) expect.fail('it was parsed');
  return { error: result.error, status: result.status, reply: result.reply ? textOf(result.reply) : '' };
}
