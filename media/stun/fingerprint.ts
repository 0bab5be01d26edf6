/** The CRC-32 that FINGERPRINT is made of (RFC 8489 §14.7). */
import { crc32 } from 'node:zlib';
import { fingerprintXor } from './constants.ts';

export function fingerprintOf(buffer: Uint8Array, offset: number, length: number): number {
  return (crc32(buffer.subarray(offset, offset + length)) ^ fingerprintXor) >>> 0;
}
