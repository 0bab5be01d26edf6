/** From the codec an SDP exchange settled to the code that handles its payloads. */
import { encodingOf, isOpus } from '../sdp/codecs.ts';
import type { Codec } from '../sdp/types.ts';
import type { AudioCodec } from './codec.ts';
import { pcma, pcmu } from './g711.ts';
import { g722 } from './g722.ts';
import { l16 } from './l16.ts';
import { type OpusCoderOptions, opus, opusKey, opusRates } from './opus.ts';
import { opusSettings } from './opus-fmtp.ts';
import { opusLibrary } from './opus-library.ts';

/** What a coder has to know of a codec. */
export type CodecFormat = Pick<Codec, 'name' | 'clockRate' | 'channels'> & { readonly fmtp?: string | undefined };

/**
 * A fresh coder. @returns undefined for a codec that has none here: its payloads can only be passed on
 * @param options only Opus has a choice
 */
export function codecFor(format: CodecFormat, options: OpusCoderOptions = {}): AudioCodec | undefined {
  const { name, clockRate, channels, fmtp } = format;
  switch (name.toUpperCase()) {
    case 'PCMU':
      return channels === 1 ? pcmu(clockRate) : undefined;
    case 'PCMA':
      return channels === 1 ? pcma(clockRate) : undefined;
    case 'G722':
      return channels === 1 && clockRate === 8000 ? g722() : undefined;
    case 'L16':
      return channels === 1 || channels === 2 ? l16(clockRate, channels) : undefined;
    case 'OPUS': {
      const library = opusLibrary();
      return library && clockRate === 48_000 ? opus(library, opusSettings(fmtp), options) : undefined;
    }
    default:
      return undefined;
  }
}

/** The `key` of the codec's coder, also where there is none. */
export function payloadKey(codec: CodecFormat): string {
  return isOpus(codec) ? opusKey(opusSettings(codec.fmtp)) : encodingOf(codec);
}

/** Samples per second of the audio in a codec's payloads. */
export function sampleRateOf({ name, clockRate }: Pick<Codec, 'name' | 'clockRate'>): number {
  return name.toUpperCase() === 'G722' ? 2 * clockRate : clockRate;
}

/** The rate at which a codec is best coded where the other side of a conversion has `rate`. */
export function coderRate(codec: Pick<Codec, 'name' | 'clockRate'>, rate: number): number {
  return isOpus(codec) && opusRates.includes(rate) ? rate : sampleRateOf(codec);
}

/** The rate of a file with Opus in it: that of the audio, or the next that Opus has. */
export function opusRateFor(rate: number): number {
  return opusRates.find((each) => each >= rate) ?? sampleRateOf({ name: 'OPUS', clockRate: 48_000 });
}
