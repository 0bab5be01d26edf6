/** L16 (RFC 3551 §4.5.11): 16-bit samples, big endian; of two channels left first, and the mean is what is heard. */
import type { AudioCodec } from './codec.ts';

export function l16(clockRate: number, channels: 1 | 2 = 1): AudioCodec {
  const bytes = 2 * channels;
  return {
    key: `L16/${clockRate}${channels === 1 ? '' : '/2'}`,
    name: 'L16',
    clockRate,
    sampleRate: clockRate,
    channels,
    bytesPerTick: bytes,
    blockBytes: bytes,
    ticks: (_buffer, _offset, length) => Math.floor(length / bytes),
    silence: (out) => void out.fill(0),
    decode(payload, out) {
      const count = Math.min(Math.floor(payload.length / bytes), out.length);
      for (let i = 0; i < count; i++) {
        const left = sampleAt(payload, bytes * i);
        out[i] = channels === 1 ? left : (left + sampleAt(payload, bytes * i + 2)) >> 1;
      }
      return count;
    },
    encode(pcm, out) {
      const count = Math.min(pcm.length, Math.floor(out.length / bytes));
      for (let i = 0; i < count * channels; i++) {
        const sample = pcm[channels === 1 ? i : i >> 1]!;
        out[2 * i] = sample >> 8;
        out[2 * i + 1] = sample;
      }
      return bytes * count;
    },
  };
}

function sampleAt(payload: Uint8Array, at: number): number {
  return ((payload[at]! << 24) | (payload[at + 1]! << 16)) >> 16;
}
