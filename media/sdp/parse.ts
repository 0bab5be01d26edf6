/**
 * Reads a session description (RFC 8866). Lenient in what it does not need, strict in what the answer
 * is built from, and linear in the size of the body, which is bounded.
 */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import type { SdpAttribute, SdpConnection, SdpLine, SdpMedia, SdpOriginLine, SdpSession } from './types.ts';

/** A larger body is refused unread. */
export const maxSdpBytes = 65_536;
/** More streams than any call has; an answer must repeat every one of them. */
export const maxSdpMedia = 128;

/** What collects the lines of the session or of one stream until it is complete. */
interface Section {
  connection: SdpConnection | undefined;
  readonly lines: SdpLine[];
  readonly attributes: SdpAttribute[];
}

/** @returns the description, or one line that says what is wrong with it. Never throws. */
export function parseSdp(body: Uint8Array | string): Result<SdpSession> {
  if (body.length > maxSdpBytes) return fail(`SDP is larger than ${maxSdpBytes} bytes`);
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  let origin: SdpOriginLine | undefined;
  let name: string | undefined;
  let version = false;
  const session: Section = { connection: undefined, lines: [], attributes: [] };
  const media: (Section & { readonly head: MediaHead })[] = [];
  let section = session;

  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const stop = end === -1 ? text.length : end;
    const line = text.slice(at, stop > at && text[stop - 1] === '\r' ? stop - 1 : stop);
    at = stop + 1;
    if (line === '') continue;
    if (line[1] !== '=' || !/[a-z]/.test(line[0] ?? '')) return fail('SDP has a line that is not <letter>=<value>');
    if (line.includes('\r') || line.includes('\0')) return fail('SDP has a CR or NUL inside a line');
    const type = line[0] ?? '';
    const value = line.slice(2);
    if (!version) {
      if (type !== 'v' || value.trim() !== '0') return fail('SDP does not begin with v=0');
      version = true;
      continue;
    }
    switch (type) {
      case 'v':
        return fail('SDP has a second v= line');
      case 'o':
        origin ??= parseOrigin(value);
        break;
      case 's':
        name ??= value;
        break;
      case 'c': {
        const connection = parseConnection(value);
        if (!connection) return fail('SDP has a malformed c= line');
        section.connection ??= connection;
        break;
      }
      case 'a':
        section.attributes.push(parseAttribute(value));
        break;
      case 'm': {
        const head = parseMediaHead(value);
        if (!head) return fail('SDP has a malformed m= line');
        if (media.length === maxSdpMedia) return fail(`SDP has more than ${maxSdpMedia} m= lines`);
        const next = { head, connection: undefined, lines: [], attributes: [] };
        media.push(next);
        section = next;
        break;
      }
      default:
        section.lines.push({ type, value });
    }
  }
  if (!version) return fail('SDP is empty');
  if (!origin) return fail('SDP has no o= line');
  return ok({
    origin,
    name: name ?? '-',
    connection: session.connection,
    lines: session.lines,
    attributes: session.attributes,
    media: media.map(
      ({ head, connection, lines, attributes }): SdpMedia => ({ ...head, connection, lines, attributes }),
    ),
  });
}

type MediaHead = Pick<SdpMedia, 'kind' | 'port' | 'portCount' | 'protocol' | 'formats'>;

function fields(value: string): string[] {
  return value.split(/[ \t]/).filter((field) => field !== '');
}

function parseOrigin(value: string): SdpOriginLine {
  const [username = '-', sessionId = '0', version = '0', netType = 'IN', addressType = 'IP4', address = '0.0.0.0'] =
    fields(value);
  return { username, sessionId, version, netType, addressType, address };
}

function parseConnection(value: string): SdpConnection | undefined {
  const [netType, addressType, address] = fields(value);
  if (netType === undefined || addressType === undefined || address === undefined) return undefined;
  return { netType, addressType, address };
}

function parseAttribute(value: string): SdpAttribute {
  const colon = value.indexOf(':');
  return colon === -1
    ? { name: value, value: undefined }
    : { name: value.slice(0, colon), value: value.slice(colon + 1) };
}

function parseMediaHead(value: string): MediaHead | undefined {
  const [kind, portText, protocol, ...formats] = fields(value);
  if (kind === undefined || portText === undefined || protocol === undefined || formats.length === 0) return undefined;
  const match = /^(\d{1,5})(?:\/(\d{1,5}))?$/.exec(portText);
  const port = Number(match?.[1] ?? Number.NaN);
  if (!(port <= 65_535)) return undefined;
  return { kind, port, portCount: match?.[2] === undefined ? undefined : Number(match[2]), protocol, formats };
}
