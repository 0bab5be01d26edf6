/** Decoders of compressed audio, loaded when they are first asked for. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import { opusRates } from '../codec/opus.ts';
import { loadOpus, opusLibrary } from '../codec/opus-library.ts';
import type { CompressedDecoder } from './compressed.ts';
import { Mp3Decoder } from './mp3-decoder.ts';
import { Mpg123 } from './mpg123.ts';
import { OggOpusDecoder } from './ogg-opus-decoder.ts';

/** `audio/ogg` is Ogg with Opus in it, `audio/mpeg` is MP3. */
export type CompressedType = 'audio/ogg' | 'audio/mpeg';

export function isCompressed(type: string): type is CompressedType {
  return type === 'audio/ogg' || type === 'audio/mpeg';
}

/**
 * @param rate Hz that the samples will be needed at; whether they come in it is the decoder's to say
 * @returns why there is none: its package was left out
 */
export async function openDecoder(type: CompressedType, rate?: number): Promise<Result<CompressedDecoder>> {
  if (type === 'audio/mpeg') {
    const mpg123 = await Mpg123.open();
    return mpg123 ? ok(new Mp3Decoder(mpg123)) : fail('MP3 takes the package mpg123-decoder, which is not installed');
  }
  await loadOpus();
  const library = opusLibrary();
  if (!library) return fail('Ogg takes the package libopus-wasm, which is not installed');
  return ok(new OggOpusDecoder(library, rate !== undefined && opusRates.includes(rate) ? rate : undefined));
}
