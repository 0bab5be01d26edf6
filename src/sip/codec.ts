/**
 * SIP messages from bytes and to bytes. The only file that knows npm `sip`, and it uses its grammar alone: its
 * sockets, transactions and digest stay unused.
 *
 * - In: `guard.ts` has looked at every byte before `sip.parse` sees any. `sip.parse` reads the start line. The
 *   header fields are read by `headers.ts`, since `sip` cuts IPv6 hosts in two, drops what follows a character it
 *   does not expect (a From tag among it), merges repeated fields and lets the last of two Content-Lengths win.
 * - Out: `sip.stringify` writes the message, from values that `header-lines.ts` has checked.
 */
import sip from 'sip';
import { fail, ok, type Result } from '../base/errors.ts';
import { type Field, readField, toText } from './fields.ts';
import { maxBodyBytes } from './framing.ts';
import { isToken, skipUri } from './grammar.ts';
import { maxHeadBytes, scanMessage } from './guard.ts';
import { checkToken, checkUri, checkValue, headerLines } from './header-lines.ts';
import { readHeaders } from './headers.ts';
import { noBody, type SipMessage, type Via } from './message.ts';
import { errorReply } from './reply.ts';
import { maxUriLength, parseUri, uriScheme } from './uri.ts';
import type { ViaStamp } from './via.ts';

export type Framing = 'datagram' | 'stream';

export type ParseResult = { readonly ok: true; readonly message: SipMessage } | ParseFailure;

export interface ParseFailure {
  readonly ok: false;
  /** For the log; holds nothing of the peer's. */
  readonly error: string;
  /** What `reply` answers. */
  readonly status?: number;
  /** The whole response. Not there for a response, an ACK, or what does not say where it came from. */
  readonly reply?: Uint8Array;
  /** The top Via of the reply: where it goes (RFC 3261 §18.2.2). */
  readonly via?: Via;
}

interface Problem {
  readonly status: number;
  readonly error: string;
}

const bad = (error: string, status = 400) => fail<Problem>({ status, error });

/**
 * Reads one message.
 * @param bytes one datagram, or one message of `StreamFramer`. The body is a view into them, so they are the
 *   message's from now on.
 * @param stamp what the transport knows of the sender; goes into the Via of a reply, not into that of the message
 */
export function parseMessage(bytes: Uint8Array, framing: Framing, stamp: ViaStamp = {}): ParseResult {
  // On a stream head and body each have a limit of their own.
  const scan = scanMessage(bytes, framing === 'stream' ? maxHeadBytes + maxBodyBytes : undefined);
  const { lines, plain, body } = scan.ok ? scan.value : { lines: scan.error.lines, plain: false, body: maxHeadBytes };
  const head = latin1(bytes.subarray(0, body));
  const startLine = lines[0] === undefined ? '' : head.slice(lines[0].start, lines[0].end);
  const fields: Field[] = [];
  let strays = 0;
  for (let i = 1; i < lines.length; i++) {
    const field = readField(head, lines[i]!, plain);
    if (field === undefined) strays++;
    else fields.push(field);
  }

  let problem: Problem;
  if (!scan.ok) {
    problem = { status: scan.error.status, error: scan.error.message };
  } else if (strays > 0) {
    problem = { status: 400, error: 'a line is not a header' };
  } else {
    const message = readMessage(startLine, fields, bytes.subarray(body), framing);
    if (message.ok) return { ok: true, message: message.value };
    problem = message.error;
  }
  const { status, error } = problem;
  const reply = errorReply(startLine, fields, status, error, stamp);
  return reply === undefined ? { ok: false, error } : { ok: false, error, status, ...reply };
}

/**
 * Writes a message, its Content-Length computed.
 * @throws TandemError ERR_HEADER_INJECTION when a value would end its line or its place in it
 */
export function printMessage(message: SipMessage): Uint8Array {
  const headers = headerLines(message.headers);
  const content = latin1(message.body);
  const text =
    message.kind === 'request'
      ? sip.stringify({
          method: checkToken('method', message.method),
          uri: checkUri('Request-URI', message.uri),
          headers,
          content,
        })
      : sip.stringify({ status: message.status, reason: checkValue('reason', message.reason), headers, content });
  return Buffer.from(text, 'latin1');
}

