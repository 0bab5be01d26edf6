import { describe, expect, it } from 'vitest';
import { type AudioCodec, codecFor, frameBytes, frameTicks, l16, pcma, pcmu } from '../../../media/codec/index.ts';

const bytes = (...list: number[]) => Uint8Array.from(list);
function decoded(codec: AudioCodec, payload: Uint8Array): number[] {
  const out = new Int16Array(payload.length / codec.bytesPerTick);
  expect(codec.decode(payload, out)).toBe(out.length);
  return [...out];
}
function encoded(codec: AudioCodec, ...samples: number[]): number[] {
  const out = new Uint8Array(samples.length * codec.bytesPerTick);
  expect(codec.encode(Int16Array.from(samples), out)).toBe(out.length);
  return [...out];
}

function silent(codec: AudioCodec): Uint8Array {
  const out = new Uint8Array(1);
  codec.silence(out);
  return out;
}

/** ITU-T G.711 tables 2a/2b: values at the decoder output for segment and step, times 4 for 16 bits. */
function muFormula(code: number): number {
  const bits = ~code & 0xff;
  const value = 4 * (((2 * (bits & 15) + 33) << ((bits >> 4) & 7)) - 33);
  return code & 0x80 ? value : -value;
}
/** ITU-T G.711 tables 1a/1b, times 8 for 16 bits. */
function aFormula(code: number): number {
  const bits = code ^ 0x55;
  const [segment, step] = [(bits >> 4) & 7, bits & 15];
  const value = 8 * (segment === 0 ? 2 * step + 1 : (2 * step + 33) << (segment - 1));
  return code & 0x80 ? value : -value;
}

describe('G.711', () => {
  const allCodes = Uint8Array.from({ length: 256 }, (_, i) => i);

  it('decodes known codes', () => {
    expect(decoded(pcmu(), bytes(0xff, 0x7f, 0x00, 0x80, 0xfe, 0x7e, 0xcf, 0x01))).toEqual([
      0, 0, -32_124, 32_124, 8, -8, 924, -31_100,
    ]);
    expect(decoded(pcma(), bytes(0xd5, 0x55, 0x2a, 0xaa, 0xd4, 0x54, 0x80))).toEqual([
      8, -8, -32_256, 32_256, 24, -24, 5504,
    ]);
  });

  it('decodes all codes as the tables of G.711 say', () => {
    // −0 and 0 are one value in 16 bits.
    expect(decoded(pcmu(), allCodes)).toEqual([...allCodes].map((code) => muFormula(code) + 0));
    expect(decoded(pcma(), allCodes)).toEqual([...allCodes].map((code) => aFormula(code)));
  });

  it('encodes what it decoded to the same code; µ-law has two zeros', () => {
    expect(encoded(pcma(), ...decoded(pcma(), allCodes))).toEqual([...allCodes]);
    expect(encoded(pcmu(), ...decoded(pcmu(), allCodes))).toEqual([...allCodes].map((c) => (c === 0x7f ? 0xff : c)));
  });

  it('encodes known samples, and limits at full scale', () => {
    expect(encoded(pcmu(), 0, -1, 32_767, -32_768, 4, -5)).toEqual([0xff, 0x7f, 0x80, 0x00, 0xfe, 0x7e]);
    expect(encoded(pcma(), 0, -1, 32_767, -32_768, 16, -17)).toEqual([0xd5, 0x55, 0xaa, 0x2a, 0xd4, 0x54]);
  });

  // Decision values of tables 1a and 2a, positive side, in 16-bit steps: where each code begins.
  const spans = Array.from({ length: 128 }, (_, i) => ({ segment: i >> 4, step: i & 15 }));
  const muStarts = spans.map(({ segment, step }) => Math.max(0, 4 * (((step + 16) << (segment + 1)) - 33)));
  const aStarts = spans.map(({ segment, step }) => 8 * (segment === 0 ? 2 * step : (step + 16) << segment));
  it.each([
    ['PCMU', pcmu(), muStarts, (index: number, positive: boolean) => ~(index | (positive ? 0 : 0x80)) & 0xff],
    ['PCMA', pcma(), aStarts, (index: number, positive: boolean) => (index | (positive ? 0x80 : 0)) ^ 0x55],
  ])('%s encodes every sample by the decision values', (_, codec, starts, codeOf) => {
    const every = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
    const codes = new Uint8Array(65_536);
    codec.encode(every, codes);
    const expected = Uint8Array.from(every, (sample) => {
      const magnitude = sample < 0 ? -1 - sample : sample;
      return codeOf(
        starts.findLastIndex((start) => magnitude >= start),
        sample >= 0,
      );
    });
    expect(codes).toEqual(expected);
  });

  it('has a silence byte that is the smallest sample', () => {
    expect(decoded(pcmu(), silent(pcmu()))).toEqual([0]);
    expect(decoded(pcma(), silent(pcma()))).toEqual([8]);
    expect(encoded(pcmu(), 0)).toEqual([...silent(pcmu())]);
    expect(encoded(pcma(), 0)).toEqual([...silent(pcma())]);
  });
});

