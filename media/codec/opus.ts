/**
 * Opus (RFC 6716, RFC 7587) by libopus: its clock is 48 kHz whatever is in the packets, and they are decoded to mono.
 * The coder runs at any rate of 8, 12, 16, 24 and 48 kHz, so that the other side of a call needs no resampling.
 */
import { TandemError } from '../../src/base/errors.ts';
import type { AudioCodec } from './codec.ts';
import type { OpusSettings } from './opus-fmtp.ts';
import type { OpusLibrary } from './opus-library.ts';
import { opusTicks } from './opus-packet.ts';

/** The rates libopus takes. */
export const opusRates: readonly number[] = [8000, 12_000, 16_000, 24_000, 48_000];

/** Out of 10: what a core has time for beside; above, the gain for speech is small. */
export const opusComplexity = 3;

const clockRate = 48_000;
/** ms of a frame that is encoded as a block. */
const blockMs = 20;
/** More than any packet of real audio; a longer one is taken for garbage. */
const mostBytes = 4096;
const longestMs = 120;
/** A mono CELT frame of 20 ms that says silence; what follows these bytes is not looked at (RFC 6716 §4.3). */
const silentFrame = [0xf8, 0xff, 0xfe] as const;
/** % of packets lost from which on FEC is worth its bits. */
const fecFrom = 2;

/** opus_defines.h. */
export const application = { voip: 2048, audio: 2049 };
const signal = { auto: -1000, voice: 3001 };
export const set = {
  bitrate: 4002,
  maxBandwidth: 4004,
  vbr: 4006,
  complexity: 4010,
  fec: 4012,
  loss: 4014,
  dtx: 4016,
  signal: 4024,
};
const narrowband = 1101;
/** Hz of a peer that can play no more → steps above narrow-band. */
const bandwidths = [8000, 12_000, 16_000, 24_000, 48_000];

export interface OpusCoderOptions {
  /** One of `opusRates`; default 48,000. */
  readonly sampleRate?: number;
  /** Packets as long as they have to be and none in silence, not blocks of one size. */
  readonly live?: boolean;
}

/** Bytes of a block at a bitrate. */
function blockBytesAt(bitrate: number): number {
  return Math.floor((bitrate * blockMs) / 8000);
}

/** Blocks of one key are of one size. */
export function opusKey({ bitrate, playbackRate }: OpusSettings): string {
  return `OPUS/48000/2 ${blockBytesAt(bitrate)} bytes for ${playbackRate}`;
}

export function opus(library: OpusLibrary, settings: OpusSettings, options: OpusCoderOptions = {}): AudioCodec {
  const { sampleRate = clockRate, live = false } = options;
  const blockBytes = blockBytesAt(settings.bitrate);
  let encoder: Encoder | undefined;
  let decoder: Decoder | undefined;
  let loss = 0;
  return {
    key: opusKey(settings),
    name: 'OPUS',
    clockRate,
    sampleRate,
    channels: 2,
    variable: true,
    bytesPerTick: blockBytes / ((clockRate * blockMs) / 1000),
    blockBytes,
    ticks: opusTicks,
    silence(out) {
      for (let at = 0; at + blockBytes <= out.length; at += blockBytes) {
        out.fill(0, at, at + blockBytes);
        out.set(silentFrame, at);
      }
    },
    decode(payload, out) {
      decoder ??= new Decoder(library, sampleRate);
      return decoder.decode(payload, out);
    },
    encode(pcm, out) {
      if (!encoder) {
        encoder = new Encoder(library, settings, sampleRate, live ? undefined : blockBytes);
        if (settings.fec) encoder.expectLoss(loss);
      }
      return encoder.encode(pcm, out);
    },
    expectLoss(percent) {
      loss = percent;
      if (settings.fec) encoder?.expectLoss(percent);
    },
    conceal(out, next) {
      return decoder?.conceal(out, next) ?? 0;
    },
    close() {
      encoder?.close();
      decoder?.close();
      encoder = undefined;
      decoder = undefined;
    },
  };
}

class Encoder {
  readonly #library: OpusLibrary;
  readonly #encoder: number;
  readonly #scratch: Scratch;
  readonly #blockSamples: number;
  readonly #blockBytes: number | undefined;

  /** @param blockBytes the size of every packet; undefined: as it comes */
  constructor(library: OpusLibrary, settings: OpusSettings, sampleRate: number, blockBytes: number | undefined) {
    this.#library = library;
    this.#scratch = scratchOf(library);
    this.#blockSamples = (sampleRate * blockMs) / 1000;
    this.#blockBytes = blockBytes;
    const { bitrate, playbackRate } = settings;
    const dtx = settings.dtx && blockBytes === undefined;
    // At our bitrate CELT is nearer to the wave than SILK at a third of the work; but only SILK knows who speaks (DTX).
    const mode = dtx ? application.voip : application.audio;
    this.#encoder = library._oc_create_encoder(sampleRate, 1, mode, this.#scratch.packet);
    if (this.#encoder === 0) throw noMemory();
    this.#set(set.bitrate, blockBytes === undefined ? bitrate : (blockBytes * 8000) / blockMs);
    this.#set(set.vbr, blockBytes === undefined ? 1 : 0);
    this.#set(set.complexity, opusComplexity);
    this.#set(set.dtx, dtx ? 1 : 0);
    const widest = bandwidths.findLastIndex((rate) => rate <= playbackRate);
    this.#set(set.maxBandwidth, narrowband + Math.max(0, widest));
  }

  #set(request: number, value: number): void {
    this.#library._oc_encoder_ctl(this.#encoder, request, value);
  }

