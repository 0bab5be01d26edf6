/** Audio codecs that work frame by frame on RTP payloads, without state and without allocating. */
import type { Codec } from '../sdp/types.ts';

export interface AudioCodec {
  /** As in `a=rtpmap`, upper-case. */
  readonly name: string;
  /** Samples per second; for these codecs also the RTP clock. */
  readonly clockRate: number;
  readonly channels: number;
  readonly bytesPerSample: number;
  /** A payload filled with this byte is silence. */
  readonly silence: number;
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
}

/** Payload bytes of `ptime` milliseconds of audio. */
export function frameBytes(codec: AudioCodec, ptime: number): number {
  return frameSamples(codec, ptime) * codec.channels * codec.bytesPerSample;
}

/** Samples of one channel in `ptime` milliseconds: also the RTP timestamp step. */
export function frameSamples(codec: Pick<Codec, 'clockRate'>, ptime: number): number {
  return Math.floor((codec.clockRate * ptime) / 1000);
}