describe('L16', () => {
  it('is big endian', () => {
    expect(encoded(l16(8000), 1, -2, 32_767, -32_768)).toEqual([0, 1, 0xff, 0xfe, 0x7f, 0xff, 0x80, 0]);
    expect(decoded(l16(8000), bytes(0, 1, 0xff, 0xfe, 0x7f, 0xff, 0x80, 0))).toEqual([1, -2, 32_767, -32_768]);
  });

  it('plays the mean of two channels, and speaks in both', () => {
    const stereo = l16(44_100, 2);
    const out = new Int16Array(2);
    expect(stereo.decode(bytes(0, 10, 0, 20, 0xff, 0xfe, 0xff, 0xfc), out)).toBe(2);
    expect([...out]).toEqual([15, -3]);
    const payload = new Uint8Array(8);
    expect(stereo.encode(Int16Array.of(258, -2), payload)).toBe(8);
    expect([...payload]).toEqual([1, 2, 1, 2, 0xff, 0xfe, 0xff, 0xfe]);
    expect(stereo.ticks(payload, 0, 8)).toBe(2);
  });

  it('leaves out half a sample', () => {
    expect(l16(8000).decode(bytes(1, 2, 3), new Int16Array(4))).toBe(1);
    expect(l16(8000).encode(new Int16Array(4), new Uint8Array(5))).toBe(4);
  });
});

describe.each([pcmu(), pcma(), l16(16_000)])('$name', (codec) => {
  it('writes no more than there is room for, and works inside larger buffers', () => {
    const payload = new Uint8Array(64).subarray(7, 7 + 20 * codec.bytesPerTick);
    expect(codec.decode(payload, new Int16Array(5))).toBe(5);
    expect(codec.encode(new Int16Array(20), payload.subarray(0, 4))).toBe(4);
    expect(codec.decode(new Uint8Array(), new Int16Array(5))).toBe(0);
  });
});

describe('codecFor', () => {
  it('finds the codec of an exchange by name and rate', () => {
    expect(codecFor({ name: 'pcma', clockRate: 8000, channels: 1 })).toMatchObject({ name: 'PCMA', clockRate: 8000 });
    expect(codecFor({ name: 'L16', clockRate: 44_100, channels: 1 })).toMatchObject({ name: 'L16', clockRate: 44_100 });
    expect(codecFor({ name: 'L16', clockRate: 44_100, channels: 2 })).toMatchObject({ channels: 2, bytesPerTick: 4 });
    expect(codecFor({ name: 'g722', clockRate: 8000, channels: 1 })).toMatchObject({
      clockRate: 8000,
      sampleRate: 16_000,
    });
    expect(codecFor({ name: 'PCMU', clockRate: 8000, channels: 2 })).toBeUndefined();
    expect(codecFor({ name: 'G729', clockRate: 8000, channels: 1 })).toBeUndefined();
  });

  it('knows the size of a frame', () => {
    expect(frameBytes(pcmu(), 20)).toBe(160);
    expect(frameBytes(l16(16_000), 30)).toBe(960);
    expect(frameTicks({ clockRate: 11_025 }, 20)).toBe(220);
  });
});
