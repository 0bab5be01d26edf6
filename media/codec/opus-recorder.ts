/**
 * Opus for a file: mono or stereo, packets of 20 ms as long as they have to be. At this bitrate CELT is nearer to the
 * wave than SILK at a third of the work (docs/adr/0006).
 */
import { application, noMemory, opusComplexity, type Scratch, scratchOf, set } from './opus.ts';
import type { OpusLibrary } from './opus-library.ts';

/** bit/s for each channel: speech is transparent then; what is silent takes a few. */
const channelBitrate = 32_000;
/** RFC 6716 §3.2.1: no frame is longer. */
const mostBytes = 1275;

/** ms of a packet. */
export const opusFrameMs = 20;
/** Ticks of 48 kHz by which the encoder is behind: 2.5 ms for its window and 4 ms so that SILK and CELT agree. */
export const opusLookahead = 312;

/** Packets one behind the other. */
export interface OpusPackets {
  readonly bytes: Uint8Array;
  readonly lengths: readonly number[];
}

export class OpusRecorder {
  readonly #library: OpusLibrary;
  readonly #encoder: number;
  readonly #scratch: Scratch;
  readonly #channels: 1 | 2;
  readonly #frame: number;

  /** @param sampleRate one of `opusRates`. @throws {TandemError} ERR_CODEC */
  constructor(library: OpusLibrary, sampleRate: number, channels: 1 | 2) {
    this.#library = library;
    this.#scratch = scratchOf(library);
    this.#channels = channels;
    this.#frame = (sampleRate * opusFrameMs) / 1000;
    this.#encoder = library._oc_create_encoder(sampleRate, channels, application.audio, this.#scratch.packet);
    if (this.#encoder === 0) throw noMemory();
    library._oc_encoder_ctl(this.#encoder, set.bitrate, channelBitrate * channels);
    library._oc_encoder_ctl(this.#encoder, set.vbr, 1);
    library._oc_encoder_ctl(this.#encoder, set.complexity, opusComplexity);
  }

  /** @param pcm whole frames, interleaved */
  encode(pcm: Int16Array): OpusPackets {
    const library = this.#library;
    const { packet, pcm: room } = this.#scratch;
    const lengths: number[] = [];
    const size = this.#frame * this.#channels;
    const bytes = new Uint8Array((pcm.length / size) * mostBytes);
    let at = 0;
    for (let from = 0; from < pcm.length; from += size) {
      library.HEAP16.set(pcm.subarray(from, from + size), room >> 1);
      const length = Math.max(0, library._oc_encode(this.#encoder, room, this.#frame, packet, mostBytes));
      bytes.set(library.HEAPU8.subarray(packet, packet + length), at);
      lengths.push(length);
      at += length;
    }
    return { bytes: bytes.slice(0, at), lengths };
  }

  close(): void {
    this.#library._oc_destroy_encoder(this.#encoder);
  }
}
