/** Keys for certificates, as Node.js makes them. */
import { generateKeyPairSync } from 'node:crypto';

/** A new private key on P-256: PKCS #8 in PEM. */
export function generateEcKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  }).privateKey;
}
