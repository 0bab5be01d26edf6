import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWav, wavHeader } from '../../../media/audio/wav.ts';
import { decodePcm, decodeWav } from '../../../media/audio/wav-decode.ts';
import { pcma, pcmu } from '../../../media/codec/g711.ts';
import { chunk, extensible, fmt, riff, wav } from './wav-bytes.ts';

function samplesOf(bytes: Uint8Array): number[] {
  const decoded = decodeWav(bytes);
  if (!decoded.ok) throw new Error(decoded.error);
  return [...decoded.value.samples];
}

const le = (bits: number, ...values: number[]) => {
  const size = bits / 8;
  return Uint8Array.from(
    values.flatMap((value) => Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) & 255)),
  );
};
const floats = (Type: typeof Float32Array | typeof Float64Array, ...values: number[]) =>
  new Uint8Array(Type.from(values).buffer);

describe('decodeWav', () => {
  it('gives every 16-bit sample back exactly', () => {
    const all = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
    const bytes = wav({ tag: 1, channels: 1, sampleRate: 8000, bits: 16 }, new Uint8Array(all.buffer));
    const decoded = decodeWav(bytes);
    expect(decoded).toMatchObject({ ok: true, value: { sampleRate: 8000 } });
    if (decoded.ok) expect(decoded.value.samples).toEqual(all);
  });

  it.each([
    ['8-bit PCM', 1, 8, Uint8Array.of(0, 64, 128, 192, 255), [-32_768, -16_384, 0, 16_384, 32_512]],
    [
      '24-bit PCM',
      1,
      24,
      le(24, -8_388_608, -4_194_304, 0, 4_194_304, 8_388_607),
      [-32_768, -16_384, 0, 16_384, 32_767],
    ],
    [
      '32-bit PCM',
      1,
      32,
      le(32, -(2 ** 31), -(2 ** 30), 0, 2 ** 30, 2 ** 31 - 1),
      [-32_768, -16_384, 0, 16_384, 32_767],
    ],
    [
      '32-bit float',
      3,
      32,
      floats(Float32Array, -1, -0.5, 0, 0.5, 2, Number.NaN, -Infinity),
      [-32_768, -16_384, 0, 16_384, 32_767, 0, -32_768],
    ],
    ['64-bit float', 3, 64, floats(Float64Array, -1, -0.5, 0, 0.5, 1), [-32_768, -16_384, 0, 16_384, 32_767]],
  ])('%s', (_, tag, bits, data, expected) => {
    expect(samplesOf(wav({ tag, channels: 1, sampleRate: 8000, bits }, data))).toEqual(expected);
  });

  it('A-law and µ-law, as their codecs decode them', () => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const [tag, codec] of [
      [6, pcma()],
      [7, pcmu()],
    ] as const) {
      const expected = new Int16Array(256);
      codec.decode(codes, expected);
      expect(samplesOf(wav({ tag, channels: 1, sampleRate: 8000, bits: 8 }, codes))).toEqual([...expected]);
    }
  });

  it('mixes two channels to one', () => {
    const stereo = (tag: number, bits: number, data: Uint8Array) =>
      samplesOf(wav({ tag, channels: 2, sampleRate: 8000, bits }, data));
    expect(stereo(1, 16, le(16, 1000, 3000, -32_768, 32_767, 5, 5))).toEqual([2000, 0, 5]);
    expect(stereo(3, 32, floats(Float32Array, 1, 0, 0.25, -0.25))).toEqual([16_384, 0]);
    expect(stereo(7, 8, Uint8Array.of(0x80, 0x00, 0x80, 0x80))).toEqual([0, 32_124]);
  });

  it('reads longer files than one block, with the same samples', () => {
    const ramp = Int16Array.from({ length: 2 * 40_000 }, (_, i) => (i >> 1) % 30_000);
    const bytes = wav({ tag: 1, channels: 2, sampleRate: 48_000, bits: 16 }, new Uint8Array(ramp.buffer));
    expect(samplesOf(bytes)).toEqual(Array.from({ length: 40_000 }, (_, i) => i % 30_000));
  });

  it('reads WAVE_FORMAT_EXTENSIBLE', () => {
    const data = le(16, 1, 2, 3);
    expect(samplesOf(riff(extensible(1, 1, 16), chunk('data', data)))).toEqual([1, 2, 3]);
    expect(samplesOf(riff(extensible(7, 1, 8), chunk('data', Uint8Array.of(0xff))))).toEqual([0]);
  });

  const format = { tag: 1, channels: 1, sampleRate: 8000, bits: 16 };
  it('steps over other chunks, odd ones with their pad byte', () => {
    const list = chunk('LIST', new TextEncoder().encode('INFOISFT\x05\0\0\0Lavf\0'));
    const odd = chunk('junk', Uint8Array.of(1, 2, 3));
    expect(odd).toHaveLength(12);
    expect(samplesOf(riff(list, fmt(format), odd, list, chunk('data', le(16, 7, 8)), odd))).toEqual([7, 8]);
  });

  it.each([
    ['truncated data', riff(fmt(format), chunk('data', le(16, 7, 8, 9)).subarray(0, 8 + 5)), [7, 8]],
    ['an open length', riff(fmt(format), chunk('data', le(16, 7, 8), 0xffff_ffff)), [7, 8]],
    ['a length of 0 in a file that was piped', open(riff(fmt(format), chunk('data', le(16, 7, 8), 0))), [7, 8]],
    ['no audio', riff(fmt(format), chunk('data', new Uint8Array())), []],
    ['no audio and a chunk after it', riff(fmt(format), chunk('data', new Uint8Array()), chunk('LIST', le(16, 1))), []],
    ['half a frame at the end', riff(fmt(format), chunk('data', Uint8Array.of(7, 0, 8))), [7]],
  ])('%s', (_, bytes, expected) => {
    expect(samplesOf(bytes)).toEqual(expected);
  });

  it('reads from the middle of a larger buffer', () => {
    const bytes = wav(format, le(16, 7, 8));
    const larger = new Uint8Array(bytes.length + 20);
    larger.set(bytes, 7);
    expect(samplesOf(larger.subarray(7, 7 + bytes.length))).toEqual([7, 8]);
  });

  const data = chunk('data', new Uint8Array(32));
  it.each([
    ['nothing', new Uint8Array(), /too short/],
    ['text', new TextEncoder().encode('this is not audio at all'), /no RIFF/],
    ['RF64', riff(fmt(format), data).with(1, 70).with(2, 54).with(3, 52), /RF64/],
    ['0 channels', riff(fmt({ ...format, channels: 0 }), data), /0 channels/],
    ['3 channels', riff(fmt({ ...format, channels: 3 }), data), /3 channels/],
    ['65535 channels', riff(fmt({ ...format, channels: 65_535 }), data), /65535 channels/],
    ['a rate of 0', riff(fmt({ ...format, sampleRate: 0 }), data), /0 Hz/],
    ['a rate of 4 GHz', riff(fmt({ ...format, sampleRate: 0xffff_ffff }), data), /4294967295 Hz/],
    ['0 bits', riff(fmt({ ...format, bits: 0 }), data), /0 bits/],
    ['12 bits', riff(fmt({ ...format, bits: 12 }), data), /12 bits/],
    ['16-bit float', riff(fmt({ ...format, tag: 3 }), data), /16 bits/],
    ['a wrong block size', riff(fmt({ ...format, blockAlign: 0 }), data), /block size 0/],
    ['ADPCM', riff(fmt({ ...format, tag: 17 }), data), /IMA ADPCM/],
    ['an unknown tag', riff(fmt({ ...format, tag: 0x1234 }), data), /0x1234/],
    ['a short extensible fmt', riff(fmt({ ...format, tag: 0xfffe }), data), /cut short/],
    ['an unknown subformat', riff(extensible(1, 1, 16).with(8 + 30, 99), data), /subformat/],
    ['a short fmt', riff(chunk('fmt ', new Uint8Array(14)), data), /cut short/],
    ['a fmt chunk past the end', riff(chunk('fmt ', new Uint8Array(16), 0xffff_fff0)), /cut short/],
    ['no fmt', riff(data), /no fmt chunk before/],
    ['neither', riff(chunk('LIST', new Uint8Array(4))), /no fmt chunk/],
    ['no data', riff(fmt(format)), /no data chunk/],
    ['a chunk past the end', riff(fmt(format), chunk('LIST', new Uint8Array(4), 0xffff_ffff), data), /no data chunk/],
    ['A-law of 16 bits', riff(fmt({ ...format, tag: 6 }), data), /16 bits/],
  ])('refuses %s and says why', (_, bytes, message) => {
    expect(decodeWav(bytes)).toEqual({ ok: false, error: expect.stringMatching(message) });
  });

  it('never throws on a file with some bytes changed', () => {
    const bytes = riff(chunk('LIST', new Uint8Array(5)), extensible(1, 2, 24), chunk('data', new Uint8Array(600)));
    const edit = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 5 }), fc.nat(bytes.length), (edits, length) => {
        const changed = bytes.slice(0, length);
        for (const { at, value } of edits) changed[at] = value;
        const decoded = decodeWav(changed);
        if (decoded.ok) expect(decoded.value.samples.length).toBeLessThanOrEqual(600);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('wavHeader', () => {
  it('is read back as what it was made for', () => {
    for (const channels of [1, 2] as const) {
      const header = wavHeader({ sampleRate: 16_000, channels, dataBytes: 8 });
      expect(header).toHaveLength(44);
      const file = new Uint8Array(52);
      file.set(header);
      const expected = { format: 'pcm', sampleRate: 16_000, channels, bitsPerSample: 16 };
      expect(readWav(file)).toMatchObject({ ok: true, value: expected });
    }
  });

  it('says "open" past 4 GB', () => {
    const view = new DataView(wavHeader({ sampleRate: 8000, channels: 2, dataBytes: 2 ** 33 }).buffer);
    expect([view.getUint32(4, true), view.getUint32(40, true)]).toEqual([0xffff_ffff, 0xffff_ffff]);
  });
});

describe('decodePcm', () => {
  it('reads little-endian samples, mixes two channels, leaves out a rest', () => {
    const bytes = Uint8Array.of(1, 0, 0xff, 0xff, 4, 0, 9);
    expect([...decodePcm(bytes, { sampleRate: 8000, channels: 1 }).samples]).toEqual([1, -1, 4]);
    expect([...decodePcm(bytes, { sampleRate: 8000, channels: 2 }).samples]).toEqual([0]);
  });
});

function open(bytes: Uint8Array): Uint8Array {
  return bytes.with(4, 0).with(5, 0).with(6, 0).with(7, 0);
}
