export {
  codecsFor,
  encodingOf,
  isOpus,
  isPassedThrough,
  isTelephoneEvent,
  mediaCodecs,
  sameCodec,
  supportedCodecs,
} from './codecs.ts';
export { type LocalSrtp, type SrtpMode, srtpModes } from './crypto.ts';
export {
  acceptAnswer,
  createAnswer,
  createOffer,
  intersect,
  type LocalDescription,
  reverse,
  sameDescription,
  withVersion,
} from './offer-answer.ts';
export { maxSdpBytes, parseSdp } from './parse.ts';
export { printSdp } from './print.ts';
export type * from './types.ts';
