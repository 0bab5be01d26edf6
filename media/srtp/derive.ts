/** Session keys out of a master key (RFC 3711 §4.3, RFC 6188 §3, RFC 7714 §11), at a key derivation rate of 0. */
import { type Cipheriv, createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type SrtpMasterKey, type SrtpProfile, srtpProfiles } from './profiles.ts';

/** RFC 3711 §4.3.1–4.3.2: what distinguishes the keys of RTP and RTCP. */
const labels = { rtp: 0, rtcp: 3 } as const;
/** Of HMAC-SHA1, whatever the tag is cut to (RFC 3711 §5.2). */
const authBytes = 20;

export interface SessionKeys {
  readonly encryption: KeyObject;
  readonly authentication: Uint8Array;
  /** As long as the master salt. */
  readonly salt: Uint8Array;
}

/** @param master whose `inline` is as long as the profile wants it */
export function sessionKeys(
  profile: SrtpProfile,
  master: SrtpMasterKey,
): { readonly rtp: SessionKeys; readonly rtcp: SessionKeys } {
  const { keyBytes, saltBytes } = srtpProfiles[profile];
  const bytes = Buffer.from(master.inline, 'base64');
  // A KeyObject: with raw bytes Node 24 takes ten times as long to make a cipher.
  const cipher = createCipheriv(`aes-${keyBytes * 8}-ecb`, createSecretKey(bytes.subarray(0, keyBytes)), null);
  cipher.setAutoPadding(false);
  const salt = bytes.subarray(keyBytes, keyBytes + saltBytes);
  const keys = (label: number): SessionKeys => ({
    encryption: createSecretKey(pseudoRandom(cipher, salt, label, keyBytes)),
    authentication: pseudoRandom(cipher, salt, label + 1, authBytes),
    salt: pseudoRandom(cipher, salt, label + 2, saltBytes),
  });
  return { rtp: keys(labels.rtp), rtcp: keys(labels.rtcp) };
}

/** AES in counter mode over zeros (RFC 3711 §4.3.3). A salt of 12 bytes is filled up with zeros (RFC 7714 §11). */
function pseudoRandom(cipher: Cipheriv, salt: Uint8Array, label: number, length: number): Uint8Array {
  const counters = new Uint8Array(32);
  for (const [block, at] of [0, 16].entries()) {
    counters.set(salt, at);
    counters[at + 7] = counters[at + 7]! ^ label;
    counters[at + 15] = block;
  }
  return new Uint8Array(cipher.update(counters).subarray(0, length));
}
