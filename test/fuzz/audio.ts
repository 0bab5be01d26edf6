/**
 * One seed of the fuzz of audio files: Ogg-Opus of our own making, MP3 and WAV, with bytes turned, cut, put in and
 * repeated; of Ogg also with pages whose checksum is right for what was made of them.
 */
import { readFileSync } from 'node:fs';
import { type CompressedDecoder, decodeWav } from '../../media/audio/index.ts';
import { Mp3Decoder } from '../../media/audio/mp3-decoder.ts';
import { Mpg123 } from '../../media/audio/mpg123.ts';
import { oggPage } from '../../media/audio/ogg.ts';
import { OggOpusDecoder } from '../../media/audio/ogg-opus-decoder.ts';
import { writeOpusHead, writeOpusTags } from '../../media/audio/opus-head.ts';
import { loadOpus } from '../../media/codec/index.ts';
import { type OpusLibrary, opusLibrary } from '../../media/codec/opus-library.ts';
import { OpusRecorder, opusLookahead } from '../../media/codec/opus-recorder.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import type { Watch } from './parsers.ts';

export interface AudioFuzzReport {
  readonly messages: number;
  /** Files that gave audio, and files that were refused. */
  readonly played: number;
  readonly refused: number;
}

const file = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, import.meta.url)));
const mp3s = ['vbr-8000.mp3', 'stereo-44100.mp3'].map((name) => file(`../media/audio/files/${name}`));
const wav = file('../../prompts/beep.wav').slice(0, 6000);

/** A hum of 400 ms. */
function opusPackets(library: OpusLibrary): Uint8Array[] {
  const recorder = new OpusRecorder(library, 8000, 1);
  const hum = Int16Array.from({ length: 3200 }, (_, i) => Math.round(8000 * Math.sin(i / 3)));
  const { bytes, lengths } = recorder.encode(hum);
  recorder.close();
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return bytes.slice(at - length, at);
  });
}

/** A file whose pages are whole, whatever is in them. */
function oggOf(packets: readonly Uint8Array[], random: Random): Uint8Array[] {
  const head = writeOpusHead({ channels: pick(random, [1, 2]), preSkip: opusLookahead, inputRate: 8000 });
  const wrong = (bytes: Uint8Array): Uint8Array => (chance(random, 0.1) ? turned(bytes, random) : bytes);
  const pages = [
    oggPage({ serial: 1, sequence: 0, granule: 0, first: true }, [wrong(head)]),
    oggPage({ serial: 1, sequence: 1, granule: 0 }, [wrong(writeOpusTags('x'.repeat(between(random, 0, 2000))))]),
  ];
  for (let at = 0, sequence = 2; at < packets.length; sequence++) {
    const next = at + between(random, 1, 10);
    const granule = chance(random, 0.8) ? 960 * next : random.uint32() * pick(random, [1, 2 ** 20]);
    const some = packets.slice(at, next).map(wrong);
    const options = { serial: 1, sequence, granule, first: chance(random, 0.02), last: next >= packets.length };
    pages.push(oggPage(options, some));
    at = next;
  }
  return pages;
}

function turned(bytes: Uint8Array, random: Random): Uint8Array {
  const spoilt = bytes.slice();
  for (let left = between(random, 1, 20); left > 0 && spoilt.length > 0; left--)
    spoilt[between(random, 0, spoilt.length - 1)] = chance(random, 0.3) ? 0xff : between(random, 0, 255);
  return spoilt;
}

function mutant(bytes: Uint8Array, random: Random): Uint8Array {
  const at = between(random, 0, bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (between(random, 0, 4)) {
    case 0:
      return turned(bytes, random);
    case 1:
      return before;
    case 2:
      return Buffer.concat([before, after.subarray(between(random, 0, 500))]);
    case 3:
      return Buffer.concat([before, random.bytes(between(random, 1, 500)), after]);
    default:
      return Buffer.concat([bytes, after, before]);
  }
}

/** A step is what one piece takes. @returns samples that came out */
function decode(decoder: CompressedDecoder, chunks: readonly Uint8Array[], watch: Watch): number[] {
  const samples: number[] = [];
  const take = (audio: Iterable<Int16Array>): void => {
    const pieces = audio[Symbol.iterator]();
    for (let more = true; more; )
      watch(() => {
        const { value, done } = pieces.next() as IteratorResult<Int16Array, undefined>;
        more = !done;
        if (value) for (const sample of value) samples.push(sample);
      });
  };
  for (const chunk of chunks) take(decoder.push(chunk));
  take(decoder.end());
  if (decoder.failure === '') throw new Error('a failure that says nothing');
  return samples;
}

function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = at + between(random, 1, 800);
    chunks.push(bytes.subarray(at, next));
    at = next;
  }
  return chunks;
}

/** @throws FuzzFinding */
export async function fuzzAudio(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<AudioFuzzReport> {
  await loadOpus();
  const library = opusLibrary();
  if (!library) throw new Error('libopus is not there');
  const random = seededRandom(seed, 'audio');
  const packets = opusPackets(library);
  const [report, input] = [{ played: 0, refused: 0 }, { bytes: new Uint8Array(0) as Uint8Array }];
  let message = 0;
  try {
    for (; message < messages; message++) {
      const kind = pick(random, ['ogg', 'ogg', 'mp3', 'wav']);
      const whole = kind === 'ogg' ? Buffer.concat(oggOf(packets, random)) : kind === 'mp3' ? pick(random, mp3s) : wav;
      const bytes = chance(random, 0.8) ? mutant(whole, random) : whole;
      input.bytes = bytes;
      if (kind === 'wav') {
        watch(() => report[decodeWav(bytes).ok ? 'played' : 'refused']++);
        continue;
      }
      const open = async (): Promise<CompressedDecoder> => {
        if (kind === 'ogg') return new OggOpusDecoder(library);
        const mpg123 = await Mpg123.open();
        if (!mpg123) throw new Error('mpg123 is not there');
        return new Mp3Decoder(mpg123);
      };
      const [inOne, inParts] = [await open(), await open()];
      const samples = decode(inOne, [bytes], watch);
      const again = decode(inParts, cut(bytes, random), watch);
      if (inOne.failure !== inParts.failure) throw new Error(`${inOne.failure} or ${inParts.failure}, as it is cut`);
      if (samples.length !== again.length || samples.some((sample, i) => sample !== again[i]))
        throw new Error('what comes out depends on how the bytes came');
      // 120 ms of 48 kHz for each two bytes at most.
      if (samples.length > 3000 * bytes.length) throw new Error('more came out than can be in it');
      report[inOne.failure === undefined ? 'played' : 'refused']++;
      inOne.close();
      inParts.close();
    }
  } catch (error) {
    throw new FuzzFinding(seed, message, input.bytes, error);
  }
  return { messages: message, ...report };
}
