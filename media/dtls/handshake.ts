/**
 * What both roles of a handshake share: the transcript, the secrets, the peer's certificate. A role says which message is
 * next, and throws a DtlsFailure for any other.
 */
import { createPrivateKey, hash, type KeyObject, X509Certificate } from 'node:crypto';
import type { Random } from '../../src/base/random.ts';
import { masterBytes, type SrtpParameters, type SrtpProfile, srtpProfiles } from '../srtp/profiles.ts';
import { concat } from './bytes.ts';
import { type CipherSuite, isSignedBy, prf, signOurs } from './crypto.ts';
import { isVouchedFor } from './identity.ts';
import { handshakeTypes, readCertificate, readSigned } from './messages.ts';
import type { FlightPart } from './outgoing.ts';
import { type HandshakeMessage, wholeMessage } from './reassembly.ts';
import { RecordCipher } from './records.ts';
import { DtlsFailure, type DtlsFingerprint, type DtlsIdentity } from './types.ts';

/** SRTPProtectionProfile (RFC 5764 §4.1.2, RFC 7714 §14.2). */
export const profileIds = {
  AES_CM_128_HMAC_SHA1_80: 0x0001,
  AES_CM_128_HMAC_SHA1_32: 0x0002,
  AEAD_AES_128_GCM: 0x0007,
  AEAD_AES_256_GCM: 0x0008,
} as const satisfies Partial<Record<SrtpProfile, number>>;
export type DtlsSrtpProfile = keyof typeof profileIds;

export function isDtlsProfile(profile: SrtpProfile): profile is DtlsSrtpProfile {
  return profile in profileIds;
}

export interface HandshakeOptions {
  readonly identity: DtlsIdentity;
  /** Of the peer. */
  readonly fingerprints: readonly DtlsFingerprint[];
  /** In the order of preference. */
  readonly profiles: readonly DtlsSrtpProfile[];
  readonly random: Random;
}

export interface HandshakePorts {
  sendFlight(parts: readonly FlightPart[]): void;
  /** Keys of epoch 1. */
  setCiphers(write: RecordCipher, read: RecordCipher): void;
  onConnected(keys: SrtpParameters): void;
}

export interface Handshake {
  /** The next message, in order. @throws DtlsFailure */
  message(message: HandshakeMessage): void;
}

type Side = 'client' | 'server';
const masterSecretBytes = 48;
const verifyDataBytes = 12;
const saltBytes = 4;
const nothing = new Uint8Array(0);

/** Messages in the order in which they were sent and taken: what signatures and Finished are over. */
class Transcript {
  #messages: Uint8Array[] = [];

  add(whole: Uint8Array): void {
    this.#messages.push(whole);
  }
  clear(): void {
    this.#messages = [];
  }
  get bytes(): Uint8Array {
    return concat(...this.#messages);
  }
  hash(algorithm: string): Uint8Array {
    return hash(algorithm, this.bytes, 'buffer');
  }
}

export class Association {
  readonly options: HandshakeOptions;
  readonly transcript = new Transcript();
  readonly #side: Side;
  #sequence = 0;
  /** Set by the hellos. */
  readonly randoms: { client: Uint8Array; server: Uint8Array } = { client: nothing, server: nothing };
  suite: CipherSuite | undefined;
  profile: DtlsSrtpProfile | undefined;
  extendedMasterSecret = false;
  #peerKey: KeyObject | undefined;
  #master: Uint8Array | undefined;

  constructor(side: Side, options: HandshakeOptions) {
    this.#side = side;
    this.options = options;
  }

