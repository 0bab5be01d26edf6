/** Session keys out of a master key (RFC 3711 §4.3, RFC 6188 §3, RFC 7714 §11), at a key derivation rate of 0. */
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
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
export function sessionKeys(profile: SrtpProfile, master: SrtpMasterKey, of: 'rtp' | 'rtcp'): SessionKeys {
  const { keyBytes, saltBytes } = srtpProfiles[profile];
  const bytes = Buffer.from(master.inline, 'base64');
  // A KeyObject: with raw bytes Node 24 takes ten times as long to make a cipher.
  const key = createSecretKey(bytes.subarray(0, keyBytes));
  const salt = bytes.subarray(keyBytes, keyBytes + saltBytes);
  const label = labels[of];
  return {
    encryption: createSecretKey(pseudoRandom(key, salt, label, keyBytes)),
    authentication: pseudoRandom(key, salt, label + 1, authBytes),
    salt: pseudoRandom(key, salt, label + 2, saltBytes),
  };
}

/** AES in counter mode over zeros (RFC 3711 §4.3.3). A salt of 12 bytes is filled up with zeros (RFC 7714 §11). */
function pseudoRandom(key: KeyObject, salt: Uint8Array, label: number, length: number): Buffer {
  const iv = new Uint8Array(16);
  iv.set(salt);
  iv[7] = iv[7]! ^ label;
  const cipher = createCipheriv(`aes-${(key.symmetricKeySize ?? 0) * 8}-ctr`, key, iv);
  return cipher.update(new Uint8Array(length));
}
