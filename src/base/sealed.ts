/** Bytes at rest that only who has the key can read, and nobody can change unseen: AES-256-GCM. */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Random } from './random.ts';

const nonceBytes = 12;
const tagBytes = 16;

export interface Seal {
  /** Nonce, what is encrypted, and the tag. */
  seal(bytes: Uint8Array): Uint8Array;
  /** @returns undefined for what was not sealed with this key, or was changed */
  open(sealed: Uint8Array): Uint8Array | undefined;
}

/** @param key a text that cannot be guessed, or bytes: the key is derived from it (HKDF, RFC 5869) */
export function createSeal(key: string | Uint8Array, random: Pick<Random, 'bytes'>): Seal {
  const derived = new Uint8Array(hkdfSync('sha256', key, '', 'tandem at rest', 32));
  return {
    seal(bytes) {
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', derived, nonce);
      const sealed = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
      return new Uint8Array(sealed.buffer, sealed.byteOffset, sealed.length);
    },
    open(sealed) {
      if (sealed.length < nonceBytes + tagBytes) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', derived, sealed.subarray(0, nonceBytes));
        decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
        const body = sealed.subarray(nonceBytes, sealed.length - tagBytes);
        return new Uint8Array(Buffer.concat([decipher.update(body), decipher.final()]));
      } catch {
        return undefined;
      }
    },
  };
}
