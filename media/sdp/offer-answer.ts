/**
 * Offer and answer for one audio stream (RFC 3264), as pure functions. Of the streams of an offer the first
 * usable audio stream is answered and every other one refused with port 0, in place.
 */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import type { IceCredentials } from '../ice/types.ts';
import { ipFamily, isMulticast, isUnspecified } from './address.ts';
import {
  acceptsCodec,
  answeredEvents,
  answeredFmtp,
  assignPayloadTypes,
  comfortNoise,
  isAudio,
  isComfortNoise,
  isOpus,
  isTelephoneEvent,
  mediaCodecs,
} from './codecs.ts';
import {
  acceptCrypto,
  answerCrypto,
  isSecure,
  type LocalSrtp,
  namesKeys,
  offeredCrypto,
  offeredProtocol,
  plainProtocol,
  secureProtocol,
} from './crypto.ts';
import { describe, localStream, midOf, refused, sessionAttributes } from './description.ts';
import { directionFor, directionOf, intersect, reverse, sends } from './direction.ts';
import {
  acceptedDtls,
  answeredDtls,
  dtlsAttributes,
  dtlsProtocol,
  fingerprintsOf,
  isDtls,
  type LocalDtls,
} from './dtls.ts';
import {
  candidatesIn,
  iceAttributes,
  type LocalIce,
  ownCredentials,
  type RemoteIce,
  remoteIce,
  settledIce,
} from './ice.ts';
import { rtcpXrOf } from './rtcp-xr.ts';
import type {
  Codec,
  Direction,
  LocalMedia,
  NegotiatedAudio,
  SdpAttribute,
  SdpConnection,
  SdpMedia,
  SdpOrigin,
  SdpSession,
} from './types.ts';

const defaultPtime = 20;

export interface LocalDescription {
  readonly origin: SdpOrigin;
  readonly local: LocalMedia;
  /** In our order of preference. */
  readonly codecs: readonly Codec[];
  /** What we want; default `sendrecv`. */
  readonly direction?: Direction;
  /** Milliseconds per packet; default 20. */
  readonly ptime?: number;
  /** Offer to have RTCP on the port of RTP; an offer of it is always taken. */
  readonly rtcpMux?: boolean;
  /** Offer extended RTCP reports (RFC 3611); an offer of them is always taken. */
  readonly rtcpXr?: boolean;
  /** Default: plain RTP. */
  readonly srtp?: LocalSrtp;
  /** Take an offer of keys by DTLS; needed for `srtp.mode` `dtls`. */
  readonly dtls?: LocalDtls;
  /** Take an offer of ICE. */
  readonly ice?: LocalIce;
}

/** What stands for a port that is not known yet (RFC 8840 §4.1). */
const discardPort = 9;
const noSrtp: LocalSrtp = { mode: 'off', keyFor: () => '' };

/**
 * An offer with one audio stream.
 * @param previous the description we sent last in this session: its streams keep their places (RFC 3264 §8)
 *   and its codecs their payload types.
 */
export function createOffer(
  options: LocalDescription & {
    readonly previous?: SdpSession;
    /** The peer's credentials so far, where ICE is offered; `new` when there are none, or they are to be new. */
    readonly iceWith?: IceCredentials | 'new';
  },
): SdpSession {
  const { origin, local, codecs, direction = 'sendrecv', ptime = defaultPtime, previous, srtp = noSrtp } = options;
  const ice = options.iceWith === undefined ? undefined : options.ice;
  const dtls = srtp.mode === 'dtls' ? options.dtls : undefined;
  const slot = Math.max(0, previous ? activeAudio(previous) : 0);
  const before = previous?.media[slot];
  const offered = assignPayloadTypes(codecs.filter(isOfUse), before ? mediaCodecs(before) : []);
  const mid = before ? midOf(before) : ice && dtls && String(slot);
  const known = options.iceWith === 'new' ? undefined : options.iceWith;
  const stream = localStream(local, offered, direction, ptime, {
    protocol: offeredProtocol(srtp.mode, before),
    secrets: [
      ...offeredCrypto(srtp),
      ...(ice ? iceAttributes(ice.credentials(known), ice.candidates) : []),
      ...(dtls ? dtlsAttributes(dtls.fingerprint, undefined) : []),
    ],
    mid,
    // One way is looked for, and one handshake made.
    rtcpMux: options.rtcpMux || ice !== undefined || dtls !== undefined,
    rtcpXr: options.rtcpXr ? { voipMetrics: true, receiverRtt: true } : undefined,
  });
  const media = previous?.media.map((old) => refused(old)) ?? [];
  media[slot] = stream;
  return describe(origin, local, media, sessionAttributes(ice?.lite ?? false, mid));
}

