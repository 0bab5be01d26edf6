/**
 * Our answer to an offer (RFC 3264): pure. Of its streams the first usable audio stream is answered and every other one
 * refused with port 0, in place.
 */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import { answeredEvents, answeredFmtp, mediaCodecs } from './codecs.ts';
import { answerCrypto, isSecure, type LocalSrtp, namesKeys } from './crypto.ts';
import { describe, localStream, midOf, refused, sessionAttributes } from './description.ts';
import { directionOf, intersect, reverse } from './direction.ts';
import { answeredDtls, dtlsAttributes, fingerprintsOf, isDtls, type LocalDtls } from './dtls.ts';
import { iceAttributes, type RemoteIce, remoteIce, settledIce } from './ice.ts';
import { defaultPtime, type LocalDescription, noSrtp } from './local-description.ts';
import {
  choosePtime,
  isMuxed,
  type Matched,
  match,
  namesOf,
  noiseOf,
  remoteOf,
  type SdpRefusal,
  type Usable,
  usableStream,
} from './peer-stream.ts';
import { rtcpXrOf } from './rtcp-xr.ts';
import type { Codec, NegotiatedAudio, SdpAttribute, SdpMedia, SdpSession } from './types.ts';

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
