/** Audio that is compressed, from bytes as they come to 16-bit mono. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import type { Allocate, MonoAudio } from './wav-decode.ts';

export interface CompressedDecoder {
  /** Hz of the samples; 0 before the first of them. */
  readonly sampleRate: number;
  /** What is wrong with the bytes: nothing comes any more. */
  readonly failure: string | undefined;
  /** Samples in short pieces, decoded as they are asked for; each is valid until the next. Never throws on bad bytes. */
  push(chunk: Uint8Array): Iterable<Int16Array>;
  /** What is left at the end of the bytes. */
  end(): Iterable<Int16Array>;
  close(): void;
}

/** Bytes that are shown to the decoder at once: what it holds besides is small. */
const pieceBytes = 64 * 1024;
const blockSamples = 64 * 1024;

/**
 * All of it at once.
 * @param mostBytes of samples; a few bytes of a forged file may say that they are hours
 * @returns the audio, or what is wrong with it
 */
export function decodeWhole(
  bytes: Uint8Array,
  decoder: CompressedDecoder,
  mostBytes: number,
  allocate: Allocate,
): Result<MonoAudio> {
  const blocks: Int16Array[] = [];
  let length = 0;
  const take = (audio: Iterable<Int16Array>): boolean => {
    for (const samples of audio) {
      if (2 * (length + samples.length) > mostBytes) return false;
      for (let at = 0; at < samples.length; ) {
        const filled = length % blockSamples;
        if (filled === 0) blocks.push(new Int16Array(blockSamples));
        const part = samples.subarray(at, at + blockSamples - filled);
        blocks.at(-1)!.set(part, filled);
        at += part.length;
        length += part.length;
      }
    }
    return true;
  };
  for (let at = 0; at < bytes.length && !decoder.failure; at += pieceBytes)
    if (!take(decoder.push(bytes.subarray(at, at + pieceBytes)))) return fail(tooLong(mostBytes));
  if (!decoder.failure && !take(decoder.end())) return fail(tooLong(mostBytes));
  if (decoder.failure) return fail(decoder.failure);
  const samples = allocate(length);
  blocks.forEach((block, i) => {
    samples.set(block.subarray(0, length - i * blockSamples), i * blockSamples);
  });
  return ok({ sampleRate: decoder.sampleRate, samples });
}

function tooLong(mostBytes: number): string {
  return `decoded it is larger than ${Math.floor(mostBytes / 1024 / 1024)} MB: play it as a stream`;
}
