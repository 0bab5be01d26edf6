/** The STUN messages that an ICE agent sends (RFC 8445 §7, RFC 7675 §5.1). */
import type { UdpPeer } from '../net/udp-port.ts';
import type { HmacSha1 } from '../srtp/sha1.ts';
import { attributeType, bindingMethod, stunClass } from '../stun/constants.ts';
import type { StunReader, TieBreaker } from '../stun/reader.ts';
import { StunWriter } from '../stun/writer.ts';
import type { IceKeys } from './keys.ts';
import type { IceRole } from './types.ts';

/** RFC 8489 §14.8, RFC 8445 §16.2. */
const reasons = { 400: 'Bad Request', 401: 'Unauthorized', 420: 'Unknown Attribute', 487: 'Role Conflict' } as const;
/** Beside the name: header, priority, role, nomination, integrity, fingerprint. */
const requestBytes = 96;

/** @param from where the peer is as we see it */
export function answerTo(request: StunReader, from: UdpPeer, key: HmacSha1): StunWriter {
  return new StunWriter(stunClass.success, bindingMethod, request.transaction)
    .xorMappedAddress(from.address, from.port)
    .integrity(key)
    .fingerprint();
}

/** @param key of a peer that showed who it is; without it the answer is not signed (RFC 8489 §9.1.3) */
export function errorTo(request: StunReader, code: keyof typeof reasons, key?: HmacSha1): StunWriter {
  const answer = new StunWriter(stunClass.error, request.method, request.transaction).error(code, reasons[code]);
  if (code === 420) answer.unknownAttributes(request.unknown);
  if (key) answer.integrity(key);
  return answer.fingerprint();
}

export interface CheckContent {
  readonly role: IceRole;
  readonly tieBreaker: TieBreaker;
  /** That a candidate would have which the peer learns by this check (RFC 8445 §7.1.1). */
  readonly priority: number;
  readonly nominates: boolean;
}

/** @returns undefined while the peer's password is not known */
export function checkOf(
  transaction: Uint8Array,
  keys: IceKeys,
  { role, tieBreaker, priority, nominates }: CheckContent,
): StunWriter | undefined {
  const { username, remote } = keys;
  if (!remote) return undefined;
  const capacity = requestBytes + username.length;
  const request = new StunWriter(stunClass.request, bindingMethod, transaction, capacity)
    .text(attributeType.username, username)
    .tieBreaker(role === 'controlling' ? attributeType.iceControlling : attributeType.iceControlled, tieBreaker)
    .uint32(attributeType.priority, priority);
  if (nominates) request.flag(attributeType.useCandidate);
  return request.integrity(remote).fingerprint();
}

/** Keeps the bindings of NATs (RFC 8445 §11). Nobody answers it. */
export function keepalive(transaction: Uint8Array): StunWriter {
  return new StunWriter(stunClass.indication, bindingMethod, transaction, 28).fingerprint();
}
