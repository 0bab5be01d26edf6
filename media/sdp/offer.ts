/** Our offers of one audio stream, and what the peer's answer to one settles (RFC 3264): pure. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import type { IceCredentials } from '../ice/types.ts';
import { acceptsCodec, assignPayloadTypes, isAudio, isComfortNoise, mediaCodecs } from './codecs.ts';
import { acceptCrypto, namesKeys, offeredCrypto, offeredProtocol } from './crypto.ts';
import { describe, localStream, midOf, refused, sessionAttributes } from './description.ts';
import { directionOf, intersect, reverse } from './direction.ts';
import { acceptedDtls, dtlsAttributes, isDtls } from './dtls.ts';
import { candidatesIn, iceAttributes, ownCredentials, remoteIce, settledIce } from './ice.ts';
import { defaultPtime, type LocalDescription, noSrtp } from './local-description.ts';
import { choosePtime, isMuxed, match, namesOf, noiseOf, ptimeOf, remoteOf, usableStream } from './peer-stream.ts';
import { rtcpXrOf } from './rtcp-xr.ts';
import type { Codec, NegotiatedAudio, SdpAttribute, SdpMedia, SdpSession } from './types.ts';

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

/** Where our audio stream is in a description of ours; −1 if nowhere. */
function activeAudio(session: SdpSession): number {
  return session.media.findIndex((media) => media.kind === 'audio' && media.port !== 0);
}

function isLite({ attributes }: SdpSession): boolean {
  return attributes.some(({ name }) => name === 'ice-lite');
}
