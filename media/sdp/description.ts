/** Our own descriptions: one audio stream of ours among those that are refused (RFC 8866, RFC 3264 §6). */
import { ipFamily } from './address.ts';
import { isOpus } from './codecs.ts';
import { rtcpXrAttribute } from './rtcp-xr.ts';
import type {
  Codec,
  Direction,
  LocalMedia,
  RtcpXr,
  SdpAttribute,
  SdpConnection,
  SdpMedia,
  SdpOrigin,
  SdpSession,
} from './types.ts';

export function refused(media: SdpMedia): SdpMedia {
  const { kind, protocol, formats, attributes } = media;
  return {
    kind,
    port: 0,
    portCount: undefined,
    protocol,
    formats,
    connection: undefined,
    lines: [],
    attributes: attributes.filter(({ name }) => name === 'mid'),
  };
}

export interface StreamTransport {
  readonly protocol: string;
  /** How its keys and the way to it are found. */
  readonly secrets: readonly SdpAttribute[];
  /** Its name (RFC 5888), where streams have names. */
  readonly mid: string | undefined;
  readonly rtcpMux: boolean;
  readonly rtcpXr: RtcpXr | undefined;
}

export function localStream(
  local: LocalMedia,
  codecs: readonly Codec[],
  direction: Direction,
  ptime: number,
  { protocol, secrets, mid, rtcpMux, rtcpXr }: StreamTransport,
): SdpMedia {
  const attributes: SdpAttribute[] = [];
  for (const codec of codecs) {
    const channels = codec.channels === 1 ? '' : `/${codec.channels}`;
    attributes.push({
      name: 'rtpmap',
      value: `${codec.payloadType} ${printedName(codec)}/${codec.clockRate}${channels}`,
    });
    if (codec.fmtp !== undefined) attributes.push({ name: 'fmtp', value: `${codec.payloadType} ${codec.fmtp}` });
  }
  attributes.push({ name: 'ptime', value: String(ptime) }, { name: direction, value: undefined });
  if (local.rtcpPort !== undefined && local.rtcpPort !== local.port + 1)
    attributes.push({ name: 'rtcp', value: String(local.rtcpPort) });
  if (rtcpMux) attributes.push({ name: 'rtcp-mux', value: undefined });
  if (rtcpXr) attributes.push(rtcpXrAttribute(rtcpXr));
  // A browser hands a page a stream by its name (RFC 8830).
  if (mid !== undefined) attributes.push({ name: 'mid', value: mid }, { name: 'msid', value: 'tandem audio' });
  attributes.push(...secrets);
  const formats = codecs.map((codec) => String(codec.payloadType));
  return {
    kind: 'audio',
    port: local.port,
    portCount: undefined,
    protocol,
    formats,
    connection: undefined,
    lines: [],
    attributes,
  };
}

/** As RFC 7587 §7 and every browser write it; names are compared without regard to case (RFC 8866 §6.6). */
function printedName(codec: Codec): string {
  return isOpus(codec) ? 'opus' : codec.name;
}

export function describe(
  origin: SdpOrigin,
  local: LocalMedia,
  media: readonly SdpMedia[],
  attributes: readonly SdpAttribute[] = [],
): SdpSession {
  const addressType = ipFamily(local.address) === 6 ? 'IP6' : 'IP4';
  const connection: SdpConnection = { netType: 'IN', addressType, address: local.address };
  return {
    origin: { username: '-', sessionId: origin.sessionId, version: String(origin.version), ...connection },
    name: '-',
    connection,
    lines: [{ type: 't', value: '0 0' }],
    attributes,
    media,
  };
}

/** What a stream is called (RFC 5888 §4). */
export function midOf({ attributes }: Pick<SdpMedia, 'attributes'>): string | undefined {
  const mid = attributes.find(({ name }) => name === 'mid')?.value?.trim();
  return mid !== undefined && /^[!#$%&'*+\-.^`{|}~\w]{1,64}$/.test(mid) ? mid : undefined;
}

/** What is said of all streams together, which is the one: how it is found, and that it shares a port with nobody. */
export function sessionAttributes(lite: boolean, bundled: string | undefined): SdpAttribute[] {
  const attributes: SdpAttribute[] = [];
  if (bundled !== undefined) attributes.push({ name: 'group', value: `BUNDLE ${bundled}` });
  if (lite) attributes.push({ name: 'ice-lite', value: undefined });
  return attributes;
}

/** True when two descriptions differ in nothing but the `o=` line: no new version is due (RFC 3264 §8). */
export function sameDescription(a: SdpSession, b: SdpSession): boolean {
  const body = (session: SdpSession): string => JSON.stringify({ ...session, origin: undefined });
  return body(a) === body(b);
}

/** The same description under a new `o=` version. */
export function withVersion(session: SdpSession, version: number): SdpSession {
  return { ...session, origin: { ...session.origin, version: String(version) } };
}