  /** A message of ours, which the transcript then has. */
  write(type: number, body: Uint8Array, epoch: 0 | 1 = 0): FlightPart {
    const whole = wholeMessage(type, this.#sequence++, body);
    this.transcript.add(whole);
    return { kind: 'handshake', epoch, whole };
  }

  sign(data: Uint8Array): Uint8Array {
    return signOurs(data, createPrivateKey(this.options.identity.key));
  }

  /** Certificate of the peer. Nothing in it is looked at but its key, and that only if the signalling vouches for it. */
  takeCertificate(body: Uint8Array): void {
    const cert = readCertificate(body);
    if (!cert) throw malformed('Certificate');
    if (cert.length === 0) throw new DtlsFailure('handshakeFailure', 'the peer has no certificate');
    if (!isVouchedFor(cert, this.options.fingerprints))
      throw new DtlsFailure('badCertificate', 'the certificate is not the one of the SDP', 'ERR_DTLS_FINGERPRINT');
    try {
      this.#peerKey = new X509Certificate(cert).publicKey;
    } catch {
      throw new DtlsFailure('badCertificate', 'the certificate cannot be read');
    }
  }

  /** Whether the peer's key is of this type. */
  peerKeyIs(type: 'ec' | 'rsa'): boolean {
    return this.#peerKey?.asymmetricKeyType === type;
  }

  /** @throws DtlsFailure if the holder of the certificate has not signed this */
  checkSignature(data: Uint8Array, scheme: number, signature: Uint8Array): void {
    if (!this.#peerKey || !isSignedBy(this.#peerKey, scheme, data, signature))
      throw new DtlsFailure('decryptError', 'a signature is wrong');
  }

  /** CertificateVerify of the peer. */
  takeCertificateVerify(body: Uint8Array): void {
    const proof = readSigned(body);
    if (!proof) throw malformed('CertificateVerify');
    this.checkSignature(this.transcript.bytes, proof.scheme, proof.signature);
  }

  /** Once the transcript has the ClientKeyExchange. @returns the keys of epoch 1 */
  derive(premaster: Uint8Array): { write: RecordCipher; read: RecordCipher } {
    const { client, server } = this.randoms;
    const suite = this.#agreed;
    this.#master = this.extendedMasterSecret
      ? prf(suite.hash, premaster, 'extended master secret', this.transcript.hash(suite.hash), masterSecretBytes)
      : prf(suite.hash, premaster, 'master secret', concat(client, server), masterSecretBytes);
    const { keyBytes } = suite;
    const block = prf(suite.hash, this.#master, 'key expansion', concat(server, client), 2 * (keyBytes + saltBytes));
    const cipher = (at: 0 | 1): RecordCipher => {
      const salts = 2 * keyBytes + at * saltBytes;
      return new RecordCipher(
        block.subarray(at * keyBytes, (at + 1) * keyBytes),
        block.subarray(salts, salts + saltBytes),
      );
    };
    const [ofClient, ofServer] = [cipher(0), cipher(1)];
    return this.#side === 'client' ? { write: ofClient, read: ofServer } : { write: ofServer, read: ofClient };
  }

  /** verify_data over the transcript as it is. */
  finished(side: Side): Uint8Array {
    const { hash } = this.#agreed;
    return prf(hash, this.#secret, `${side} finished`, this.transcript.hash(hash), verifyDataBytes);
  }

  /** Finished of the peer: it saw the messages that we saw. */
  takeFinished(body: Uint8Array): void {
    const expected = this.finished(this.#side === 'client' ? 'server' : 'client');
    if (Buffer.compare(body, expected) !== 0) throw new DtlsFailure('decryptError', 'Finished is wrong');
  }

  /** RFC 5764 §4.2. */
  srtpParameters(): SrtpParameters {
    const { profile } = this;
    if (!profile) throw new Error('no profile was agreed on');
    const { keyBytes, saltBytes } = srtpProfiles[profile];
    const seed = concat(this.randoms.client, this.randoms.server);
    const block = prf(this.#agreed.hash, this.#secret, 'EXTRACTOR-dtls_srtp', seed, 2 * masterBytes(profile));
    const master = (at: 0 | 1) => {
      const salt = 2 * keyBytes + at * saltBytes;
      const bytes = [block.subarray(at * keyBytes, (at + 1) * keyBytes), block.subarray(salt, salt + saltBytes)];
      return { inline: Buffer.concat(bytes).toString('base64'), mki: '', lifetime: undefined };
    };
    const [ofClient, ofServer] = [master(0), master(1)];
    return this.#side === 'client'
      ? { profile, local: ofClient, remote: [ofServer] }
      : { profile, local: ofServer, remote: [ofClient] };
  }

  get #agreed(): CipherSuite {
    if (!this.suite) throw new Error('no cipher suite was agreed on');
    return this.suite;
  }

  get #secret(): Uint8Array {
    if (!this.#master) throw new Error('there is no master secret yet');
    return this.#master;
  }
}

/** Ours in the peer's list. */
export function profileOf(id: number, profiles: readonly DtlsSrtpProfile[]): DtlsSrtpProfile | undefined {
  return profiles.find((profile) => profileIds[profile] === id);
}

export function malformed(message: string): DtlsFailure {
  return new DtlsFailure('decodeError', `${message} is malformed`);
}

const names = new Map<number, string>(Object.entries(handshakeTypes).map(([name, type]) => [type, name]));

export function unexpected({ type }: HandshakeMessage): DtlsFailure {
  return new DtlsFailure('unexpectedMessage', `${names.get(type) ?? `message ${type}`} is out of turn`);
}
