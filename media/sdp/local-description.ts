/** What we offer and answer with. */
import type { LocalSrtp } from './crypto.ts';
import type { LocalDtls } from './dtls.ts';
import type { LocalIce } from './ice.ts';
import type { Codec, Direction, LocalMedia, SdpOrigin } from './types.ts';

export const defaultPtime = 20;

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

export const noSrtp: LocalSrtp = { mode: 'off', keyFor: () => '' };
