export { createAnswer } from './answer.ts';
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
export { sameDescription, withVersion } from './description.ts';
export { intersect, reverse } from './direction.ts';
export type { LocalDtls } from './dtls.ts';
export { candidatesOfFragment, type IceMode, iceModes, type LocalIce } from './ice.ts';
export type { LocalDescription } from './local-description.ts';
export { acceptAnswer, createOffer } from './offer.ts';
export { maxSdpBytes, parseSdp } from './parse.ts';
export { printSdp } from './print.ts';
export type * from './types.ts';