/** Noise goes along with audio on the same clock. */
function isOfUse(codec: Codec, _index: number, all: readonly Codec[]): boolean {
  return !isComfortNoise(codec) || all.some((other) => isAudio(other) && other.clockRate === codec.clockRate);
}

/** Why there is no answer. */
export interface SdpRefusal {
  /** 400: the offer is not valid SDP; 488: nothing in it fits. */
  readonly status: 488 | 400;
  /** What does not fit, as a warn-code (RFC 3261 §20.43). */
  readonly warning: 301 | 302 | 304 | 305 | 330 | undefined;
  readonly message: string;
}

/** @returns the answer and what it settles for us */
export function createAnswer(
  offer: SdpSession,
  options: LocalDescription,
): Result<{ readonly answer: SdpSession; readonly audio: NegotiatedAudio }, SdpRefusal> {
  const { origin, local, codecs, direction = 'sendrecv', ptime = defaultPtime, srtp = noSrtp } = options;
  const sessionDirection = directionOf(offer.attributes) ?? 'sendrecv';
  let chosen: Chosen | undefined;
  let reason: SdpRefusal | undefined;
  for (const [index, media] of offer.media.entries()) {
    // Without RTCP on the same port each would need a way of its own: then we do without.
    const peerIce = options.ice && isMuxed(media) ? remoteIce(media, offer.attributes) : undefined;
    const how = {
      sessionConnection: offer.connection,
      sessionDirection,
      localAddress: local.address,
      keys: srtp.mode !== 'off',
      dtls: options.dtls !== undefined,
      ice: peerIce !== undefined,
    };
    const stream = usableStream(media, how);
    if (!stream.ok) {
      if (stream.error.status === 400) return fail(stream.error);
      if (media.kind === 'audio') reason ??= stream.error;
      continue;
    }
    const secrets = answerSecrets(media, offer.attributes, srtp, options.dtls);
    if (!secrets.ok) {
      reason ??= { status: 488, warning: 302, message: secrets.error };
      continue;
    }
    const matched = match(mediaCodecs(media), codecs);
    if (matched) {
      chosen = { index, stream: stream.value, matched, secrets: secrets.value, peerIce };
      break;
    }
    const message = `no codec in common: we have ${namesOf(codecs)}, offered are ${namesOf(mediaCodecs(media))}`;
    reason ??= { status: 488, warning: 305, message };
  }
  if (!chosen) return fail(reason ?? { status: 488, warning: 304, message: 'the offer has no audio stream' });

  const { index, stream, matched, secrets, peerIce } = chosen;
  const ice = peerIce && options.ice;
  const credentials = ice?.credentials(peerIce?.credentials);
  const mid = midOf(stream.media);
  const ours = intersect(direction, reverse(stream.direction));
  const accepted: Codec[] = matched.audio.map((codec) => ({ ...codec, fmtp: answeredFmtp(codec) }));
  if (matched.events) accepted.push({ ...matched.events, fmtp: answeredEvents(matched.events.fmtp) });
  if (matched.noise) accepted.push(matched.noise);
  const sendPtime = choosePtime(matched.audio[0], stream.media, ptime);
  const rtcpMux = isMuxed(stream.media);
  const rtcpXr = rtcpXrOf(stream.media.attributes, offer.attributes);
  const answerMedia = offer.media.map((media, i) =>
    i === index
      ? localStream(local, accepted, ours, sendPtime, {
          protocol: media.protocol,
          secrets: [...(ice && credentials ? iceAttributes(credentials, ice.candidates) : []), ...secrets.attributes],
          mid,
          rtcpMux,
          rtcpXr,
        })
      : refused(media),
  );
  const bundled = mid !== undefined && isBundled(offer, mid) ? mid : undefined;
  return ok({
    answer: describe(origin, local, answerMedia, sessionAttributes(ice?.lite ?? false, bundled)),
    audio: {
      codec: matched.audio[0],
      receivePayloadTypes: matched.audio,
      telephoneEvent: matched.events && {
        sendPayloadType: matched.events.payloadType,
        receivePayloadType: matched.events.payloadType,
        clockRate: matched.events.clockRate,
      },
      ...noiseOf(matched.noise, matched.noise),
      remote: remoteOf(stream.remote, rtcpMux),
      rtcpMux,
      direction: ours,
      ptime: sendPtime,
      ...(rtcpXr ? { rtcpXr } : {}),
      ...secrets.parameters,
      ...(ice && credentials ? { ice: settledIce(credentials, ice.lite, ice.candidates, peerIce, false) } : {}),
    },
  });
}

interface Chosen {
  readonly index: number;
  readonly stream: Usable;
  readonly matched: Matched;
  readonly secrets: Secrets;
  readonly peerIce: RemoteIce | undefined;
}

