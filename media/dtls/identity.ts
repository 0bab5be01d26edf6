/** Who we are to a peer, and who the peer is to us: a certificate, and a fingerprint of it in the signalling. */
import { hash } from 'node:crypto';
import { createSelfSigned, type SelfSignedOptions } from '../../src/base/self-signed.ts';
import type { DtlsFingerprint, DtlsIdentity } from './types.ts';

/** Weakest first. */
const hashes = ['sha-1', 'sha-256', 'sha-384', 'sha-512'] as const satisfies readonly DtlsFingerprint['hash'][];

/** It may serve many calls; one of its own for each call keeps calls from being linked (RFC 8827 §6.5). */
export function createDtlsIdentity(options: Pick<SelfSignedOptions, 'random' | 'now' | 'generateKey'>): DtlsIdentity {
  const { cert: pem, key } = createSelfSigned({ ...options, names: [], commonName: 'tandem', days: 30 });
  const cert = new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'));
  return { cert, key, fingerprint: fingerprintOf(cert, 'sha-256') };
}

export function fingerprintOf(cert: Uint8Array, name: DtlsFingerprint['hash']): DtlsFingerprint {
  const hex = hash(name.replace('-', ''), cert, 'hex').toUpperCase();
  return { hash: name, value: (hex.match(/../g) ?? []).join(':') };
}

/** RFC 8122 §5: of several hash functions the strongest counts, and one fingerprint of it has to match. */
export function isVouchedFor(cert: Uint8Array, fingerprints: readonly DtlsFingerprint[]): boolean {
  const strongest = hashes.findLast((name) => fingerprints.some((one) => one.hash === name));
  if (!strongest) return false;
  const { value } = fingerprintOf(cert, strongest);
  return fingerprints.some((one) => one.hash === strongest && one.value.toUpperCase() === value);
}
