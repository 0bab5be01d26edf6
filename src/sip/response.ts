/** Responses to a request (RFC 3261 §8.2.6), and what requests of ours and responses have in common. */
import { TandemError } from '../base/errors.ts';
import { newParams } from './grammar.ts';
import {
  defaultReason,
  type HeaderField,
  header,
  type NameAddr,
  noBody,
  noParams,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  tagOf,
} from './message.ts';
import { parseNameAddrList, withParams } from './name-addr.ts';
import type { ResponseOptions } from './options.ts';

/**
 * @param toTag added to To unless it has one; everything but 100 needs it.
 * @throws TandemError ERR_HEADER when a header of the options cannot be read
 */
export function createResponse(
  request: SipRequest,
  status: number,
  toTag?: string,
  options: ResponseOptions = {},
): SipResponse {
  const { headers } = request;
  const response: SipResponse = {
    kind: 'response',
    status,
    reason: options.reason ?? defaultReason(status),
    headers: {
      via: headers.via,
      from: headers.from,
      to: toTag === undefined || tagOf(headers.to) !== undefined ? headers.to : tagged(headers.to, toTag),
      callId: headers.callId,
      cseq: headers.cseq,
      other: new Map(),
    },
    body: noBody,
  };
  // A client that measures the round trip by 100 wants its stamp back (RFC 3261 §8.2.6.1).
  const timestamp = status === 100 ? header(request, 'timestamp') : undefined;
  if (timestamp !== undefined) response.headers.other.set('timestamp', [timestamp]);
  addContent(response, options);
  return response;
}

/** A final response that nobody sent: 408 for a timeout, 503 for a failed transport and the like. */
export function localResponse(request: SipRequest, status: number, reason?: string): SipResponse {
  return createResponse(request, status, undefined, reason === undefined ? {} : { reason });
}

/** Headers, content type and body of a user's options. @throws TandemError ERR_HEADER */
export function addContent(
  message: SipMessage,
  options: { readonly headers?: readonly HeaderField[]; readonly contentType?: string; readonly body?: Uint8Array },
): void {
  for (const [name, value] of options.headers ?? []) addHeader(message, name.toLowerCase(), value);
  if (options.contentType !== undefined) message.headers.other.set('content-type', [options.contentType]);
  if (options.body !== undefined) message.body = options.body;
}

function addHeader({ headers }: SipMessage, name: string, value: string): void {
  if (name === 'contact' && value === '*') headers.contact = '*';
  else if (name === 'contact') {
    const list = parseNameAddrList(value);
    if (!list.ok) throw badHeader(name, list.error);
    const before = headers.contact === '*' ? [] : (headers.contact ?? []);
    headers.contact = [...before, ...list.value];
  } else if (name === 'max-forwards') {
    if (!/^\d{1,3}$/.test(value)) throw badHeader(name, 'it is not a number of 0 to 255');
    headers.maxForwards = Number(value);
  } else {
    const values = headers.other.get(name);
    if (values) values.push(value);
    else headers.other.set(name, [value]);
  }
}

function badHeader(name: string, problem: string): TandemError {
  return new TandemError('ERR_HEADER', `the ${name} header to be sent cannot be read: ${problem}`, {
    facts: { header: name },
  });
}

/** The same address with this tag and no other parameter. */
export function tagged(address: NameAddr, tag: string | undefined): NameAddr {
  if (tag === undefined) return withParams(address, noParams);
  const params = newParams();
  params.tag = tag;
  return withParams(address, params);
}
