/** The crypto suites of SRTP, by the names they have in `a=crypto` (RFC 4568 §6.2, RFC 6188 §4.1, RFC 7714 §14.2). */
import type { Random } from '../../src/base/random.ts';

interface Profile {
  /** Bytes of the master key. */
  readonly keyBytes: 16 | 32;
  /** Bytes of the master salt. */
  readonly saltBytes: 12 | 14;
  readonly mode: 'cm' | 'gcm';
  /** Bytes of the tag of an RTP packet. RTCP has the long one always: RFC 4568 §6.2.2. */
  readonly rtpTag: 4 | 10 | 16;
  readonly rtcpTag: 10 | 16;
}

export const srtpProfiles = {
  AES_CM_128_HMAC_SHA1_80: { keyBytes: 16, saltBytes: 14, mode: 'cm', rtpTag: 10, rtcpTag: 10 },
  AES_CM_128_HMAC_SHA1_32: { keyBytes: 16, saltBytes: 14, mode: 'cm', rtpTag: 4, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_80: { keyBytes: 32, saltBytes: 14, mode: 'cm', rtpTag: 10, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_32: { keyBytes: 32, saltBytes: 14, mode: 'cm', rtpTag: 4, rtcpTag: 10 },
  AEAD_AES_128_GCM: { keyBytes: 16, saltBytes: 12, mode: 'gcm', rtpTag: 16, rtcpTag: 16 },
  AEAD_AES_256_GCM: { keyBytes: 32, saltBytes: 12, mode: 'gcm', rtpTag: 16, rtcpTag: 16 },
} as const satisfies Readonly<Record<string, Profile>>;

export type SrtpProfile = keyof typeof srtpProfiles;

/** One master key as SDP has it. Plain data. */
export interface SrtpMasterKey {
  /** Key and salt, one behind the other, in base64. */
  readonly inline: string;
  /** The identifier that packets carry, in hexadecimal; '' for none. */
  readonly mki: string;
  /** How many RTP packets it may be used for; undefined: as many as RFC 3711 §9.2 allows. */
  readonly lifetime: number | undefined;
}

/** What an offer and its answer settled: each side has keys of its own. */
export interface SrtpParameters {
  readonly profile: SrtpProfile;
  /** What we send with. */
  readonly local: SrtpMasterKey;
  /** What the peer sends with; more than one are told apart by their MKI. */
  readonly remote: readonly SrtpMasterKey[];
}

/** Bytes of key and salt together. */
export function masterBytes(profile: SrtpProfile): number {
  const { keyBytes, saltBytes } = srtpProfiles[profile];
  return keyBytes + saltBytes;
}

/** Key and salt of one's own, in base64. */
export function newMasterKey(profile: SrtpProfile, random: Random): string {
  return Buffer.from(random.bytes(masterBytes(profile))).toString('base64');
}

export function sameKey(a: SrtpMasterKey, b: SrtpMasterKey): boolean {
  return a.inline === b.inline && a.mki === b.mki && a.lifetime === b.lifetime;
}
