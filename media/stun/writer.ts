/** Writes one STUN message (RFC 8489 §5, §14) into bytes of its own, which whoever sends them may keep. */
import type { HmacSha1 } from '../srtp/sha1.ts';
import { putUint16, putUint32 } from './bytes.ts';
import {
  attributeType,
  fingerprintBytes,
  integrityBytes,
  magicCookie,
  type StunClass,
  stunHeaderBytes,
  transactionBytes,
} from './constants.ts';
import { fingerprintOf } from './fingerprint.ts';
import { ipBytes } from './ip.ts';
import type { TieBreaker } from './reader.ts';

/** Enough for an answer with the longest address, integrity and fingerprint, and for most requests. */
const usualBytes = 128;

export class StunWriter {
  #bytes: Uint8Array;
  #length = stunHeaderBytes;

  /** @param transaction 12 bytes */
  constructor(kind: StunClass, method: number, transaction: Uint8Array, capacity = usualBytes) {
    const bytes = new Uint8Array(capacity);
    const type =
      ((method & 0xf80) << 2) | ((method & 0x70) << 1) | (method & 0xf) | ((kind & 2) << 7) | ((kind & 1) << 4);
    putUint16(bytes, 0, type);
    putUint32(bytes, 4, magicCookie);
    for (let i = 0; i < transactionBytes; i++) bytes[8 + i] = transaction[i]!;
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  /** The message alone. */
  get message(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Where the value begins. What pads it is zero. */
  #begin(type: number, length: number): number {
    const at = this.#length;
    const end = at + 4 + ((length + 3) & ~3);
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    putUint16(this.#bytes, at, type);
    putUint16(this.#bytes, at + 2, length);
    this.#length = end;
    putUint16(this.#bytes, 2, end - stunHeaderBytes);
    return at + 4;
  }

  put(type: number, value: Uint8Array): this {
    const at = this.#begin(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  flag(type: number): this {
    this.#begin(type, 0);
    return this;
  }

  uint32(type: number, value: number): this {
    const at = this.#begin(type, 4);
    putUint32(this.#bytes, at, value);
    return this;
  }

  tieBreaker(type: number, { high, low }: TieBreaker): this {
    const at = this.#begin(type, 8);
    putUint32(this.#bytes, at, high);
    putUint32(this.#bytes, at + 4, low);
    return this;
  }

  text(type: number, text: string): this {
    return this.put(type, new TextEncoder().encode(text));
  }

  /** RFC 8489 §14.8. */
  error(code: number, reason: string): this {
    const text = new TextEncoder().encode(reason);
    const at = this.#begin(attributeType.errorCode, 4 + text.length);
    this.#bytes[at + 2] = Math.floor(code / 100);
    this.#bytes[at + 3] = code % 100;
    this.#bytes.set(text, at + 4);
    return this;
  }

  /** RFC 8489 §14.9. */
  unknownAttributes(types: readonly number[]): this {
    let at = this.#begin(attributeType.unknownAttributes, 2 * types.length);
    for (const type of types) {
      putUint16(this.#bytes, at, type);
      at += 2;
    }
    return this;
  }

  /** RFC 8489 §14.2. Left out where the address is none, which no socket says. */
  xorMappedAddress(address: string, port: number): this {
    const ip = ipBytes(address);
    if (!ip) return this;
    const at = this.#begin(attributeType.xorMappedAddress, 4 + ip.length);
    const bytes = this.#bytes;
    bytes[at + 1] = ip.length === 4 ? 1 : 2;
    putUint16(bytes, at + 2, port ^ (magicCookie >>> 16));
    for (let i = 0; i < ip.length; i++) bytes[at + 4 + i] = ip[i]! ^ bytes[4 + i]!;
    return this;
  }

  /** MESSAGE-INTEGRITY over all that was put before it; only `fingerprint` may follow. */
  integrity(key: HmacSha1): this {
    const covered = this.#length;
    const at = this.#begin(attributeType.messageIntegrity, integrityBytes - 4);
    this.#bytes.set(key.digest(this.#bytes, 0, covered, undefined), at);
    return this;
  }

  /** The last. */
  fingerprint(): this {
    const covered = this.#length;
    const at = this.#begin(attributeType.fingerprint, fingerprintBytes - 4);
    putUint32(this.#bytes, at, fingerprintOf(this.#bytes, 0, covered));
    return this;
  }
}
