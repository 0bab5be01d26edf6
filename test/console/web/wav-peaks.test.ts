import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WavPeaks } from '../../../src/console/web/console/wav-peaks.ts';
import { fakeRecording } from '../fake-calls.ts';

interface Header {
  readonly code?: number;
  readonly bits?: number;
  readonly channels?: number;
  readonly before?: Uint8Array;
}

function wav(
  data: Uint8Array,
  { code = 1, bits = 16, channels = 1, before = new Uint8Array() }: Header = {},
): Uint8Array {
  const file = Buffer.alloc(36 + before.length + 8 + data.length);
  file.write('RIFF', 0);
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(code, 20);
  file.writeUInt16LE(channels, 22);
  file.writeUInt32LE(8_000, 24);
  file.writeUInt16LE(bits, 34);
  file.set(before, 36);
  file.write('data', 36 + before.length);
  file.writeUInt32LE(data.length, 40 + before.length);
  file.set(data, 44 + before.length);
  return file;
}

const samples = (...values: number[]): Uint8Array => new Uint8Array(Int16Array.from(values).buffer);

describe('peaks of a WAV file', () => {
  it('are the loudest of each part, for each channel', () => {
    const peaks = new WavPeaks(2);
    peaks.write(wav(samples(100, -16_384, 200, 0, 8_192, 0, -1, 4_096), { channels: 2 }));
    expect(peaks.durationMs).toBeCloseTo(0.5);
    expect(peaks.peaks.map((channel) => [...channel].map((value) => Math.round(value * 32_768)))).toEqual([
      [200, 8_192],
      [16_384, 4_096],
    ]);
  });

  it('are the same however the file comes in', () => {
    const file = fakeRecording(1, 3);
    const whole = new WavPeaks(50);
    whole.write(file);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 40 }), (cuts) => {
        const peaks = new WavPeaks(50);
        let at = 0;
        for (let i = 0; at < file.length; i += 1) {
          const size = cuts[i % cuts.length] as number;
          peaks.write(file.subarray(at, at + size));
          at += size;
        }
        expect(peaks.peaks).toEqual(whole.peaks);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['8 bits', { code: 1, bits: 8 }, [255], 127 / 128],
    ['24 bits', { code: 1, bits: 24 }, [0, 0, 0x80], 1],
    ['float', { code: 3, bits: 32 }, [0, 0, 0, 0xbf], 0.5],
    ['µ-law', { code: 7, bits: 8 }, [0x00], 32_124 / 32_768],
    ['µ-law silence', { code: 7, bits: 8 }, [0xff], 0],
    ['A-law', { code: 6, bits: 8 }, [0x2a], 32_256 / 32_768],
  ])('of %s', (_name, header, data, expected) => {
    const peaks = new WavPeaks(1);
    peaks.write(wav(Uint8Array.from(data), header));
    expect(peaks.failed).toBeUndefined();
    expect(peaks.peaks[0]?.[0]).toBeCloseTo(expected, 2);
  });

  it('are found behind other chunks', () => {
    const list = Buffer.from('LIST\x05\0\0\0hello\0', 'latin1');
    const peaks = new WavPeaks(1);
    peaks.write(wav(samples(-32_768), { before: list }));
    expect(peaks.peaks[0]?.[0]).toBe(1);
  });

  it.each([
    ['no WAV file', Buffer.from('ID3 something else altogether')],
    ['an unknown encoding', wav(new Uint8Array(4), { code: 85 })],
    ['no channels', wav(new Uint8Array(4), { channels: 0 })],
    ['a header without end', Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE'), Buffer.alloc(70_000)])],
  ])('of %s: says why there are none', (_name, file) => {
    const peaks = new WavPeaks(10);
    peaks.write(file);
    expect(peaks.failed).toMatch(/not a WAV|cannot be drawn/);
    peaks.write(file);
    expect(peaks.peaks).toEqual([]);
  });

  it('throws at no bytes whatever', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, behind) => {
        const peaks = new WavPeaks(5);
        peaks.write(behind ? Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), bytes]) : bytes);
        peaks.write(bytes);
        for (const channel of peaks.peaks) for (const value of channel) expect(value >= 0 && value <= 1).toBe(true);
      }),
    );
  });
});
