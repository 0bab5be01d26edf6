/**
 * Reads STUN in place (RFC 8489 §5, §14). One reader serves message after message and allocates nothing for them: what it
 * says is of the last one, and only while its buffer stays as it is.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |0 0|     STUN Message Type     |         Message Length        |
 * |                         Magic Cookie                          |
 * |                     Transaction ID (96 bits)                  |
 * |             Type              |            Length             | attributes,
 * |                         Value (padded to 4)                   |  each of them
 * ```
 */
import type { HmacSha1 } from '../srtp/sha1.ts';
import { putUint16, uint16, uint32 } from './bytes.ts';
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
import { ipText } from './ip.ts';

const noAttribute = -1;
/** So many unknown attributes are told of; one with more has told enough. */
const mostUnknown = 8;
const none: readonly number[] = [];

export interface MappedAddress {
  readonly address: string;
  readonly port: number;
}

/** 64 bits. */
export interface TieBreaker {
  readonly high: number;
  readonly low: number;
}

export class StunReader {
  #buffer: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;
  #class: StunClass = 0;
  #method = 0;
  #usernameAt = noAttribute;
  #usernameBytes = 0;
  #integrityAt = noAttribute;
  #fingerprintAt = noAttribute;
  #errorAt = noAttribute;
  #mappedAt = noAttribute;
  #xorMappedAt = noAttribute;
  #controllingAt = noAttribute;
  #controlledAt = noAttribute;
  #priority: number | undefined;
  #useCandidate = false;
  #unknown: number[] | undefined;

  /**
   * Never throws.
   * @returns false for what is no STUN message, or none that holds together; then nothing else may be asked
   */
  read(buffer: Uint8Array, offset: number, length: number): boolean {
    if (length < stunHeaderBytes || (buffer[offset]! & 0xc0) !== 0 || (length & 3) !== 0) return false;
    if (uint16(buffer, offset + 2) !== length - stunHeaderBytes || uint32(buffer, offset + 4) !== magicCookie)
      return false;
    const type = uint16(buffer, offset);
    // RFC 8489 §5: M11 … M7 C1 M6 M5 M4 C0 M3 … M0
    this.#class = (((type >> 7) & 2) | ((type >> 4) & 1)) as StunClass;
    this.#method = ((type & 0x3e00) >> 2) | ((type & 0xe0) >> 1) | (type & 0xf);
    this.#buffer = buffer;
    this.#offset = offset;
    this.#length = length;
    this.#usernameAt = noAttribute;
    this.#integrityAt = noAttribute;
    this.#fingerprintAt = noAttribute;
    this.#errorAt = noAttribute;
    this.#mappedAt = noAttribute;
    this.#xorMappedAt = noAttribute;
    this.#controllingAt = noAttribute;
    this.#controlledAt = noAttribute;
    this.#priority = undefined;
    this.#useCandidate = false;
    this.#unknown = undefined;
    return this.#walk(offset + stunHeaderBytes, offset + length);
  }

