/**
 * The Via header (RFC 3261 §20.42, RFC 3581). A response has to carry it back exactly as it came, so a
 * received Via keeps its text beside its fields, and what the transport adds is added to both.
 */
import { fail, ok, type Result } from '../base/errors.ts';
import { type Cursor, newParams, printParams, readParam, readParams, skipBlanks, skipToken } from './grammar.ts';
import type { Via } from './message.ts';
import { parseHost, parsePort, printHost } from './uri.ts';

/** Reads one header line: one or more Vias that are separated by commas. */
export function parseViaList(text: string): Result<Via[]> {
  const cursor = { at: 0 };
  const list: Via[] = [];
  for (;;) {
    const via = readVia(text, cursor);
    if (via === undefined) return fail('it is not a valid Via');
    list.push(via);
    const at = skipBlanks(text, cursor.at);
    if (at === text.length) return ok(list);
    if (text.charCodeAt(at) !== 0x2c) return fail('it is not a valid Via');
    cursor.at = at + 1;
  }
}

/** Writes a Via: a received one as it came, one of ours from its fields. */
export function printVia(via: Via): string {
  if (via.raw !== undefined) return via.raw;
  const port = via.port === undefined ? '' : `:${via.port}`;
  return `SIP/2.0/${via.protocol} ${printHost(via.host)}${port}${printParams(via.params)}`;
}

export interface ViaStamp {
  /** The address the request came from (RFC 3261 §18.2.1). */
  readonly received?: string;
  /** The port it came from; only written where the client asked for it by `;rport` (RFC 3581 §4). */
  readonly rport?: number;
}

/**
 * The Via with `received` and `rport` as the transport saw them. Replaces a `received` or `rport` value
 * that the client made up; all else stays as it was, byte for byte.
 */
export function stampVia(via: Via, stamp: ViaStamp): Via {
  const rport = stamp.rport !== undefined && 'rport' in via.params ? String(stamp.rport) : undefined;
  if (stamp.received === undefined && rport === undefined) return via;
  const params = newParams();
  Object.assign(params, via.params);
  if (stamp.received !== undefined) params.received = stamp.received;
  if (rport !== undefined) params.rport = rport;
  const { protocol, host, port, raw } = via;
  if (raw === undefined) return { protocol, host, port, params };
  return { protocol, host, port, params, raw: stampText(raw, stamp.received, rport) };
}

function stampText(raw: string, received: string | undefined, rport: string | undefined): string {
  const cursor = { at: raw.indexOf(';') };
  if (cursor.at < 0) return received === undefined ? raw : `${raw};received=${received}`;
  let text = raw.slice(0, cursor.at);
  let kept = cursor.at;
  for (let span = readParam(raw, cursor); typeof span === 'object'; span = readParam(raw, cursor)) {
    if (span.name === 'received' && received !== undefined) {
      text += raw.slice(kept, span.start);
      kept = span.end;
    } else if (span.name === 'rport' && rport !== undefined) {
      text += `${raw.slice(kept, span.start)};rport=${rport}`;
      kept = span.end;
    }
  }
  text += raw.slice(kept);
  return received === undefined ? text : `${text};received=${received}`;
}

/** `SIP / 2.0 / UDP host : port ;params`, blanks allowed wherever RFC 3261 §25.1 has SLASH, LWS or COLON. */
function readVia(text: string, cursor: Cursor): Via | undefined {
  const start = skipBlanks(text, cursor.at);
  const protocol = readSentProtocol(text, start, cursor);
  if (protocol === undefined) return undefined;

  const hostStart = skipBlanks(text, cursor.at);
  if (hostStart === cursor.at) return undefined;
  const hostEnd = endOfSentBy(text, hostStart);
  const host = parseHost(text.slice(hostStart, hostEnd));
  if (host === undefined) return undefined;

  let port: number | undefined;
  cursor.at = hostEnd;
  const colon = skipBlanks(text, hostEnd);
  if (text.charCodeAt(colon) === 0x3a) {
    const portStart = skipBlanks(text, colon + 1);
    cursor.at = skipToken(text, portStart);
    port = parsePort(text.slice(portStart, cursor.at));
    if (port === undefined) return undefined;
  }
  const params = readParams(text, cursor);
  return params === undefined ? undefined : { protocol, host, port, params, raw: text.slice(start, cursor.at) };
}

/** `SIP/2.0/UDP`: the transport in upper case. Any version, since a 505 has to find its way too. */
function readSentProtocol(text: string, start: number, cursor: Cursor): string | undefined {
  if (text.startsWith('SIP/2.0/', start)) {
    cursor.at = skipToken(text, start + 8);
    if (cursor.at > start + 8) return upperCase(text.slice(start + 8, cursor.at));
  }
  const parts: string[] = [];
  let at = start;
  for (let part = 0; part < 3; part++) {
    at = skipBlanks(text, at);
    if (part > 0) {
      if (text.charCodeAt(at) !== 0x2f) return undefined;
      at = skipBlanks(text, at + 1);
    }
    const end = skipToken(text, at);
    parts.push(text.slice(at, end));
    at = end;
  }
  cursor.at = at;
  const [name, version, protocol] = parts;
  if (name?.toUpperCase() !== 'SIP' || !version || !protocol) return undefined;
  return protocol.toUpperCase();
}

function upperCase(protocol: string): string {
  return protocol === 'UDP' || protocol === 'TCP' ? protocol : protocol.toUpperCase();
}

function endOfSentBy(text: string, at: number): number {
  if (text.charCodeAt(at) === 0x5b) {
    const close = text.indexOf(']', at);
    return close < 0 ? text.length : close + 1;
  }
  let i = at;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x3a || code === 0x3b || code === 0x2c) break;
  }
  return i;
}
