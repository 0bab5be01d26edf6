/**
 * One seed of the fuzz of WAV: files of every kind that there is, with bytes, lengths and chunks turned, to the reader, to
 * the decoder of prompts, and to that of streams, which gets them in pieces. Both decoders say the same of a file.
 */
import { readWav } from '../../media/audio/index.ts';
import { codecFor } from '../../media/codec/index.ts';
import { streamDecoder } from '../../media/handle/stream-decoder.ts';
import { decodePrompt, encodePrompt } from '../../media/prompt/decode-prompt.ts';
import { TandemError } from '../../src/base/errors.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { chunk, extensible, type Fmt, fmt, riff } from '../media/audio/wav-bytes.ts';
import { pcmu } from '../media/support/phone.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';

export interface WavFuzzReport {
  readonly messages: number;
  /** Files that have audio in them. */
  readonly decoded: number;
}

const formats = [
  [1, 8],
  [1, 16],
  [1, 24],
  [1, 32],
  [3, 32],
  [3, 64],
  [6, 8],
  [7, 8],
] as const;
const rates = [8000, 8000, 11_025, 16_000, 22_050, 44_100, 48_000, 1000, 384_000];
const names = ['data', 'fmt ', 'LIST', 'fact', 'JUNK', 'bext', 'RIFF', 'WAVE', '\0\0\0\0'];
const hostileBytes = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];
const hostileNumbers = [0, 1, 7, 15, 16, 17, 18, 40, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_fffe, 0xffff_ffff];
const codec = codecFor(pcmu)!;

function original(random: Random): Uint8Array {
  const [tag, bits] = pick(random, formats);
  const channels = between(random, 1, 2);
  const format: Fmt = { tag, channels, sampleRate: pick(random, rates), bits };
  const audio = random.bytes(between(random, 0, 400));
  const header = chance(random, 0.2) ? extensible(tag, channels, bits) : fmt(format);
  const beside = (): Uint8Array[] =>
    chance(random, 0.3) ? [chunk(pick(random, names), random.bytes(between(random, 0, 60)))] : [];
  return riff(...beside(), header, ...beside(), chunk('data', audio), ...beside());
}

function spoil(bytes: Uint8Array, random: Random): Uint8Array {
  let spoilt = Uint8Array.from(bytes);
  do {
    const at = between(random, 0, Math.max(0, spoilt.length - 1));
    // Most of what a header says is in its first hundred bytes.
    const early = between(random, 0, Math.max(0, Math.min(100, spoilt.length - 4)));
    switch (between(random, 0, 7)) {
      case 0:
        spoilt = spoilt.slice(0, at);
        break;
      case 1:
        spoilt = Uint8Array.from([
          ...spoilt.subarray(0, at),
          ...random.bytes(between(random, 1, 9)),
          ...spoilt.subarray(at),
        ]);
        break;
      case 2: // a chunk once more, or a part of it
        spoilt = Uint8Array.from([...spoilt.subarray(0, at), ...spoilt.subarray(early)]);
        break;
      case 3: // a length, a rate
        if (spoilt.length >= 4) new DataView(spoilt.buffer).setUint32(early & ~1, pick(random, hostileNumbers), true);
        break;
      case 4: // the name of a chunk
        spoilt.set(Buffer.from(pick(random, names), 'latin1').subarray(0, spoilt.length - early), early & ~1);
        break;
      case 5:
        spoilt[early] = between(random, 0, 255);
        break;
      case 6:
        spoilt[early] = pick(random, hostileBytes);
        break;
      default:
        spoilt[at] = pick(random, hostileBytes);
    }
  } while (chance(random, 0.4));
  return spoilt;
}

/** The samples of a file that comes in pieces, or what is wrong with it. */
function decodeStream(bytes: Uint8Array, codecRate: number, random: Random): Uint8Array | string {
  try {
    const decoder = streamDecoder('audio/wav', { sampleRate: 8000, channels: 1, codecRate });
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const to = at + between(random, 1, chance(random, 0.5) ? 20 : 1000);
      parts.push(Uint8Array.from(decoder.push(bytes.slice(at, to))));
      at = to;
    }
    parts.push(decoder.end());
    return Buffer.concat(parts);
  } catch (error) {
    if (error instanceof TandemError && error.code === 'ERR_AUDIO_FORMAT') return error.message;
    throw error;
  }
}

function check(bytes: Uint8Array, random: Random): boolean {
  const read = readWav(bytes);
  const prompt = decodePrompt(bytes, 'audio/wav');
  if (read.ok !== prompt.ok) throw new Error('the reader and the decoder do not agree');
  if (!read.ok || !prompt.ok) {
    if (typeof decodeStream(bytes, 8000, random) !== 'string') throw new Error('no file, but a stream');
    return false;
  }
  const { data, channels, bitsPerSample } = read.value;
  const frames = data.length / ((channels * bitsPerSample) / 8);
  if (data.byteOffset < bytes.byteOffset || data.byteOffset + data.length > bytes.byteOffset + bytes.length)
    throw new Error('the audio is not in the file');
  const { sampleRate, samples, length } = prompt.value;
  if (length !== frames || !Number.isInteger(frames)) throw new Error(`${length} samples of ${frames}`);
  const streamed = decodeStream(bytes, sampleRate, random);
  if (typeof streamed === 'string') throw new Error(`a file, but no stream: ${streamed}`);
  if (Buffer.compare(streamed, Buffer.from(samples, 0, 2 * length)) !== 0)
    throw new Error('the stream is another one than the file');
  if (chance(random, 0.1)) {
    const payload = encodePrompt(prompt.value, codec);
    if (payload.byteLength !== Math.ceil((length * codec.sampleRate) / sampleRate))
      throw new Error(`${payload.byteLength} bytes of ${length} samples at ${sampleRate} Hz`);
    decodeStream(bytes, codec.sampleRate, random);
  }
  return true;
}

/** @throws FuzzFinding */
export async function fuzzWav(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<WavFuzzReport> {
  const random = seededRandom(seed, 'wav');
  let decoded = 0;
  for (let message = 0; message < messages; message++) {
    const whole = original(random);
    const input = chance(random, 0.9) ? spoil(whole, random) : whole;
    try {
      watch(() => {
        if (check(input, random)) decoded++;
      });
    } catch (error) {
      throw new FuzzFinding(seed, message, input, error);
    }
  }
  return { messages, decoded };
}
