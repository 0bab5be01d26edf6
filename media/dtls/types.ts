/** What the rest of Tandem knows of DTLS-SRTP (RFC 5764). All of it is plain data. */
import { TandemError } from '../../src/base/errors.ts';

/** Of a certificate, as `a=fingerprint` has it (RFC 8122 §5). */
export interface DtlsFingerprint {
  readonly hash: 'sha-1' | 'sha-256' | 'sha-384' | 'sha-512';
  /** Upper-case hexadecimal with colons. */
  readonly value: string;
}

/** Who we are. It holds a private key. */
export interface DtlsIdentity {
  /** The certificate, DER. */
  readonly cert: Uint8Array;
  /** Its private key on P-256: PKCS #8 in PEM. */
  readonly key: string;
  /** Of the certificate, sha-256. */
  readonly fingerprint: DtlsFingerprint;
}

export type DtlsRole = 'client' | 'server';
/** What an offer and its answer settle (RFC 5763 §5). */
export interface DtlsParameters {
  readonly role: DtlsRole;
  /** Of the peer's certificate. */
  readonly fingerprints: readonly DtlsFingerprint[];
}

export type DtlsState = 'new' | 'handshaking' | 'connected' | 'failed' | 'closed';

export interface DtlsStats {
  /** Datagrams that came. */
  readonly received: number;
  /** Records of no use: garbage, copies, what cannot be decrypted or is not for now. */
  readonly ignored: number;
  /** Flights that were sent again. */
  readonly resent: number;
}

/** AlertDescription (RFC 5246 §7.2). */
export const alerts = {
  closeNotify: 0,
  unexpectedMessage: 10,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  illegalParameter: 47,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  noRenegotiation: 100,
} as const;
export type AlertName = keyof typeof alerts;

/** Ends a handshake: the alert is for the peer, the rest for us. It never leaves the endpoint but by `onFailed`. */
export class DtlsFailure extends TandemError {
  override readonly name = 'DtlsFailure';
  readonly alert: AlertName;
  constructor(alert: AlertName, message: string, code = 'ERR_DTLS_HANDSHAKE', facts: Record<string, unknown> = {}) {
    super(code, `DTLS: ${message}`, { facts: { alert, ...facts } });
    this.alert = alert;
  }
}
