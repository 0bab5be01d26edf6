/**
 * The response to a request that could not be read. Its fields are copied as they came (RFC 3261 §8.2.6.2), and
 * it is sent without state (§8.2.7), so the tag it adds is a function of the request.
 */
import type { Field } from './fields.ts';
import { toBytes } from './fields.ts';
import { isToken } from './grammar.ts';
import { defaultReason, tagOf, type Via } from './message.ts';
import { parseNameAddr } from './name-addr.ts';
import { parseViaList, printVia, stampVia, type ViaStamp } from './via.ts';

export interface Reply {
  readonly reply: Uint8Array;
  readonly via: Via;
}

/**
 * @param problem said in the reason phrase, as RFC 3261 §21.4.1 has it; ours, with nothing of the peer's in it
 * @returns undefined for a response, an ACK, or a request that does not say whose it is and where it came from
 */
export function errorReply(
  startLine: string,
  fields: readonly Field[],
  status: number,
  problem: string,
  stamp: ViaStamp,
): Reply | undefined {
  const first = (name: string) => fields.find((field) => field.name === name && field.value !== '')?.value;
  const [from, to, callId, cseq] = [first('from'), first('to'), first('call-id'), first('cseq')];
  const [topLine, ...vias] = fields.filter((field) => field.name === 'via').map((field) => field.value);
  if (!topLine || !from || !to || !callId || !cseq) return undefined;
  if (!isAnswerable(startLine) || cseq.endsWith('ACK')) return undefined;
  const top = parseViaList(topLine);
  const [via, ...further] = top.ok ? top.value : sentByOnly(topLine);
  if (via === undefined) return undefined;

  const stamped = stampVia(via, stamp);
  const lines = [
    `SIP/2.0 ${status} ${defaultReason(status)} (${problem})`,
    ...[stamped, ...further].map((one) => `Via: ${printVia(one)}`),
    ...vias.map((one) => `Via: ${one}`),
    `From: ${from}`,
    `To: ${withTag(to, `${topLine}\n${from}\n${callId}\n${cseq}`)}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq}`,
    'Content-Length: 0',
  ];
  return { reply: Buffer.from(toBytes(`${lines.join('\r\n')}\r\n\r\n`), 'latin1'), via: stamped };
}

/** Of a malformed Via the part that says where the response goes, with the whole text to echo. */
function sentByOnly(line: string): Via[] {
  const sentBy = parseViaList(line.slice(0, Math.max(line.indexOf(';'), 0)));
  return sentBy.ok ? sentBy.value.map((via) => ({ ...via, raw: line })) : [];
}

/** Does the line begin like a request other than ACK, and end like one of SIP? */
function isAnswerable(startLine: string): boolean {
  const method = startLine.slice(0, Math.max(startLine.indexOf(' '), 0));
  const version = startLine.trimEnd().slice(startLine.trimEnd().lastIndexOf(' ') + 1);
  return isToken(method) && method !== 'ACK' && version.toUpperCase().startsWith('SIP/');
}

function withTag(to: string, request: string): string {
  const address = parseNameAddr(to);
  if (!address.ok || tagOf(address.value) !== undefined) return to;
  return `${to};tag=${hash(request, 0x811c9dc5)}${hash(request, 0x2f0b4c47)}`;
}

/** FNV-1a, 32 bits, from a basis of choice. */
function hash(text: string, basis: number): string {
  let value = basis;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}