/** How the keys of a stream come. */
interface Secrets {
  readonly attributes: readonly SdpAttribute[];
  readonly parameters: Pick<NegotiatedAudio, 'srtp' | 'dtls'>;
}

function answerSecrets(
  media: SdpMedia,
  session: readonly SdpAttribute[],
  srtp: LocalSrtp,
  dtls: LocalDtls | undefined,
): Result<Secrets> {
  // Before RFC 5764 had names for it, a fingerprint alone said that keys come by DTLS.
  if (dtls && (isDtls(media) || (isSecure(media) && !namesKeys(media) && fingerprintsOf(media, session).length > 0))) {
    if (!isMuxed(media)) return fail('keys by DTLS need a=rtcp-mux here');
    const settled = answeredDtls(media, session, dtls);
    if (!settled.ok) return settled;
    return ok({
      attributes: dtlsAttributes(dtls.fingerprint, settled.value.role),
      parameters: { dtls: settled.value },
    });
  }
  if (isSecure(media) && srtp.mode === 'off')
    return fail('the offer has no a=fingerprint: keys in SDP are not taken here');
  const crypto = answerCrypto(media, srtp);
  if (!crypto.ok) return crypto;
  return ok({
    attributes: crypto.value ? [crypto.value.attribute] : [],
    parameters: crypto.value ? { srtp: crypto.value.parameters } : {},
  });
}

/** RFC 8843 §7. */
function isBundled({ attributes }: SdpSession, mid: string): boolean {
  return attributes.some(
    ({ name, value }) => name === 'group' && /^BUNDLE /i.test(value ?? '') && (value ?? '').split(/\s+/).includes(mid),
  );
}

/** What the peer's answer to our offer settles; 488 when it settles no audio. */
export function acceptAnswer(
  offer: SdpSession,
  answer: SdpSession,
): Result<NegotiatedAudio, { readonly status: 488; readonly message: string }> {
  const refuse = (message: string) => fail({ status: 488 as const, message });
  const index = activeAudio(offer);
  const own = offer.media[index];
  const media = answer.media[index];
  if (!own) return refuse('our offer has no audio stream');
  if (!media) return refuse('the answer has fewer streams than the offer');
  if (media.port === 0) return refuse('the peer refused the audio stream');
  const sessionDirection = directionOf(answer.attributes) ?? 'sendrecv';
  const ownIce = ownCredentials(own);
  const peerIce = ownIce && isMuxed(media) ? remoteIce(media, answer.attributes) : undefined;
  const stream = usableStream(media, {
    sessionConnection: answer.connection,
    sessionDirection,
    localAddress: (own.connection ?? offer.connection)?.address ?? '',
    keys: namesKeys(own),
    dtls: isDtls(own),
    ice: peerIce !== undefined,
  });
  if (!stream.ok) return refuse(stream.error.message);
  const secrets = acceptSecrets(own, media, answer.attributes);
  if (!secrets.ok) return refuse(secrets.error);

  const offered = mediaCodecs(own);
  const answered = answeredCodecs(media, offered);
  const matched = match(answered, offered);
  if (!matched) return refuse(`the answer has no codec that we offered: ${namesOf(answered)}`);
  const ours = (codec: Codec): Codec => {
    const own = offered.find((other) => acceptsCodec(other, codec));
    return own ? { ...codec, payloadType: own.payloadType } : codec;
  };
  // The peer sends with the payload types of our offer (RFC 3264 §6.1); some use those of their answer instead.
  const receive = matched.audio.map(ours);
  for (const codec of matched.audio) {
    const known = [...receive, ...offered].some((other) => other.payloadType === codec.payloadType);
    if (!known) receive.push(codec);
  }
  const rtcpMux = isMuxed(own) && isMuxed(media);
  const rtcpXr = rtcpXrOf(own.attributes, []) && rtcpXrOf(media.attributes, answer.attributes);
  return ok({
    codec: matched.audio[0],
    receivePayloadTypes: receive,
    telephoneEvent: matched.events && {
      sendPayloadType: matched.events.payloadType,
      receivePayloadType: ours(matched.events).payloadType,
      clockRate: matched.events.clockRate,
    },
    ...noiseOf(matched.noise, matched.noise && ours(matched.noise)),
    remote: remoteOf(stream.value.remote, rtcpMux),
    rtcpMux,
    direction: intersect(directionOf(own.attributes) ?? 'sendrecv', reverse(stream.value.direction)),
    ptime: choosePtime(matched.audio[0], media, ptimeOf(own) ?? defaultPtime),
    ...(rtcpXr ? { rtcpXr } : {}),
    ...secrets.value,
    ...(ownIce && peerIce
      ? { ice: settledIce(ownIce, isLite(offer), candidatesIn(own.attributes), peerIce, true) }
      : {}),
  });
}

