/** Comparing what was heard with what was played. */

/** ITU-T G.711 µ-law, written out, so that the tests share no table with the code. */
export function decodeUlaw(bytes: Uint8Array): Int16Array {
  return Int16Array.from(bytes, (byte) => {
    const code = ~byte & 0xff;
    const magnitude = (((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
    return code & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
  });
}

/** Reads a canonical 16-bit PCM WAV; multi-channel samples stay interleaved. */
export function readWav(bytes: Uint8Array): {
  readonly sampleRate: number;
  readonly channels: number;
  readonly samples: Int16Array;
} {
  const buffer = Buffer.from(bytes);
  if (buffer.toString('latin1', 0, 4) !== 'RIFF') throw new Error('no RIFF file');
  let [sampleRate, channels] = [0, 0];
  for (let at = 12; at + 8 <= buffer.length; ) {
    const id = buffer.toString('latin1', at, at + 4);
    const size = buffer.readUInt32LE(at + 4);
    if (id === 'fmt ') [channels, sampleRate] = [buffer.readUInt16LE(at + 10), buffer.readUInt32LE(at + 12)];
    if (id === 'data') {
      const data = buffer.subarray(at + 8, Math.min(buffer.length, at + 8 + size));
      return {
        sampleRate,
        channels,
        samples: Int16Array.from({ length: data.length >> 1 }, (_, i) => data.readInt16LE(i * 2)),
      };
    }
    at += 8 + size + (size & 1);
  }
  throw new Error('no data chunk');
}

export function channel(samples: Int16Array, channels: number, index: number): Int16Array {
  return Int16Array.from(
    { length: Math.floor(samples.length / channels) },
    (_, i) => samples[i * channels + index] ?? 0,
  );
}

/** Pearson correlation of `needle` with `hay` from `offset` on. */
export function correlationAt(hay: Int16Array, needle: Int16Array, offset: number): number {
  let [sumXY, sumXX, sumYY] = [0, 0, 0];
  for (let i = 0; i < needle.length; i++) {
    const x = needle[i] ?? 0;
    const y = hay[offset + i] ?? 0;
    sumXY += x * y;
    sumXX += x * x;
    sumYY += y * y;
  }
  return sumXX === 0 || sumYY === 0 ? 0 : sumXY / Math.sqrt(sumXX * sumYY);
}

/** The best correlation over all offsets up to `maxOffset` samples, and where it is. */
export function correlate(
  hay: Int16Array,
  needle: Int16Array,
  maxOffset = hay.length,
): { readonly correlation: number; readonly offset: number } {
  let best = { correlation: -1, offset: 0 };
  // Find the neighbourhood with a part of the needle first: the whole of it costs too much everywhere.
  const loudest = loudestWindow(needle, Math.min(4000, needle.length));
  for (let offset = 0; offset <= maxOffset; offset++) {
    const correlation = correlationAt(hay, loudest.samples, offset + loudest.from);
    if (correlation > best.correlation) best = { correlation, offset };
  }
  return { correlation: correlationAt(hay, needle, best.offset), offset: best.offset };
}

function loudestWindow(samples: Int16Array, length: number): { readonly samples: Int16Array; readonly from: number } {
  let [best, from] = [-1, 0];
  for (let start = 0; start + length <= samples.length; start += length) {
    let energy = 0;
    for (let i = start; i < start + length; i++) energy += (samples[i] ?? 0) ** 2;
    if (energy > best) [best, from] = [energy, start];
  }
  return { samples: samples.subarray(from, from + length), from };
}
