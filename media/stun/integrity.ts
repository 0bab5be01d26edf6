/**
 * MESSAGE-INTEGRITY with short-term credentials (RFC 8489 §9.1, §14.5): HMAC-SHA1 keyed by the password, whose state is
 * kept for as long as the password is. Passwords of ICE are plain ASCII, which SASLprep leaves as it is.
 */
import { createHash } from 'node:crypto';
import { HmacSha1 } from '../srtp/sha1.ts';

const blockBytes = 64;

/** @param password of ICE, or any whose bytes in UTF-8 are the key */
export function shortTermKey(password: string): HmacSha1 {
  const key = new TextEncoder().encode(password);
  // RFC 2104 §2: a longer key is hashed first. ICE allows 256 characters.
  return new HmacSha1(key.length > blockBytes ? createHash('sha1').update(key).digest() : key);
}
