/**
 * G.711 by table, bit-exact with the reference of ITU-T G.191: one's complement for negative samples,
 * 14-bit input for µ-law and 13-bit for A-law, of which 16-bit audio gives the upper bits.
 */
import type { AudioCodec } from './codec.ts';

/** ITU-T G.711 table 2: code → 16-bit sample. Bits are inverted on the line. */
function expandMu(code: number): number {
  const exponent = (~code >> 4) & 7;
  const step = 8 << exponent;
  const magnitude = (0x80 << exponent) + step * (~code & 15) + step / 2 - 4 * 33;
  return code < 0x80 ? -magnitude : magnitude;
}

function compressMu(sample: number): number {
  const biased = Math.min(((sample < 0 ? ~sample : sample) >> 2) + 33, 0x1fff);
  const segment = 32 - Math.clz32(biased >> 6);
  const code = ((7 - segment) << 4) | (15 - ((biased >> (segment + 1)) & 15));
  return sample < 0 ? code : code | 0x80;
}

/** ITU-T G.711 table 1: code → 16-bit sample. Even bits are inverted on the line. */
function expandA(code: number): number {
  const bits = (code ^ 0x55) & 0x7f;
  const segment = bits >> 4;
  const mantissa = (((bits & 15) + (segment > 0 ? 16 : 0)) << 4) + 8;
  const magnitude = segment > 1 ? mantissa << (segment - 1) : mantissa;
  return code < 0x80 ? -magnitude : magnitude;
}

function compressA(sample: number): number {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4;
  const segment = 32 - Math.clz32(magnitude >> 4);
  const bits = segment === 0 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 15);
  return (sample < 0 ? bits : bits | 0x80) ^ 0x55;
}

/** Index: the upper 14 bits of a sample, which decide the code in both laws. */
function compressTable(compress: (sample: number) => number): Uint8Array {
  const table = new Uint8Array(16_384);
  for (let i = 0; i < table.length; i++) table[i] = compress(((i << 18) >> 18) << 2);
  return table;
}

const expandedMu = Int16Array.from({ length: 256 }, (_, code) => expandMu(code));
const expandedA = Int16Array.from({ length: 256 }, (_, code) => expandA(code));
const compressedMu = compressTable(compressMu);
const compressedA = compressTable(compressA);

function g711(
  name: string,
  clockRate: number,
  silence: number,
  expanded: Int16Array,
  compressed: Uint8Array,
): AudioCodec {
  return {
    key: `${name}/${clockRate}`,
    name,
    clockRate,
    sampleRate: clockRate,
    channels: 1,
    bytesPerTick: 1,
    blockBytes: 1,
    ticks: (_buffer, _offset, length) => length,
    silence: (out) => void out.fill(silence),
    decode(payload, out) {
      const count = Math.min(payload.length, out.length);
      for (let i = 0; i < count; i++) out[i] = expanded[payload[i]!]!;
      return count;
    },
    encode(pcm, out) {
      const count = Math.min(pcm.length, out.length);
      for (let i = 0; i < count; i++) out[i] = compressed[(pcm[i]! >> 2) & 0x3fff]!;
      return count;
    },
  };
}

export function pcmu(clockRate = 8000): AudioCodec {
  return g711('PCMU', clockRate, 0xff, expandedMu, compressedMu);
}

export function pcma(clockRate = 8000): AudioCodec {
  return g711('PCMA', clockRate, 0xd5, expandedA, compressedA);
}

/** Encodes a whole run of samples. */
export function compressG711(law: 'a' | 'mu', samples: Int16Array): Uint8Array {
  const table = law === 'a' ? compressedA : compressedMu;
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) out[i] = table[(samples[i]! >> 2) & 0x3fff]!;
  return out;
}

/** Decodes a whole run of codes, as a WAV file with format tag 6 or 7 holds it. */
export function expandG711(law: 'a' | 'mu', codes: Uint8Array): Int16Array {
  const table = law === 'a' ? expandedA : expandedMu;
  const out = new Int16Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i]!]!;
  return out;
}