  /** FEC is SILK's, which is taken for what is called a voice. */
  expectLoss(percent: number): void {
    const fec = percent >= fecFrom;
    this.#set(set.fec, fec ? 1 : 0);
    this.#set(set.loss, fec ? Math.min(100, Math.round(percent)) : 0);
    this.#set(set.signal, fec ? signal.voice : signal.auto);
  }

  /** Of blocks as many as there are; else the one frame that `pcm` is. @returns 0 for one that need not be sent */
  encode(pcm: Int16Array, out: Uint8Array): number {
    if (this.#blockBytes === undefined) {
      const bytes = this.#frame(pcm, 0, pcm.length, out, 0, out.length);
      return bytes > 2 ? bytes : 0; // §2.1.9 and opus.h: two bytes and less are DTX
    }
    const blocks = Math.min(Math.floor(pcm.length / this.#blockSamples), Math.floor(out.length / this.#blockBytes));
    for (let i = 0; i < blocks; i++)
      this.#frame(pcm, i * this.#blockSamples, this.#blockSamples, out, i * this.#blockBytes, this.#blockBytes);
    return blocks * this.#blockBytes;
  }

  #frame(pcm: Int16Array, from: number, samples: number, out: Uint8Array, at: number, most: number): number {
    const library = this.#library;
    const scratch = this.#scratch;
    const { HEAP16 } = library;
    const start = scratch.pcm >> 1;
    for (let i = 0; i < samples; i++) HEAP16[start + i] = pcm[from + i]!;
    const limit = Math.min(most, mostBytes);
    const bytes = library._oc_encode(this.#encoder, scratch.pcm, samples, scratch.packet, limit);
    const { HEAPU8 } = library; // the heap may have grown
    for (let i = 0; i < bytes; i++) out[at + i] = HEAPU8[scratch.packet + i]!;
    return bytes;
  }

  close(): void {
    this.#library._oc_destroy_encoder(this.#encoder);
  }
}

class Decoder {
  readonly #library: OpusLibrary;
  readonly #decoder: number;
  readonly #scratch: Scratch;
  readonly #sampleRate: number;

  constructor(library: OpusLibrary, sampleRate: number) {
    this.#library = library;
    this.#scratch = scratchOf(library);
    this.#sampleRate = sampleRate;
    this.#decoder = library._oc_create_decoder(sampleRate, 1, this.#scratch.packet);
    if (this.#decoder === 0) throw noMemory();
  }

  /** @returns 0 for what is no Opus */
  decode(payload: Uint8Array, out: Int16Array): number {
    if (payload.length === 0 || payload.length > mostBytes) return 0;
    const most = Math.min(out.length, (this.#sampleRate * longestMs) / 1000);
    return this.#run(payload, out, most, 0);
  }

  conceal(out: Int16Array, next: Uint8Array | undefined): number {
    const unit = this.#sampleRate / 400; // 2.5 ms
    const most = Math.min(out.length, (this.#sampleRate * longestMs) / 1000);
    const samples = most - (most % unit);
    const fec = next && next.length > 0 && next.length <= mostBytes ? next : undefined;
    return samples === 0 ? 0 : this.#run(fec, out, samples, fec ? 1 : 0);
  }

  #run(payload: Uint8Array | undefined, out: Int16Array, samples: number, fec: number): number {
    const library = this.#library;
    const { packet, pcm } = this.#scratch;
    if (payload) library.HEAPU8.set(payload, packet);
    const count = library._oc_decode(this.#decoder, payload ? packet : 0, payload?.length ?? 0, pcm, samples, fec);
    if (count <= 0) return 0;
    const { HEAP16 } = library;
    for (let i = 0; i < count; i++) out[i] = HEAP16[(pcm >> 1) + i]!;
    return count;
  }

  close(): void {
    this.#library._oc_destroy_decoder(this.#decoder);
  }
}

/** Room in the library's memory for one packet and its audio: coders work one after the other. */
export interface Scratch {
  readonly packet: number;
  readonly pcm: number;
}

const scratches = new WeakMap<OpusLibrary, Scratch>();

export function scratchOf(library: OpusLibrary): Scratch {
  let scratch = scratches.get(library);
  if (!scratch) {
    scratch = {
      packet: library._malloc(mostBytes),
      pcm: library._malloc((2 * clockRate * longestMs) / 1000),
    };
    scratches.set(library, scratch);
  }
  return scratch;
}

export function noMemory(): TandemError {
  return new TandemError('ERR_CODEC', 'there is no memory for another Opus coder');
}
