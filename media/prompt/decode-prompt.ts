/** The pure part of prompts: bytes to audio, audio to payload. Runs here or in a worker thread. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import { decodeWhole } from '../audio/compressed.ts';
import { type CompressedType, isCompressed, openDecoder } from '../audio/open-decoder.ts';
import { resample } from '../audio/resample.ts';
import { maxSampleRate, minSampleRate } from '../audio/wav.ts';
import { type Allocate, decodePcm, decodeUlaw, decodeWav, type MonoAudio } from '../audio/wav-decode.ts';
import { type AudioCodec, bytesFor, samplesIn } from '../codec/codec.ts';
import { loadOpus } from '../codec/opus-library.ts';
import { type CodecFormat, codecFor } from '../codec/registry.ts';
import { isOpus } from '../sdp/codecs.ts';
import { audioFormatError, unknownCodecError } from './errors.ts';

/** `''`: already encoded payload, sent as it is. */
export type PromptType = '' | 'audio/wav' | 'audio/pcm' | 'audio/basic' | CompressedType;

/** Bytes of samples: a few bytes of compressed audio may say that they are hours. */
const mostDecodedBytes = 256 * 1024 * 1024;

/** Only for `audio/pcm` and `audio/basic`, which cannot say it themselves. */
export interface PcmFormat {
  /** Hz; default 8000. */
  readonly sampleRate?: number;
  /** 1 or 2, default 1. */
  readonly channels?: number;
}

/** Mono 16-bit audio at the rate of its source, in shared memory. */
export interface DecodedPrompt {
  readonly sampleRate: number;
  /** Int16 samples. */
  readonly samples: SharedArrayBuffer;
  /** How many. */
  readonly length: number;
}

/** @returns the audio, or what is wrong with the bytes. Never throws on bad bytes. */
export function decodePrompt(
  bytes: Uint8Array,
  type: Exclude<PromptType, '' | CompressedType>,
  options: PcmFormat = {},
): Result<DecodedPrompt> {
  let audio: ReturnType<typeof decodeWav>;
  if (type === 'audio/wav') {
    audio = decodeWav(bytes, allocate);
  } else {
    const { sampleRate = 8000, channels = 1 } = options;
    if (!Number.isInteger(sampleRate) || sampleRate < minSampleRate || sampleRate > maxSampleRate)
      return fail(`a sample rate of ${sampleRate} Hz is not supported: ${minSampleRate} to ${maxSampleRate} are`);
    if (channels !== 1 && channels !== 2)
      return fail(`${type} with ${channels} channels is not supported, only 1 and 2`);
    const decode = type === 'audio/basic' ? decodeUlaw : decodePcm;
    audio = ok(decode(bytes, { sampleRate, channels }, allocate));
  }
  return audio.ok ? ok(shared(audio.value)) : audio;
}

async function decodeCompressed(bytes: Uint8Array, type: CompressedType): Promise<Result<DecodedPrompt>> {
  const opened = await openDecoder(type);
  if (!opened.ok) return opened;
  const decoder = opened.value;
  try {
    const audio = decodeWhole(bytes, decoder, mostDecodedBytes, allocate);
    return audio.ok ? ok(shared(audio.value)) : audio;
  } finally {
    decoder.close();
  }
}

function shared({ samples, sampleRate }: MonoAudio): DecodedPrompt {
  return { sampleRate, samples: samples.buffer as SharedArrayBuffer, length: samples.length };
}

const allocate: Allocate = (samples) => new Int16Array(new SharedArrayBuffer(2 * samples));

/** Resamples to the codec's clock and encodes. @returns the payload in shared memory, all of it used */
export function encodePrompt(prompt: DecodedPrompt, codec: AudioCodec): SharedArrayBuffer {
  const pcm = resample(new Int16Array(prompt.samples, 0, prompt.length), prompt.sampleRate, codec.sampleRate);
  const payload = new SharedArrayBuffer(bytesFor(codec, pcm.length));
  const blocks = new Int16Array(samplesIn(codec, payload.byteLength)); // the last may end in silence
  blocks.set(pcm);
  codec.encode(blocks, new Uint8Array(payload));
  return payload;
}

/** Work that takes long enough to disturb a thread that has packets or calls to serve. */
export interface PromptCoder {
  /** Rejects with ERR_AUDIO_FORMAT when the bytes are not audio. */
  decode(job: DecodeJob): Promise<DecodedPrompt>;
  encode(job: EncodeJob): Promise<SharedArrayBuffer>;
  close(): Promise<void>;
}

export interface DecodeJob {
  /** What errors call the source: a path, a URL. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly type: Exclude<PromptType, ''>;
  readonly options: PcmFormat;
}

export interface EncodeJob {
  readonly prompt: DecodedPrompt;
  readonly codec: CodecFormat;
}

/** @throws TandemError ERR_AUDIO_FORMAT */
export async function runDecode({ name, bytes, type, options }: DecodeJob): Promise<DecodedPrompt> {
  const decoded = isCompressed(type) ? await decodeCompressed(bytes, type) : decodePrompt(bytes, type, options);
  if (!decoded.ok) throw audioFormatError(name, decoded.error);
  return decoded.value;
}

/** @throws TandemError ERR_AUDIO_FORMAT */
export async function runEncode(job: EncodeJob): Promise<SharedArrayBuffer> {
  if (isOpus(job.codec)) await loadOpus();
  const codec = codecFor(job.codec);
  if (!codec) throw unknownCodecError(job.codec);
  try {
    return encodePrompt(job.prompt, codec);
  } finally {
    codec.close?.();
  }
}
