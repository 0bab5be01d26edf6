/** Keys by DTLS in SDP (RFC 5763, RFC 8842, RFC 8122): whose certificate it will be, and who begins. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import type { DtlsFingerprint, DtlsParameters, DtlsRole } from '../dtls/types.ts';
import type { SdpAttribute, SdpMedia } from './types.ts';

export interface LocalDtls {
  readonly fingerprint: DtlsFingerprint;
  /** What we are in the association that there is: later offers and answers keep it (RFC 8842 §5.3). */
  readonly role: DtlsRole | undefined;
}

/** RFC 8842 §7; RFC 5764 §9 without feedback of RTCP. */
export const dtlsProtocol = 'UDP/TLS/RTP/SAVPF';
const withoutFeedback = 'UDP/TLS/RTP/SAVP';

/** More than anybody has certificates. */
const mostFingerprints = 16;
const hashes: Readonly<Record<string, number>> = { 'sha-1': 20, 'sha-256': 32, 'sha-384': 48, 'sha-512': 64 };

/** A stream whose keys can come in no other way. */
export function isDtls({ protocol }: Pick<SdpMedia, 'protocol'>): boolean {
  return [dtlsProtocol, withoutFeedback].includes(protocol.toUpperCase());
}

/** The fingerprints of a stream, else of the session. */
export function fingerprintsOf(
  { attributes }: Pick<SdpMedia, 'attributes'>,
  session: readonly SdpAttribute[],
): DtlsFingerprint[] {
  const own = attributes.filter(({ name }) => name === 'fingerprint');
  const all = own.length > 0 ? own : session.filter(({ name }) => name === 'fingerprint');
  return all.slice(0, mostFingerprints).flatMap(({ value }) => parseFingerprint(value ?? '') ?? []);
}

function parseFingerprint(text: string): DtlsFingerprint | undefined {
  const [hash = '', value = ''] = text.trim().split(/\s+/, 2);
  const name = hash.toLowerCase();
  const bytes = Object.hasOwn(hashes, name) ? hashes[name] : undefined;
  if (bytes === undefined || value.length !== bytes * 3 - 1 || !/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value))
    return undefined;
  return { hash: name as DtlsFingerprint['hash'], value: value.toUpperCase() };
}

/** What we are, when the peer offered this (RFC 4145 §4.1). Fails when nobody is to begin. */
export function answeredDtls(
  media: SdpMedia,
  session: readonly SdpAttribute[],
  { role }: LocalDtls,
): Result<DtlsParameters> {
  const fingerprints = fingerprintsOf(media, session);
  if (fingerprints.length === 0) return fail('the offer has no a=fingerprint that can be used here');
  switch (setupOf(media, session)) {
    case 'active':
      return ok({ role: 'server', fingerprints });
    case 'passive':
      return ok({ role: 'client', fingerprints });
    case 'holdconn':
      return fail('the offer says a=setup:holdconn: nobody would begin');
    default:
      // Either will do. Who offered knows already that we can be reached, we do not know that of it.
      return ok({ role: role ?? 'server', fingerprints });
  }
}

/** What the peer's answer to `actpass` makes of us. */
export function acceptedDtls(answer: SdpMedia, session: readonly SdpAttribute[]): Result<DtlsParameters> {
  const fingerprints = fingerprintsOf(answer, session);
  if (fingerprints.length === 0) return fail('the answer has no a=fingerprint that can be used here');
  const setup = setupOf(answer, session);
  if (setup === 'holdconn') return fail('the answer says a=setup:holdconn: nobody would begin');
  return ok({ role: setup === 'passive' ? 'client' : 'server', fingerprints });
}

/** @param role undefined: either, it is for the peer to say */
export function dtlsAttributes({ hash, value }: DtlsFingerprint, role: DtlsRole | undefined): SdpAttribute[] {
  const setup = role === undefined ? 'actpass' : role === 'client' ? 'active' : 'passive';
  return [
    { name: 'fingerprint', value: `${hash} ${value}` },
    { name: 'setup', value: setup },
  ];
}

function setupOf({ attributes }: SdpMedia, session: readonly SdpAttribute[]): string | undefined {
  return [...attributes, ...session]
    .find(({ name }) => name === 'setup')
    ?.value?.trim()
    .toLowerCase();
}