function acceptSecrets(
  own: SdpMedia,
  answer: SdpMedia,
  session: readonly SdpAttribute[],
): Result<Pick<NegotiatedAudio, 'srtp' | 'dtls'>> {
  if (isDtls(own)) {
    if (!isDtls(answer)) return fail('the answer is not for keys by DTLS, which we offered');
    if (!isMuxed(answer)) return fail('keys by DTLS need a=rtcp-mux here');
    const dtls = acceptedDtls(answer, session);
    return dtls.ok ? ok({ dtls: dtls.value }) : dtls;
  }
  const srtp = acceptCrypto(own, answer);
  if (!srtp.ok) return srtp;
  return ok(srtp.value ? { srtp: srtp.value } : {});
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

interface Usable {
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
function usableStream(media: SdpMedia, context: StreamContext): Result<Usable, SdpRefusal> {
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

interface Matched {
  readonly audio: readonly [Codec, ...Codec[]];
  readonly events: Codec | undefined;
  readonly noise: Codec | undefined;
}

/** Their codecs that are also ours, in their order, with their payload types. */
function match(theirs: readonly Codec[], ours: readonly Codec[]): Matched | undefined {
  const [first, ...more] = theirs.filter((codec) => isAudio(codec) && ours.some((own) => acceptsCodec(own, codec)));
  if (!first) return undefined;
  const beside = (is: (codec: Codec) => boolean): Codec | undefined =>
    ours.some(is) ? theirs.find((codec) => is(codec) && codec.clockRate === first.clockRate) : undefined;
  const noise = first.clockRate === comfortNoise.clockRate ? beside(isComfortNoise) : undefined;
  return { audio: [first, ...more], events: beside(isTelephoneEvent), noise };
}

function noiseOf(send: Codec | undefined, receive: Codec | undefined): Pick<NegotiatedAudio, 'comfortNoise'> {
  if (!send || !receive) return {};
  return { comfortNoise: { sendPayloadType: send.payloadType, receivePayloadType: receive.payloadType } };
}

/** The codecs of an answer; a dynamic payload type whose rtpmap the peer left out means what it meant in our offer. */
function answeredCodecs(media: SdpMedia, offered: readonly Codec[]): Codec[] {
  const known = new Map(mediaCodecs(media).map((codec) => [codec.payloadType, codec]));
  const mapped = new Set(
    media.attributes.flatMap(({ name, value }) => (name === 'rtpmap' ? [Number.parseInt(value ?? '', 10)] : [])),
  );
  return [...new Set(media.formats)].flatMap((format) => {
    const type = Number(format);
    const codec = known.get(type) ?? (mapped.has(type) ? undefined : offered.find((own) => own.payloadType === type));
    return codec ? [codec] : [];
  });
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
function isMuxed(media: SdpMedia): boolean {
  return media.attributes.some(({ name, value }) => name === 'rtcp-mux' && value === undefined);
}

function remoteOf(remote: NegotiatedAudio['remote'], rtcpMux: boolean): NegotiatedAudio['remote'] {
  return remote && rtcpMux ? { address: remote.address, port: remote.port, rtcpPort: remote.port } : remote;
}

function ptimeOf(media: SdpMedia, name: 'ptime' | 'maxptime' = 'ptime'): number | undefined {
  const value = media.attributes.find((attribute) => attribute.name === name)?.value?.trim() ?? '';
  const number = /^\d{1,4}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
  return number > 0 ? number : undefined;
}

/**
 * What we send: the peer's wish when it is 10, 20 … 60 ms, else ours; never above its maxptime. Opus goes out in frames
 * of 20 ms, which every decoder of it takes (RFC 7587 §4.2).
 */
function choosePtime(codec: Codec, media: SdpMedia, own: number): number {
  if (isOpus(codec)) return defaultPtime;
  const wished = ptimeOf(media);
  const ptime = wished !== undefined && wished % 10 === 0 && wished <= 60 ? wished : own;
  const most = ptimeOf(media, 'maxptime') ?? ptime;
  return Math.max(10, Math.min(ptime, Math.floor(most / 10) * 10));
}

/** Where our audio stream is in a description of ours; −1 if nowhere. */
function activeAudio(session: SdpSession): number {
  return session.media.findIndex((media) => media.kind === 'audio' && media.port !== 0);
}

function isLite({ attributes }: SdpSession): boolean {
  return attributes.some(({ name }) => name === 'ice-lite');
}

function namesOf(codecs: readonly Codec[]): string {
  return codecs.map((codec) => `${codec.name}/${codec.clockRate}`).join(', ') || 'none';
}