  #walk(from: number, end: number): boolean {
    const buffer = this.#buffer;
    for (let at = from; at < end; ) {
      const type = uint16(buffer, at);
      const bytes = uint16(buffer, at + 2);
      const value = at + 4;
      const next = value + ((bytes + 3) & ~3);
      if (next > end) return false;
      // RFC 8489 §14.7: the fingerprint is the last, and covers everything else.
      if (this.#fingerprintAt !== noAttribute) return false;
      if (type === attributeType.fingerprint) {
        if (bytes !== 4) return false;
        this.#fingerprintAt = at;
      } else if (this.#integrityAt === noAttribute && !this.#take(type, at, value, bytes)) return false;
      at = next;
    }
    return true;
  }

  /** Of each kind the first counts (RFC 8489 §14). @returns false for one of another length than it has */
  #take(type: number, at: number, value: number, bytes: number): boolean {
    switch (type) {
      case attributeType.username:
        if (this.#usernameAt !== noAttribute) return true;
        this.#usernameAt = value;
        this.#usernameBytes = bytes;
        // RFC 8489 §14.3: fewer than 509 bytes; ICE has 256 + 1 + 256 (RFC 8839 §5.4).
        return bytes <= 513;
      case attributeType.messageIntegrity:
        this.#integrityAt = at;
        return bytes === integrityBytes - 4;
      case attributeType.priority:
        this.#priority ??= uint32(this.#buffer, value);
        return bytes === 4;
      case attributeType.useCandidate:
        this.#useCandidate = true;
        return bytes === 0;
      case attributeType.iceControlling:
        if (this.#controllingAt === noAttribute) this.#controllingAt = value;
        return bytes === 8;
      case attributeType.iceControlled:
        if (this.#controlledAt === noAttribute) this.#controlledAt = value;
        return bytes === 8;
      case attributeType.errorCode:
        if (this.#errorAt === noAttribute) this.#errorAt = value;
        return bytes >= 4;
      case attributeType.mappedAddress:
        if (this.#mappedAt === noAttribute) this.#mappedAt = value;
        return this.#isAddress(value, bytes);
      case attributeType.xorMappedAddress:
        if (this.#xorMappedAt === noAttribute) this.#xorMappedAt = value;
        return this.#isAddress(value, bytes);
      case attributeType.unknownAttributes:
      case attributeType.realm:
      case attributeType.nonce:
      case attributeType.messageIntegritySha256:
        return true;
      default:
        // RFC 8489 §14: 0x0000 to 0x7fff have to be understood.
        if (type < 0x8000 && (this.#unknown?.length ?? 0) < mostUnknown) {
          this.#unknown ??= [];
          this.#unknown.push(type);
        }
        return true;
    }
  }

  #isAddress(at: number, bytes: number): boolean {
    const family = this.#buffer[at + 1];
    return (family === 1 && bytes === 8) || (family === 2 && bytes === 20);
  }

  get class(): StunClass {
    return this.#class;
  }

  get method(): number {
    return this.#method;
  }

  get priority(): number | undefined {
    return this.#priority;
  }

  get useCandidate(): boolean {
    return this.#useCandidate;
  }

  get controlling(): TieBreaker | undefined {
    return this.#tieBreaker(this.#controllingAt);
  }

  get controlled(): TieBreaker | undefined {
    return this.#tieBreaker(this.#controlledAt);
  }

  #tieBreaker(at: number): TieBreaker | undefined {
    return at === noAttribute ? undefined : { high: uint32(this.#buffer, at), low: uint32(this.#buffer, at + 4) };
  }

  /** Types that had to be understood and are not. */
  get unknown(): readonly number[] {
    return this.#unknown ?? none;
  }

  get hasUsername(): boolean {
    return this.#usernameAt !== noAttribute;
  }

  get hasIntegrity(): boolean {
    return this.#integrityAt !== noAttribute;
  }

  get hasFingerprint(): boolean {
    return this.#fingerprintAt !== noAttribute;
  }

  /** For logs and tests; `usernameIs` looks without making a string. */
  get username(): string | undefined {
    if (this.#usernameAt === noAttribute) return undefined;
    return new TextDecoder().decode(this.#buffer.slice(this.#usernameAt, this.#usernameAt + this.#usernameBytes));
  }

  /** Whether the user name is `text`, of ASCII, alone or with more behind it. @param whole nothing may follow */
  usernameIs(text: string, whole: boolean): boolean {
    const at = this.#usernameAt;
    const { length } = text;
    if (at === noAttribute || (whole ? this.#usernameBytes !== length : this.#usernameBytes < length)) return false;
    for (let i = 0; i < length; i++) if (this.#buffer[at + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** 300 to 699, as it is; undefined where there is none or it is no such number. */
  get errorCode(): number | undefined {
    if (this.#errorAt === noAttribute) return undefined;
    const hundreds = this.#buffer[this.#errorAt + 2]! & 7;
    const rest = this.#buffer[this.#errorAt + 3]!;
    return hundreds < 3 || hundreds > 6 || rest > 99 ? undefined : hundreds * 100 + rest;
  }

  /** Of XOR-MAPPED-ADDRESS, else of MAPPED-ADDRESS, which old servers send. */
  get mapped(): MappedAddress | undefined {
    const buffer = this.#buffer;
    const xored = this.#xorMappedAt !== noAttribute;
    const at = xored ? this.#xorMappedAt : this.#mappedAt;
    if (at === noAttribute) return undefined;
    const bytes = buffer[at + 1] === 1 ? 4 : 16;
    const port = uint16(buffer, at + 2);
    if (!xored) return { address: ipText(buffer, at + 4, bytes), port };
    const plain = new Uint8Array(bytes);
    // RFC 8489 §14.2: the cookie, and for IPv6 the transaction after it, which is how they lie in the header.
    for (let i = 0; i < bytes; i++) plain[i] = buffer[at + 4 + i]! ^ buffer[this.#offset + 4 + i]!;
    return { address: ipText(plain, 0, bytes), port: port ^ (magicCookie >>> 16) };
  }

  /** Whether it answers the transaction of this number, 12 bytes. */
  isOf(transaction: Uint8Array): boolean {
    for (let i = 0; i < transactionBytes; i++) if (this.#buffer[this.#offset + 8 + i] !== transaction[i]) return false;
    return true;
  }

  /** The 12 bytes, which lie in the buffer that was read. */
  get transaction(): Uint8Array {
    return this.#buffer.subarray(this.#offset + 8, this.#offset + stunHeaderBytes);
  }

  /** Whether there is a fingerprint that is right. */
  get fingerprintRight(): boolean {
    const at = this.#fingerprintAt;
    if (at === noAttribute) return false;
    const covered = this.#length - fingerprintBytes;
    return fingerprintOf(this.#buffer, this.#offset, covered) === uint32(this.#buffer, at + 4);
  }

  /** Whether there is a MESSAGE-INTEGRITY that is right. Takes the same time wherever it differs. */
  integrityRight(key: HmacSha1): boolean {
    const at = this.#integrityAt;
    if (at === noAttribute) return false;
    const buffer = this.#buffer;
    const offset = this.#offset;
    const [high, low] = [buffer[offset + 2]!, buffer[offset + 3]!];
    // RFC 8489 §14.5: the length that is hashed ends with this attribute, whatever comes behind it.
    putUint16(buffer, offset + 2, at - offset - stunHeaderBytes + integrityBytes);
    const digest = key.digest(buffer, offset, at - offset, undefined);
    buffer[offset + 2] = high;
    buffer[offset + 3] = low;
    let differs = 0;
    for (let i = 0; i < 20; i++) differs |= digest[i]! ^ buffer[at + 4 + i]!;
    return differs === 0;
  }
}
