/**
 * RIFF/WAVE files: a strict walker for what is inside, and the header of what we write.
 * Samples are decoded in `wav-decode.ts`.
 */
import { fail, ok, type Result } from '../../src/base/errors.ts';

export type WavFormat = 'pcm' | 'float' | 'alaw' | 'mulaw';

/** What the `fmt ` chunk says, checked, and the audio as it lies in the file. */
export interface WavFile {
  readonly format: WavFormat;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly bitsPerSample: number;
  /** Whole frames of `channels` samples; a view into the file's bytes. */
  readonly data: Uint8Array;
}

export const minSampleRate = 1000;
/** Above this no sound card samples; the bound keeps a forged header from asking for huge filters. */
export const maxSampleRate = 384_000;

const tags: Readonly<Record<number, WavFormat>> = { 1: 'pcm', 3: 'float', 6: 'alaw', 7: 'mulaw' };
const tagExtensible = 0xfffe;
const tagNames: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  17: 'IMA ADPCM',
  49: 'GSM 06.10',
  80: 'MPEG',
  85: 'MP3',
};
/** The last 14 bytes of a subformat GUID that stands for a format tag (ksmedia.h). */
const guidTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const depths: Readonly<Record<WavFormat, readonly number[]>> = {
  pcm: [8, 16, 24, 32],
  float: [32, 64],
  alaw: [8],
  mulaw: [8],
};
const unknownLength = 0xffff_ffff;

/**
 * Finds the audio in a WAV file. Truncated data and the lengths 0xffffffff (and 0, when the RIFF length is
 * open too) of a file that was written to a pipe mean: up to the end.
 * @returns the file, or what is wrong with it
 */
export function readWav(bytes: Uint8Array): Result<WavFile> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12) return fail('it is too short to be a WAV file');
  if (word(bytes, 0) !== 'RIFF' || word(bytes, 8) !== 'WAVE') {
    const rf64 = word(bytes, 0) === 'RF64' || word(bytes, 0) === 'RIFX';
    return fail(
      rf64 ? `WAV of the kind ${word(bytes, 0)} is not supported` : 'it is not a WAV file (no RIFF/WAVE header)',
    );
  }
  const riffLength = view.getUint32(4, true);
  const open = riffLength === 0 || riffLength === unknownLength;
  let format: Omit<WavFile, 'data'> | undefined;
  let at = 12;
  while (at + 8 <= bytes.length) {
    const id = word(bytes, at);
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 'data') {
      if (!format) return fail('the WAV file has no fmt chunk before its data');
      const end = open && length === 0 ? bytes.length : Math.min(start + length, bytes.length);
      const frame = (format.channels * format.bitsPerSample) / 8;
      return ok({ ...format, data: bytes.subarray(start, end - ((end - start) % frame)) });
    }
    if (id === 'fmt ' && !format) {
      if (length < 16 || start + length > bytes.length) return fail('the fmt chunk of the WAV file is cut short');
      const read = readFormat(new DataView(bytes.buffer, bytes.byteOffset + start, length));
      if (!read.ok) return read;
      format = read.value;
    }
    at = start + length + (length & 1); // chunks begin at even offsets
  }
  return fail(format ? 'the WAV file has no data chunk' : 'the WAV file has no fmt chunk');
}

function readFormat(fmt: DataView): Result<Omit<WavFile, 'data'>> {
  let tag = fmt.getUint16(0, true);
  const channels = fmt.getUint16(2, true);
  const sampleRate = fmt.getUint32(4, true);
  const blockAlign = fmt.getUint16(12, true);
  const bitsPerSample = fmt.getUint16(14, true);
  if (tag === tagExtensible) {
    if (fmt.byteLength < 40) return fail('the extensible fmt chunk of the WAV file is cut short');
    if (guidTail.some((byte, i) => fmt.getUint8(26 + i) !== byte)) return fail('the WAV file has an unknown subformat');
    tag = fmt.getUint16(24, true);
  }
  const format = tags[tag];
  if (!format) {
    const name = tagNames[tag] ?? `format 0x${tag.toString(16).padStart(4, '0')}`;
    return fail(`WAV with ${name} is not supported: convert it to PCM`);
  }
  if (channels !== 1 && channels !== 2)
    return fail(`the WAV file has ${channels} channels: only 1 and 2 are supported`);
  if (sampleRate < minSampleRate || sampleRate > maxSampleRate)
    return fail(
      `the WAV file has a sample rate of ${sampleRate} Hz: ${minSampleRate} to ${maxSampleRate} are supported`,
    );
  if (!depths[format].includes(bitsPerSample))
    return fail(`the WAV file has ${bitsPerSample} bits per sample: ${format} has ${depths[format].join(', ')}`);
  if (blockAlign !== (channels * bitsPerSample) / 8)
    return fail(`the fmt chunk of the WAV file contradicts itself (block size ${blockAlign})`);
  return ok({ format, sampleRate, channels, bitsPerSample });
}

function word(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

export const wavHeaderBytes = 44;

/**
 * The 44 bytes before 16-bit PCM. Lengths past 4 GB are written as 0xffffffff, which readers take as open.
 * @param dataBytes length of the audio; an odd one needs a pad byte after it
 */
export function wavHeader(options: {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly dataBytes: number;
  /** Bytes of chunks behind the audio; default none. */
  readonly moreBytes?: number;
}): Uint8Array {
  const { sampleRate, channels, dataBytes, moreBytes = 0 } = options;
  const header = new Uint8Array(wavHeaderBytes);
  const view = new DataView(header.buffer);
  const text = new TextEncoder();
  text.encodeInto('RIFF', header);
  view.setUint32(4, Math.min(36 + dataBytes + (dataBytes & 1) + moreBytes, unknownLength), true);
  text.encodeInto('WAVEfmt ', header.subarray(8));
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  text.encodeInto('data', header.subarray(36));
  view.setUint32(40, Math.min(dataBytes, unknownLength), true);
  return header;
}
