/**
 * Audio codecs that work on RTP payloads, packet by packet. PCM is 16-bit and mono on our side, whatever the payload
 * has. One object is one coder: of one stream, in one direction or in both, with the state of what went before.
 */
import type { Codec } from '../sdp/types.ts';

export interface AudioCodec {
  /** Payload that is encoded under one key can be sent under it: `PCMU/8000`. */
  readonly key: string;
  /** As in `a=rtpmap`, upper-case. */
  readonly name: string;
  /** Ticks of the RTP clock per second. */
  readonly clockRate: number;
  /** Samples per second of the PCM: for G.722 twice the clock (RFC 3551 §4.5.2). */
  readonly sampleRate: number;
  /** Of the payload. */
  readonly channels: number;
  /** Payload bytes per tick of what is played: for Opus a fraction. */
  readonly bytesPerTick: number;
  /** Payloads of one length may play for different times. */
  readonly variable?: boolean;
  /** Payload is made of such blocks, and is cut between them only. */
  readonly blockBytes: number;
  /** How long the audio in the payload at `offset` is, in ticks; 0 for what is none. */
  ticks(buffer: Uint8Array, offset: number, length: number): number;
  /** Writes payload that is silence, whole blocks. */
  silence(out: Uint8Array): void;
  /** Decodes as many whole samples as payload and `out` hold. @returns the number of samples written. */
  decode(payload: Uint8Array, out: Int16Array): number;
  /** Encodes as many samples as `pcm` and `out` hold. @returns the number of bytes written. */
  encode(pcm: Int16Array, out: Uint8Array): number;
  /**
   * Makes up the audio of a packet that was lost: `out.length` samples, 2.5 to 120 ms.
   * @param next the payload behind it, when it came: it may hold what was lost. It is still to be decoded.
   * @returns the number of samples written
   */
  conceal?(out: Int16Array, next?: Uint8Array): number;
  /** Of what is encoded so much is lost on its way, %: some codecs send it twice. */
  expectLoss?(percent: number): void;
  /** Lets go of what it holds outside of the heap. Idempotent; a coder that is used again begins anew. */
  close?(): void;
}

/** Payload bytes of `ptime` milliseconds of audio. */
export function frameBytes(codec: AudioCodec, ptime: number): number {
  return frameTicks(codec, ptime) * codec.bytesPerTick;
}

/** RTP timestamp step of `ptime` milliseconds. */
export function frameTicks(codec: Pick<Codec, 'clockRate'>, ptime: number): number {
  return Math.floor((codec.clockRate * ptime) / 1000);
}

/** Samples of the PCM that `bytes` of payload hold. */
export function samplesIn({ sampleRate, clockRate, bytesPerTick }: AudioCodec, bytes: number): number {
  return Math.round((bytes * sampleRate) / (bytesPerTick * clockRate));
}

/** Bytes of the whole blocks that hold so many samples. */
export function bytesFor({ sampleRate, clockRate, bytesPerTick, blockBytes }: AudioCodec, samples: number): number {
  return Math.ceil((samples * bytesPerTick * clockRate) / sampleRate / blockBytes) * blockBytes;
}

/** A timestamp in samples of the PCM. Distances stay right over the wrap, for the ratio is a whole number. */
export function sampleTime({ sampleRate, clockRate }: AudioCodec, timestamp: number): number {
  return (timestamp * (sampleRate / clockRate)) >>> 0;
}
