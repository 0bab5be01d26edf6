export {
  codecsFor,
  comfortNoise,
  encodingOf,
  isComfortNoise,
  isOpus,
  isPassedThrough,
  isTelephoneEvent,
  mediaCodecs,
  sameCodec,
  supportedCodecs,
} from './codecs.ts';
export { type LocalSrtp, type SrtpMode, srtpModes } from './crypto.ts';
export { intersect, reverse } from './direction.ts';
export type { LocalDtls } from './dtls.ts';
export { candidatesOfFragment, type IceMode, iceModes, type LocalIce } from './ice.ts';
export {
  acceptAnswer,
  createAnswer,
  createOffer,
  type LocalDescription,
  sameDescription,
  withVersion,
} from './offer-answer.ts';
export { maxSdpBytes, parseSdp } from './parse.ts';
export { printSdp } from './print.ts';
export type * from './types.ts';
