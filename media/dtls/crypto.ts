/** The cryptography of the handshake: cipher suites, key exchange, signatures and what is derived from them. */
import {
  constants,
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { Random } from '../../src/base/random.ts';
import { concat } from './bytes.ts';

/** In the order of preference. RFC 8827 §6.5 wants the first one of everybody. */
export const cipherSuites = [
  { id: 0xc02b, name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', key: 'ec', keyBytes: 16, hash: 'sha256' },
  { id: 0xc02f, name: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', key: 'rsa', keyBytes: 16, hash: 'sha256' },
  { id: 0xc02c, name: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', key: 'ec', keyBytes: 32, hash: 'sha384' },
  { id: 0xc030, name: 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', key: 'rsa', keyBytes: 32, hash: 'sha384' },
] as const;
export type CipherSuite = (typeof cipherSuites)[number];

/** Our half of a key exchange. */
export interface KeyShare {
  readonly public: Uint8Array;
  /** @throws for what is no public key of the group, or one that gives away the secret */
  secret(peer: Uint8Array): Uint8Array;
}

/** What stands before the 32 bytes of a key in PKCS #8 and in SPKI (RFC 8410). */
const x25519Private = Buffer.from('302e020100300506032b656e04220420', 'hex');
const x25519Public = Buffer.from('302a300506032b656e032100', 'hex');

function x25519(random: Random): KeyShare {
  const pkcs8 = Buffer.concat([x25519Private, random.bytes(32)]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    public: spki.subarray(x25519Public.length),
    secret(peer) {
      if (peer.length !== 32) throw new RangeError('no key of X25519');
      const key = Buffer.concat([x25519Public, peer]);
      return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
    },
  };
}

function p256(random: Random): KeyShare {
  const ecdh = createECDH('prime256v1');
  const key = Buffer.from(random.bytes(32));
  // The order of the group begins with ffffffff00000000: below that, any number is a key, and few are lost.
  if (key.readUInt32BE(0) === 0xffffffff) key[0] = 0x7f;
  ecdh.setPrivateKey(key);
  return {
    public: ecdh.getPublicKey(),
    secret(peer) {
      if (peer.length !== 65 || peer[0] !== 4) throw new RangeError('no uncompressed point of P-256');
      return ecdh.computeSecret(peer);
    },
  };
}

/** In the order of preference. */
export const groups = [
  { id: 29, name: 'x25519', newShare: x25519 },
  { id: 23, name: 'P-256', newShare: p256 },
] as const;
export type Group = (typeof groups)[number];

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
/** What a peer may sign with (RFC 8446 §4.2.3 has the names; here the curve may be any). */
export const signatureSchemes = [
  { id: 0x0403, key: 'ec', hash: 'sha256', options: {} },
  { id: 0x0804, key: 'rsa', hash: 'sha256', options: pss },
  { id: 0x0401, key: 'rsa', hash: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  { id: 0x0503, key: 'ec', hash: 'sha384', options: {} },
  { id: 0x0805, key: 'rsa', hash: 'sha384', options: pss },
  { id: 0x0501, key: 'rsa', hash: 'sha384', options: { padding: constants.RSA_PKCS1_PADDING } },
] as const;
/** What we sign with: our key is on P-256. */
export const ourScheme = 0x0403;

export function signOurs(data: Uint8Array, key: KeyObject): Uint8Array {
  return sign('sha256', data, key);
}

/** False, too, for a scheme that we do not know and for one that does not go with the key. */
export function isSignedBy(key: KeyObject, scheme: number, data: Uint8Array, signature: Uint8Array): boolean {
  const known = signatureSchemes.find(({ id }) => id === scheme);
  if (!known || known.key !== key.asymmetricKeyType) return false;
  return verify(known.hash, data, { key, ...known.options }, signature);
}

/** P_hash of RFC 5246 §5. */
export function prf(
  algorithm: CipherSuite['hash'],
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Uint8Array {
  const hmac = hmacWith(algorithm, secret);
  const labelled = concat(Buffer.from(label), seed);
  const blocks: Uint8Array[] = [];
  let a = labelled;
  for (let bytes = 0; bytes < length; bytes += blocks.at(-1)!.length) {
    a = hmac(a);
    blocks.push(hmac(concat(a, labelled)));
  }
  return concat(...blocks).subarray(0, length);
}

const hashBlockBytes = { sha256: 64, sha384: 128 } as const;

/**
 * HMAC (RFC 2104) of two calls of `hash`: an object of `createHmac` costs many times what it does for so few bytes, and a
 * handshake takes some twenty of them.
 */
function hmacWith(algorithm: CipherSuite['hash'], secret: Uint8Array): (data: Uint8Array) => Uint8Array {
  const block = hashBlockBytes[algorithm];
  const key = new Uint8Array(block);
  key.set(secret.length > block ? hash(algorithm, secret, 'buffer') : secret);
  const inner = key.map((byte) => byte ^ 0x36);
  const outer = key.map((byte) => byte ^ 0x5c);
  return (data) => hash(algorithm, concat(outer, hash(algorithm, concat(inner, data), 'buffer')), 'buffer');
}
