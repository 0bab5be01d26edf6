/** Audio that comes in chunks of any size: raw payload, PCM or WAV, to what a ring takes. */
import { TandemError } from '../../src/base/errors.ts';
import { type CompressedType, decodePcm, decodeUlaw, decodeWav, Resampler, readWav } from '../audio/index.ts';
import type { AudioType } from './types.ts';

/** A WAV header with more before its data than this is not one we wait for. */
const longestHeader = 64 * 1024;

export interface StreamDecoder {
  /** @returns bytes for the ring. @throws {TandemError} ERR_AUDIO_FORMAT */
  push(chunk: Uint8Array): Uint8Array;
  /** What is left at the end of the stream. @throws {TandemError} ERR_AUDIO_FORMAT */
  end(): Uint8Array;
}

export interface StreamFormat {
  /** Of `audio/pcm` and `audio/basic`. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per second to come out. */
  readonly codecRate: number;
}

export function streamDecoder(type: Exclude<AudioType, CompressedType>, format: StreamFormat): StreamDecoder {
  if (type === '') return { push: (chunk) => chunk, end: () => new Uint8Array(0) };
  if (type === 'audio/wav') return new WavStream(format.codecRate);
  const { sampleRate, channels } = format;
  const [bytesPerSample, decode] = type === 'audio/basic' ? ([1, decodeUlaw] as const) : ([2, decodePcm] as const);
  if (!Number.isInteger(sampleRate) || sampleRate < 1000 || sampleRate > 384_000)
    throw formatError(`a sample rate of ${sampleRate} Hz is not supported`);
  if (channels !== 1 && channels !== 2) throw formatError(`${channels} channels are not supported, only 1 and 2`);
  return new BlockStream(
    bytesPerSample * channels,
    sampleRate,
    format.codecRate,
    (block) => decode(block, { sampleRate, channels }).samples,
  );
}

/** Cuts chunks into whole blocks, decodes them and brings them to the codec's rate. */
class BlockStream implements StreamDecoder {
  readonly #blockBytes: number;
  readonly #decode: (blocks: Uint8Array) => Int16Array;
  readonly #resampler: Resampler | undefined;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(blockBytes: number, from: number, to: number, decode: (blocks: Uint8Array) => Int16Array) {
    this.#blockBytes = blockBytes;
    this.#decode = decode;
    if (from === to) return;
    this.#resampler = new Resampler(from, to);
    this.#resampler.skip(this.#resampler.delay);
  }

  push(chunk: Uint8Array): Uint8Array {
    const all = this.#rest.length === 0 ? chunk : concat(this.#rest, chunk);
    const whole = all.length - (all.length % this.#blockBytes);
    this.#rest = all.slice(whole);
    return whole === 0 ? new Uint8Array(0) : this.#convert(this.#decode(all.subarray(0, whole)));
  }

  end(): Uint8Array {
    return this.#resampler ? this.#convert(new Int16Array(this.#resampler.delay)) : new Uint8Array(0);
  }

  #convert(samples: Int16Array): Uint8Array {
    if (!this.#resampler) return bytesOf(samples);
    const out = new Int16Array(this.#resampler.outputLength(samples.length));
    return bytesOf(out.subarray(0, this.#resampler.process(samples, out)));
  }
}

class WavStream implements StreamDecoder {
  readonly #codecRate: number;
  #head: Uint8Array = new Uint8Array(0);
  #blocks: BlockStream | undefined;
  /** Bytes of the data chunk still to come; what follows it is no audio. */
  #left = 0;

  constructor(codecRate: number) {
    this.#codecRate = codecRate;
  }

  push(chunk: Uint8Array): Uint8Array {
    if (this.#blocks) return this.#data(this.#blocks, chunk);
    this.#head = concat(this.#head, chunk);
    const head = this.#head;
    const wav = readWav(head);
    if (!wav.ok) {
      if (head.length > longestHeader || (head.length >= 12 && !startsLikeWav(head))) throw formatError(wav.error);
      return new Uint8Array(0);
    }
    const start = wav.value.data.byteOffset - head.byteOffset;
    const declared = new DataView(head.buffer, head.byteOffset).getUint32(start - 4, true);
    const riff = new DataView(head.buffer, head.byteOffset).getUint32(4, true);
    const open = declared === 0xffffffff || (declared === 0 && (riff === 0 || riff === 0xffffffff));
    this.#left = open ? Number.POSITIVE_INFINITY : declared;
    const { channels, bitsPerSample, sampleRate } = wav.value;
    // Each block is decoded as a file of its own: this header, its lengths left open, and the block.
    const header = head.slice(0, start);
    new DataView(header.buffer).setUint32(start - 4, 0xffffffff, true);
    new DataView(header.buffer).setUint32(4, 0xffffffff, true);
    const frame = (channels * bitsPerSample) / 8;
    const blocks = new BlockStream(frame, sampleRate, this.#codecRate, (block) => {
      const audio = decodeWav(concat(header, block));
      if (!audio.ok) throw formatError(audio.error);
      return audio.value.samples;
    });
    this.#blocks = blocks;
    this.#head = new Uint8Array(0);
    return this.#data(blocks, head.subarray(start));
  }

  #data(blocks: BlockStream, chunk: Uint8Array): Uint8Array {
    const audio = chunk.subarray(0, Math.min(chunk.length, this.#left));
    this.#left -= audio.length;
    return audio.length === 0 ? new Uint8Array(0) : blocks.push(audio);
  }

  end(): Uint8Array {
    if (this.#blocks) return this.#blocks.end();
    const wav = readWav(this.#head);
    throw formatError(wav.ok ? 'it has no audio' : wav.error);
  }
}

function startsLikeWav(head: Uint8Array): boolean {
  const text = String.fromCharCode(...head.subarray(0, 12));
  return text.startsWith('RIFF') && text.endsWith('WAVE');
}

function formatError(reason: string): TandemError {
  return new TandemError('ERR_AUDIO_FORMAT', `cannot play the stream: ${reason}`, { facts: { reason } });
}

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
