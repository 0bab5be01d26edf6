/** Compressed audio that comes in chunks of any size, to what a ring takes. */
import { TandemError } from '../../src/base/errors.ts';
import { type CompressedType, openDecoder, Resampler } from '../audio/index.ts';

/** Bytes that are shown to the decoder at once: what it makes of them before it is asked for samples is little. */
const pieceBytes = 4096;

export interface CompressedStream {
  /** Bytes for the ring, in pieces that are decoded as they are asked for. @throws {TandemError} ERR_AUDIO_FORMAT */
  push(chunk: Uint8Array): Iterable<Uint8Array>;
  /** What is left at the end of the stream. @throws {TandemError} ERR_AUDIO_FORMAT */
  end(): Iterable<Uint8Array>;
  close(): void;
}

/** @throws {TandemError} ERR_AUDIO_FORMAT */
export async function compressedStream(type: CompressedType, codecRate: number): Promise<CompressedStream> {
  const opened = await openDecoder(type, codecRate);
  if (!opened.ok) throw formatError(opened.error);
  const decoder = opened.value;
  let resampler: Resampler | undefined;

  function convert(samples: Int16Array): Uint8Array {
    if (decoder.sampleRate === codecRate) return bytesOf(samples);
    if (!resampler) {
      resampler = new Resampler(decoder.sampleRate, codecRate);
      resampler.skip(resampler.delay);
    }
    const out = new Int16Array(resampler.outputLength(samples.length));
    return bytesOf(out.subarray(0, resampler.process(samples, out)));
  }

  function* converted(audio: Iterable<Int16Array>): Generator<Uint8Array, void, void> {
    for (const samples of audio) yield convert(samples);
    if (decoder.failure) throw formatError(decoder.failure);
  }

  return {
    *push(chunk) {
      for (let at = 0; at < chunk.length; at += pieceBytes)
        yield* converted(decoder.push(chunk.subarray(at, at + pieceBytes)));
    },
    *end() {
      yield* converted(decoder.end());
      if (resampler) yield convert(new Int16Array(resampler.delay));
    },
    close: () => decoder.close(),
  };
}

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

function formatError(reason: string): TandemError {
  return new TandemError('ERR_AUDIO_FORMAT', `cannot play the stream: ${reason}`, { facts: { reason } });
}
