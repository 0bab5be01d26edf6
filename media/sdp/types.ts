/** What SDP says (RFC 8866) and what one offer/answer exchange settles (RFC 3264). Plain data only. */
import type { DtlsParameters } from '../dtls/types.ts';
import type { IceCandidate, IceParameters } from '../ice/types.ts';
import type { SrtpParameters } from '../srtp/profiles.ts';

/** One RTP payload format: an `a=rtpmap` with its `a=fmtp`, or a static payload type of RFC 3551. */
export interface Codec {
  /** Encoding name, upper-case except for `telephone-event`. */
  readonly name: string;
  readonly payloadType: number;
  /** RTP clock, in Hz. */
  readonly clockRate: number;
  readonly channels: number;
  readonly fmtp: string | undefined;
}

/** RFC 8866 §6.7. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** What one offer/answer exchange settled for the audio stream, from our side. Structured-clonable. */
export interface NegotiatedAudio {
  /** What we send; its payload type is the one to put in packets we send. */
  readonly codec: Codec;
  /** Every audio codec the peer may send us, with the payload type that it will use. */
  readonly receivePayloadTypes: readonly Codec[];
  readonly telephoneEvent:
    | { readonly sendPayloadType: number; readonly receivePayloadType: number; readonly clockRate: number }
    | undefined;
  /** Both sides may describe noise in place of silence (RFC 3389), on the clock of `codec`. */
  readonly comfortNoise?: { readonly sendPayloadType: number; readonly receivePayloadType: number };
  /** Where to send. Undefined while the peer names no address we may use (`c=0.0.0.0`, a host name). */
  readonly remote:
    | {
        readonly address: string;
        readonly port: number;
        readonly rtcpPort: number;
        /** Where RTCP goes when not to `address` (RFC 3605). */
        readonly rtcpAddress?: string;
      }
    | undefined;
  /** RTCP goes over the port of RTP, in both directions (RFC 5761). */
  readonly rtcpMux: boolean;
  /** Ours: `recvonly` means that we do not send. */
  readonly direction: Direction;
  /** Milliseconds of audio in a packet we send. */
  readonly ptime: number;
  /** Extended reports that we send, because both sides want them. */
  readonly rtcpXr?: RtcpXr;
  /** Keys of both sides, where SDP has them. */
  readonly srtp?: SrtpParameters;
  /** Keys come by a handshake on the port of RTP (RFC 5764). Neither: plain RTP. */
  readonly dtls?: DtlsParameters;
  /** The way to the peer is found by checks (RFC 8445), whatever `remote` says. */
  readonly ice?: IceParameters & { readonly localCandidates: readonly IceCandidate[] };
}

/** Extended RTCP reports (RFC 3611). */
export interface RtcpXr {
  /** How the other side is heard. */
  readonly voipMetrics: boolean;
  /** What lets also those who send nothing measure the round-trip time. */
  readonly receiverRtt: boolean;
}

/** Where our own RTP is received. */
export interface LocalMedia {
  readonly address: string;
  readonly port: number;
  /** Default: `port + 1`. */
  readonly rtcpPort?: number;
}

/** Names in order of preference: `PCMU`, `G722`, `L16/16000`, `opus/48000/2`, `telephone-event`. */
export interface SdpCodecConfig {
  readonly codecs: readonly string[];
}

/** Identity of our description; the version goes up by one with each change (RFC 3264 §8). */
export interface SdpOrigin {
  /** Decimal digits. */
  readonly sessionId: string;
  readonly version: number;
}

/** An `o=` line as it stood. Numbers stay text: peers write more digits than a number holds. */
export interface SdpOriginLine {
  readonly username: string;
  readonly sessionId: string;
  readonly version: string;
  readonly netType: string;
  readonly addressType: string;
  readonly address: string;
}

export interface SdpConnection {
  readonly netType: string;
  readonly addressType: string;
  /** As written, with a multicast suffix if there was one. */
  readonly address: string;
}

export interface SdpAttribute {
  readonly name: string;
  /** Undefined for a flag such as `a=sendrecv`. */
  readonly value: string | undefined;
}

/** A line that nothing here interprets (`i=`, `b=`, `t=`, …), kept to be printed again. */
export interface SdpLine {
  readonly type: string;
  readonly value: string;
}

export interface SdpMedia {
  /** `audio`, `video`, … */
  readonly kind: string;
  readonly port: number;
  /** The count of `m=audio 5004/2`. */
  readonly portCount: number | undefined;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly connection: SdpConnection | undefined;
  readonly lines: readonly SdpLine[];
  readonly attributes: readonly SdpAttribute[];
}

export interface SdpSession {
  readonly origin: SdpOriginLine;
  readonly name: string;
  readonly connection: SdpConnection | undefined;
  readonly lines: readonly SdpLine[];
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}
