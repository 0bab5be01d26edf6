/**
 * Certificates that nobody has signed but ourselves (X.509 v3, RFC 5280; ECDSA on P-256): for DTLS, where the fingerprint
 * in the signalling vouches for them, and for HTTPS and WSS until there is a better one.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { bits, context, integer, octets, oid, sequence, set, time, utf8, yes } from './der.ts';
import { ConfigError } from './errors.ts';
import type { Random } from './random.ts';

export interface SelfSignedOptions {
  /** DNS names and IP addresses that it is good for; none: it has no subjectAltName. */
  readonly names: readonly string[];
  readonly commonName: string;
  readonly days: number;
  readonly random: Random;
  /** Unix milliseconds. */
  readonly now: number;
  /** A private key on P-256 in PEM: `generateEcKey` of node-certificate.ts. */
  readonly generateKey: () => string;
}

export interface CertificateAndKey {
  /** PEM. */
  readonly cert: string;
  /** PKCS #8 in PEM. */
  readonly key: string;
}

const day = 86_400_000;
/** A peer's clock may be behind ours. */
const earlierMs = day;
const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const commonNameOid = oid('2.5.4.3');
/** ub-common-name of RFC 5280, appendix A. */
const longestCommonName = 64;

/** @throws ConfigError for a name that is neither a DNS name nor an address, or a common name over 64 characters */
export function createSelfSigned(options: SelfSignedOptions): CertificateAndKey {
  const { names, commonName, days, random, now } = options;
  if (commonName.length > longestCommonName)
    throw new ConfigError(`a certificate's common name has at most ${longestCommonName} characters`);
  const key = options.generateKey();
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const name = sequence(set(sequence(commonNameOid, utf8(commonName))));
  const tbs = sequence(
    context(0, true, integer(2)), // v3
    serial(random),
    ecdsaWithSha256,
    name,
    sequence(time(now - earlierMs), time(now + days * day)),
    name,
    spki,
    context(3, true, sequence(...extensions(names, spki))),
  );
  const signature = sign('sha256', tbs, createPrivateKey(key));
  return { cert: pem(sequence(tbs, ecdsaWithSha256, bits(signature))), key };
}

/** 127 bits that nobody can foretell (RFC 5280 §4.1.2.2 wants a positive number). */
function serial(random: Random): Uint8Array {
  const [first = 0, ...rest] = random.bytes(16);
  return integer((first & 0x7f) | 0x40, ...rest);
}

/** What browsers ask of a server's certificate (RFC 5280 §4.2.1). It is no authority: who trusts it trusts one server. */
function extensions(names: readonly string[], spki: Uint8Array): Uint8Array[] {
  const serverAuth = oid('1.3.6.1.5.5.7.3.1');
  const clientAuth = oid('1.3.6.1.5.5.7.3.2');
  return [
    extension('2.5.29.19', true, sequence()), // basicConstraints: no authority
    extension('2.5.29.15', true, bits(Uint8Array.of(0x80), 7)), // keyUsage: digitalSignature
    extension('2.5.29.37', false, sequence(serverAuth, clientAuth)),
    extension('2.5.29.14', false, octets(createHash('sha1').update(spki).digest())), // subjectKeyIdentifier
    ...(names.length > 0 ? [extension('2.5.29.17', false, sequence(...names.map(alternativeName)))] : []),
  ];
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [yes] : []), octets(value));
}

function alternativeName(name: string): Uint8Array {
  const address = ipv4Bytes(name) ?? ipv6Bytes(name);
  if (address) return context(7, false, address);
  if (!/^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/.test(name))
    throw new ConfigError(`${JSON.stringify(name)} is neither a DNS name nor an address`);
  return context(2, false, Buffer.from(name));
}

function ipv4Bytes(name: string): Uint8Array | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(name)) return undefined;
  const bytes = name.split('.').map(Number);
  return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined;
}

function ipv6Bytes(name: string): Uint8Array | undefined {
  const url = `http://[${name.split('%')[0]}]/`;
  if (!/^[\da-fA-F:.]+(%.*)?$/.test(name) || !URL.canParse(url)) return undefined;
  // A URL writes it in one way: without the dotted form, in lower case.
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = Array<number>(8 - left.length - right.length).fill(0);
  return Uint8Array.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
