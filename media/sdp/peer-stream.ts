/** What a stream of the peer's says that can be used: where it goes, how long its packets are, and what we have in common. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import { ipFamily, isMulticast, isUnspecified } from './address.ts';
import { acceptsCodec, comfortNoise, isAudio, isComfortNoise, isOpus, isTelephoneEvent } from './codecs.ts';
import { isSecure, plainProtocol, secureProtocol } from './crypto.ts';
import { directionFor, directionOf, sends } from './direction.ts';
import { dtlsProtocol, isDtls } from './dtls.ts';
import { defaultPtime } from './local-description.ts';
import type { Codec, Direction, NegotiatedAudio, SdpConnection, SdpMedia } from './types.ts';

/** What stands for a port that is not known yet (RFC 8840 §4.1). */
const discardPort = 9;

/** Why there is no answer. */
export interface SdpRefusal {
  /** 400: the offer is not valid SDP; 488: nothing in it fits. */
  readonly status: 488 | 400;
  /** What does not fit, as a warn-code (RFC 3261 §20.43). */
  readonly warning: 301 | 302 | 304 | 305 | 330 | undefined;
  readonly message: string;
}

export interface Usable {
  readonly media: SdpMedia;
  /** The peer's. */
  readonly direction: Direction;
  readonly remote: NegotiatedAudio['remote'];
}

interface StreamContext {
  readonly sessionConnection: SdpConnection | undefined;
  readonly sessionDirection: Direction;
  readonly localAddress: string;
  /** Keys may be in SDP. */
  readonly keys: boolean;
  /** Keys may come by DTLS. */
  readonly dtls: boolean;
  /** The way is found by ICE: what `c=` says does not count. */
  readonly ice: boolean;
}

/** A stream that we can take part in, or why not. */
export function usableStream(media: SdpMedia, context: StreamContext): Result<Usable, SdpRefusal> {
  const { sessionConnection, sessionDirection, localAddress, keys, dtls, ice } = context;
  const no = (warning: SdpRefusal['warning'], message: string) => fail({ status: 488 as const, warning, message });
  if (media.kind !== 'audio') return no(304, `a stream of ${media.kind} is not audio`);
  if (media.port === 0) return no(304, 'the audio stream is disabled (port 0)');
  const secure = (keys && isSecure(media)) || (dtls && (isDtls(media) || isSecure(media)));
  if (media.protocol.toUpperCase() !== plainProtocol && !secure) {
    const known = [plainProtocol, ...(keys ? [secureProtocol] : []), ...(dtls ? [dtlsProtocol] : [])];
    return no(302, `audio over ${media.protocol} is not supported, only ${known.join(', ')}`);
  }
  const connection = media.connection ?? sessionConnection;
  if (!connection)
    return fail({ status: 400, warning: undefined, message: 'SDP has an audio stream without a c= line' });
  const address = connection.address.split('/', 1)[0] ?? '';
  if (isMulticast(address)) return no(330, 'audio to a multicast address is not supported');
  const direction = directionOf(media.attributes) ?? sessionDirection;
  if (ice) {
    const family = ipFamily(address);
    const known = family && !isUnspecified(address) && media.port !== discardPort;
    return ok({ media, direction, remote: known ? { address, port: media.port, rtcpPort: media.port } : undefined });
  }
  if (isUnspecified(address)) {
    // Hold as RFC 2543 had it: the peer takes no packets.
    return ok({ media, direction: directionFor(sends(direction), false), remote: undefined });
  }
  const family = ipFamily(address);
  const localFamily = ipFamily(localAddress);
  if (family && localFamily && family !== localFamily)
    return no(301, `audio at an IPv${family} address cannot be reached from IPv${localFamily}`);
  // No name is looked up on the media path: a peer that gives one is found by its packets (symmetric RTP).
  const remote = family && { address, port: media.port, ...rtcpOf(media, family) };
  return ok({ media, direction, remote });
}

export interface Matched {
  readonly audio: readonly [Codec, ...Codec[]];
  readonly events: Codec | undefined;
  readonly noise: Codec | undefined;
}

/** Their codecs that are also ours, in their order, with their payload types. */
export function match(theirs: readonly Codec[], ours: readonly Codec[]): Matched | undefined {
  const [first, ...more] = theirs.filter((codec) => isAudio(codec) && ours.some((own) => acceptsCodec(own, codec)));
  if (!first) return undefined;
  const beside = (is: (codec: Codec) => boolean): Codec | undefined =>
    ours.some(is) ? theirs.find((codec) => is(codec) && codec.clockRate === first.clockRate) : undefined;
  const noise = first.clockRate === comfortNoise.clockRate ? beside(isComfortNoise) : undefined;
  return { audio: [first, ...more], events: beside(isTelephoneEvent), noise };
}

export function noiseOf(send: Codec | undefined, receive: Codec | undefined): Pick<NegotiatedAudio, 'comfortNoise'> {
  if (!send || !receive) return {};
  return { comfortNoise: { sendPayloadType: send.payloadType, receivePayloadType: receive.payloadType } };
}

/** RFC 3605; by default the port above. 65535 has none above: RTCP then goes to the RTP port. */
function rtcpOf(media: SdpMedia, family: 4 | 6): { readonly rtcpPort: number; readonly rtcpAddress?: string } {
  const value = media.attributes.find(({ name }) => name === 'rtcp')?.value?.trim() ?? '';
  const [number = '', , , address = ''] = value.split(/\s+/, 4);
  const port = /^\d{1,5}$/.test(number) ? Number(number) : 0;
  if (port < 1 || port > 65_535) return { rtcpPort: Math.min(media.port + 1, 65_535) };
  const usable = ipFamily(address) === family && !isMulticast(address) && !isUnspecified(address);
  return usable ? { rtcpPort: port, rtcpAddress: address } : { rtcpPort: port };
}

/** RFC 5761 §5.1.1. */
export function isMuxed(media: SdpMedia): boolean {
  return media.attributes.some(({ name, value }) => name === 'rtcp-mux' && value === undefined);
}

export function remoteOf(remote: NegotiatedAudio['remote'], rtcpMux: boolean): NegotiatedAudio['remote'] {
  return remote && rtcpMux ? { address: remote.address, port: remote.port, rtcpPort: remote.port } : remote;
}

export function ptimeOf(media: SdpMedia, name: 'ptime' | 'maxptime' = 'ptime'): number | undefined {
  const value = media.attributes.find((attribute) => attribute.name === name)?.value?.trim() ?? '';
  const number = /^\d{1,4}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
  return number > 0 ? number : undefined;
}

/**
 * What we send: the peer's wish when it is 10, 20 … 60 ms, else ours; never above its maxptime. Opus goes out in frames
 * of 20 ms, which every decoder of it takes (RFC 7587 §4.2).
 */
export function choosePtime(codec: Codec, media: SdpMedia, own: number): number {
  if (isOpus(codec)) return defaultPtime;
  const wished = ptimeOf(media);
  const ptime = wished !== undefined && wished % 10 === 0 && wished <= 60 ? wished : own;
  const most = ptimeOf(media, 'maxptime') ?? ptime;
  return Math.max(10, Math.min(ptime, Math.floor(most / 10) * 10));
}

export function namesOf(codecs: readonly Codec[]): string {
  return codecs.map((codec) => `${codec.name}/${codec.clockRate}`).join(', ') || 'none';
}