function readMessage(
  startLine: string,
  fields: readonly Field[],
  rest: Uint8Array,
  framing: Framing,
): Result<SipMessage, Problem> {
  const start = readStartLine(startLine);
  if (!start.ok) return start;
  const read = readHeaders(fields);
  if (!read.ok) return bad(read.error);
  const { headers, contentLength } = read.value;
  const body = readBody(rest, contentLength, framing);
  if (!body.ok) return body;
  if (start.value.kind === 'response') {
    const { status, reason } = start.value;
    return ok({ kind: 'response', status, reason, headers, body: body.value });
  }
  const { method, uri } = start.value;
  if (headers.cseq.method !== method) return bad('the CSeq is of another method');
  return ok({ kind: 'request', method, uri, headers, body: body.value });
}

type StartLine =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

function readStartLine(received: string): Result<StartLine, Problem> {
  const line = withUpperCaseVersion(received);
  const readable = withoutNoBreakSpace(line);
  const parsed = sip.parse(`${readable}\r\n\r\n`);
  const version = parsed?.version;
  if (parsed === undefined || version === undefined) return bad('the start line is malformed');
  const { status, reason } = parsed;
  if (status !== undefined) {
    // `sip` takes a status of any length, and blanks of any number or none.
    const start = `SIP/${version} ${status}`;
    if ((line !== start && !line.startsWith(`${start} `)) || status < 100 || status > 699) {
      return bad('the status line is malformed');
    }
    return version === '2.0' ? ok({ kind: 'response', status, reason: toText(reason ?? '') }) : badVersion;
  }
  // `sip` takes what follows the version and blanks of any kind, and unescapes the method, in which %47 is three
  // characters like any other (RFC 4475 §3.1.1.5).
  const method = line.slice(0, line.indexOf(' '));
  if (parsed.uri === undefined || !isToken(method) || readable !== `${method} ${parsed.uri} SIP/${version}`) {
    return bad('the request line is malformed');
  }
  if (version !== '2.0') return badVersion;
  const uri = toText(line.slice(method.length + 1, method.length + 1 + parsed.uri.length));
  if (uri.length > maxUriLength) return bad(`the Request-URI is longer than ${maxUriLength} characters`, 414);
  const problem = requestUriProblem(uri);
  return problem === undefined ? ok({ kind: 'request', method, uri }) : bad(problem);
}

/** The version may come in any case (RFC 3261 §7.1), which `sip` does not expect. */
function withUpperCaseVersion(line: string): string {
  const at = line.slice(0, 4).toUpperCase() === 'SIP/' ? 0 : line.lastIndexOf(' ') + 1;
  return line.startsWith('SIP/', at)
    ? line
    : line.slice(0, at) + line.slice(at, at + 4).toUpperCase() + line.slice(at + 4);
}

/** 0xA0 is half of many a letter in UTF-8; `sip` sees it as one of its own, a blank. */
function withoutNoBreakSpace(line: string): string {
  return line.startsWith('SIP/') ? line : line.replaceAll('\xa0', '\xa1');
}

const badVersion = bad('the SIP version is not 2.0', 505);

/** Schemes that we do not know are for the user agent core to refuse by 416 (RFC 3261 §8.2.2.1). */
function requestUriProblem(text: string): string | undefined {
  const scheme = uriScheme(text);
  if (scheme === undefined || skipUri(text, 0) < text.length) return 'the Request-URI is malformed';
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel') return undefined;
  const uri = parseUri(text);
  if (!uri.ok) return 'the Request-URI is malformed';
  // RFC 3261 §19.1.1
  for (const _ in uri.value.headers) return 'the Request-URI has a header part';
  return undefined;
}

/** RFC 3261 §18.3: a datagram may hold more than its message, a stream message says how long it is. */
function readBody(rest: Uint8Array, length: number | undefined, framing: Framing): Result<Uint8Array, Problem> {
  if (length === undefined) {
    return framing === 'stream' ? bad('there is no Content-Length, which a stream cannot do without') : ok(rest);
  }
  if (framing === 'stream' && length > maxBodyBytes) return bad(`the body is longer than ${maxBodyBytes} bytes`, 413);
  if (length > rest.length) return bad('the body is shorter than its Content-Length');
  return ok(length === 0 ? noBody : rest.subarray(0, length));
}

function latin1(bytes: Uint8Array): string {
  return bytes.length === 0 ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
