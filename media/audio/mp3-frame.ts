/** The frames of an MP3 (ISO 11172-3 §2.4.1, 13818-3, and MPEG 2.5), found and checked before a decoder sees them. */

export interface Mp3Frame {
  readonly bytes: number;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** kbit/s by index 1 … 14 of Layer III: MPEG 1, and MPEG 2 and 2.5. */
const bitrates1 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320] as const;
const bitrates2 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160] as const;
const rates = [44_100, 48_000, 32_000] as const;

export const frameHeaderBytes = 4;

/** @param bytes at least 4 from `at` on. @returns undefined where no frame of Layer III begins, or one of free format */
export function readMp3Header(bytes: Uint8Array, at: number): Mp3Frame | undefined {
  const b1 = bytes[at + 1]!;
  if (bytes[at] !== 0xff || (b1 & 0xe0) !== 0xe0) return undefined;
  const b2 = bytes[at + 2]!;
  const version = (b1 >> 3) & 3; // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const layer = (b1 >> 1) & 3; // 1: III
  if (version === 1 || layer !== 1) return undefined;
  const kbits = (version === 3 ? bitrates1 : bitrates2)[(b2 >> 4) - 1];
  const full = rates[(b2 >> 2) & 3];
  if (kbits === undefined || full === undefined) return undefined;
  const sampleRate = full / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const padding = (b2 >> 1) & 1;
  return {
    bytes: Math.floor(((version === 3 ? 144 : 72) * kbits * 1000) / sampleRate) + padding,
    sampleRate,
    channels: bytes[at + 3]! >> 6 === 3 ? 1 : 2,
  };
}

/** Of an ID3v2 tag with its header and footer; 0 where none begins. @param bytes at least 10 from `at` on */
export function id3Bytes(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x49 || bytes[at + 1] !== 0x44 || bytes[at + 2] !== 0x33) return 0;
  let size = 0;
  for (let i = at + 6; i < at + id3HeaderBytes; i++) size = (size << 7) | (bytes[i]! & 0x7f);
  return id3HeaderBytes + size + (bytes[at + 5]! & 0x10 ? id3HeaderBytes : 0);
}

export const id3HeaderBytes = 10;
