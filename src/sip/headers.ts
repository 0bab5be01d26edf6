/**
 * The header fields that the stack itself works with, read strictly (RFC 3261 §20). What must be there once is
 * counted: of two Content-Lengths, or two From tags, each element on the path could believe another one.
 */
import { fail, ok, type Result } from '../base/errors.ts';
import type { Field } from './fields.ts';
import { isBlank, isToken, parseDecimal, skipBlanks } from './grammar.ts';
import type { CSeq, NameAddr, SipHeaders, Via } from './message.ts';
import { parseNameAddr, parseNameAddrList } from './name-addr.ts';
import { parseViaList } from './via.ts';

export interface ReadHeaders {
  readonly headers: SipHeaders;
  readonly contentLength: number | undefined;
}

/**
 * Values of Via, Route and Record-Route, each of which is one hop: Max-Forwards goes to 255 (RFC 3261 §20.22). Answers
 * and the requests of a dialog repeat them.
 */
export const maxHops = 256;
/** Sequence numbers are below 2^31 (RFC 3261 §8.1.1.5). */
const maxSeq = 2 ** 31 - 1;

/** @returns an error that names the header at fault and holds nothing of its value */
export function readHeaders(fields: readonly Field[]): Result<ReadHeaders> {
  let via: Via[] | undefined;
  let from: NameAddr | undefined;
  let to: NameAddr | undefined;
  let callId: string | undefined;
  let cseq: CSeq | undefined;
  let maxForwards: number | undefined;
  let contentLength: number | undefined;
  let contact: NameAddr[] | '*' | undefined;
  let route: NameAddr[] | undefined;
  let recordRoute: NameAddr[] | undefined;
  const other = new Map<string, string[]>();

  for (const { name, value } of fields) {
    switch (name) {
      case 'via': {
        const vias = parseViaList(value);
        if (!vias.ok) return fail('the Via is malformed');
        via = append(via, vias.value);
        if (via.length > maxHops) return fail(`there are more than ${maxHops} Vias`);
        break;
      }
      case 'from': {
        if (from !== undefined) return fail('there are two From headers');
        const address = parseNameAddr(value);
        if (!address.ok) return fail('the From is malformed');
        from = address.value;
        break;
      }
      case 'to': {
        if (to !== undefined) return fail('there are two To headers');
        const address = parseNameAddr(value);
        if (!address.ok) return fail('the To is malformed');
        to = address.value;
        break;
      }
      case 'call-id':
        if (callId !== undefined) return fail('there are two Call-ID headers');
        if (!isOneWord(value)) return fail('the Call-ID is malformed');
        callId = value;
        break;
      case 'cseq':
        if (cseq !== undefined) return fail('there are two CSeq headers');
        cseq = parseCSeq(value);
        if (cseq === undefined) return fail('the CSeq is malformed');
        break;
      case 'max-forwards':
        if (maxForwards !== undefined) return fail('there are two Max-Forwards headers');
        maxForwards = parseDecimal(value, 10);
        if (maxForwards === undefined || maxForwards > 255) return fail('the Max-Forwards is not in 0 to 255');
        break;
      case 'content-length':
        if (contentLength !== undefined) return fail('there are two Content-Length headers');
        contentLength = parseDecimal(value, 7);
        if (contentLength === undefined) return fail('the Content-Length is not a number of up to seven digits');
        break;
      case 'contact': {
        const contacts = parseContact(value);
        if (!contacts.ok) return fail('the Contact is malformed');
        if (contact === undefined) contact = contacts.value;
        else if (contact === '*' || contacts.value === '*') return fail('there is a Contact beside *');
        else append(contact, contacts.value);
        break;
      }
      case 'route': {
        const routes = parseNameAddrList(value);
        if (!routes.ok) return fail('the Route is malformed');
        route = append(route, routes.value);
        if (route.length > maxHops) return fail(`there are more than ${maxHops} Routes`);
        break;
      }
      case 'record-route': {
        const routes = parseNameAddrList(value);
        if (!routes.ok) return fail('the Record-Route is malformed');
        recordRoute = append(recordRoute, routes.value);
        if (recordRoute.length > maxHops) return fail(`there are more than ${maxHops} Record-Routes`);
        break;
      }
      default: {
        const values = other.get(name);
        if (values === undefined) other.set(name, [value]);
        else values.push(value);
      }
    }
  }

  if (via === undefined) return fail('there is no Via header');
  if (from === undefined) return fail('there is no From header');
  if (to === undefined) return fail('there is no To header');
  if (callId === undefined) return fail('there is no Call-ID header');
  if (cseq === undefined) return fail('there is no CSeq header');
  const headers: SipHeaders = { via, from, to, callId, cseq, other };
  if (maxForwards !== undefined) headers.maxForwards = maxForwards;
  if (contact !== undefined) headers.contact = contact;
  if (route !== undefined) headers.route = route;
  if (recordRoute !== undefined) headers.recordRoute = recordRoute;
  return ok({ headers, contentLength });
}

function append<T>(list: T[] | undefined, more: T[]): T[] {
  if (list === undefined) return more;
  for (const one of more) list.push(one);
  return list;
}

/** `*` or a list of addresses (RFC 3261 §20.10). */
function parseContact(value: string): Result<NameAddr[] | '*'> {
  return value === '*' ? ok('*') : parseNameAddrList(value);
}

function parseCSeq(value: string): CSeq | undefined {
  let end = 0;
  while (end < value.length && !isBlank(value.charCodeAt(end))) end++;
  const seq = parseDecimal(value.slice(0, end), 10);
  const method = value.slice(skipBlanks(value, end));
  return seq === undefined || seq > maxSeq || !isToken(method) ? undefined : { seq, method };
}

function isOneWord(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) <= 0x20) return false;
  return value.length > 0;
}
