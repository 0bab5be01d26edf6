/** Writes a session description in the line order of RFC 8866 §5. */
import { TandemError } from '../../src/base/errors.ts';
import type { SdpAttribute, SdpConnection, SdpLine, SdpSession } from './types.ts';

/** @throws TandemError ERR_SDP when a value holds CR, LF or NUL: it would become a line of its own. */
export function printSdp(session: SdpSession): string {
  const o = session.origin;
  const out: string[] = [
    'v=0',
    `o=${o.username} ${o.sessionId} ${o.version} ${o.netType} ${o.addressType} ${o.address}`,
    `s=${session.name === '' ? '-' : session.name}`,
  ];
  of(session.lines, 'iuep', out);
  connection(session.connection, out);
  of(session.lines, 'b', out);
  if (!session.lines.some((line) => line.type === 't')) out.push('t=0 0');
  // t= and r= belong together, so they keep the order in which they came.
  for (const line of session.lines) if (line.type === 't' || line.type === 'r') out.push(`${line.type}=${line.value}`);
  of(session.lines, 'zk', out);
  rest(session.lines, 'iuepbtrzk', out);
  attributes(session.attributes, out);
  for (const media of session.media) {
    const port = media.portCount === undefined ? `${media.port}` : `${media.port}/${media.portCount}`;
    out.push(`m=${media.kind} ${port} ${media.protocol} ${media.formats.join(' ')}`);
    of(media.lines, 'i', out);
    connection(media.connection, out);
    of(media.lines, 'bk', out);
    rest(media.lines, 'ibk', out);
    attributes(media.attributes, out);
  }
  for (const line of out) {
    if (/[\r\n\0]/.test(line)) throw new TandemError('ERR_SDP', 'an SDP value holds a CR, LF or NUL character');
  }
  return `${out.join('\r\n')}\r\n`;
}

function of(lines: readonly SdpLine[], types: string, out: string[]): void {
  for (const type of types) for (const line of lines) if (line.type === type) out.push(`${type}=${line.value}`);
}

function rest(lines: readonly SdpLine[], known: string, out: string[]): void {
  for (const line of lines) if (!known.includes(line.type)) out.push(`${line.type}=${line.value}`);
}

function connection(value: SdpConnection | undefined, out: string[]): void {
  if (value) out.push(`c=${value.netType} ${value.addressType} ${value.address}`);
}

function attributes(list: readonly SdpAttribute[], out: string[]): void {
  for (const { name, value } of list) out.push(value === undefined ? `a=${name}` : `a=${name}:${value}`);
}
