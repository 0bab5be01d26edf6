/** L16 (RFC 3551 §4.5.11): 16-bit samples, big endian. */
import type { AudioCodec } from './codec.ts';

export function l16(clockRate: number): AudioCodec {
  return {
    name: 'L16',
    clockRate,
    channels: 1,
    bytesPerSample: 2,
    silence: 0,
    decode(payload, out) {
      const count = Math.min(payload.length >> 1, out.length);
      for (let i = 0; i < count; i++) out[i] = (payload[2 * i]! << 8) | payload[2 * i + 1]!;
      return count;
    },
    encode(pcm, out) {
      const count = Math.min(pcm.length, out.length >> 1);
      for (let i = 0; i < count; i++) {
        const sample = pcm[i]!;
        out[2 * i] = sample >> 8;
        out[2 * i + 1] = sample;
      }
      return 2 * count;
    },
  };
}
