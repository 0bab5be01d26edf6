/** Where the payload of a playback comes from: a shared prompt, a tone, a ring that somebody fills, or several. */
import { type Tone, ToneGenerator } from './audio/index.ts';
import { type AudioCodec, bytesFor, samplesIn } from './codec/index.ts';
import { ByteRing } from './engine/byte-ring.ts';
import type { FrameSource } from './playback.ts';
import { PlaylistSource } from './playlist-source.ts';
import type { EncodedSource, EngineSource, PromptKey } from './protocol.ts';

/** @param onSpace told when somebody waits for space in the ring */
export function openSource(source: EngineSource, codec: AudioCodec, onSpace: () => void): FrameSource {
  switch (source.kind) {
    case 'encoded':
      return new PromptSource(source, codec);
    case 'tone':
      return new ToneSource(source.tone, source.duration, codec);
    case 'ring':
      return new RingSource(new ByteRing(source.ring), source.raw, codec, onSpace);
    case 'list':
      return new PlaylistSource(source.items.map((item) => openSource(item, codec, onSpace)));
  }
}

/** Position arithmetic over bytes that all legs share. */
class PromptSource implements FrameSource {
  readonly seekable = true;
  readonly #payload: Uint8Array;
  readonly #bytesPerMs: number;
  readonly #block: number;
  readonly #key: PromptKey | undefined;
  readonly #encoding: string;
  #at = 0;

  constructor({ payload, length, source, encoding }: EncodedSource, codec: AudioCodec) {
    this.#block = codec.blockBytes;
    this.#bytesPerMs = (codec.clockRate * codec.bytesPerTick) / 1000;
    this.#payload = new Uint8Array(payload, 0, length - (length % codec.blockBytes));
    this.#key = source;
    this.#encoding = encoding;
  }

  read(out: Uint8Array, offset: number, count: number): number {
    const n = Math.min(count, this.#payload.length - this.#at);
    if (n <= 0) return 0;
    const payload = this.#payload;
    const at = this.#at;
    // So few bytes cost less in a loop than a view of them does.
    for (let i = 0; i < n; i++) out[offset + i] = payload[at + i]!;
    this.#at = at + n;
    return n;
  }

  get atEnd(): boolean {
    return this.#at >= this.#payload.length;
  }

  get position(): number {
    return this.#at / this.#bytesPerMs;
  }

  get length(): number {
    return this.#payload.length / this.#bytesPerMs;
  }

  seek(ms: number): boolean {
    const blocks = Math.round((ms * this.#bytesPerMs) / this.#block);
    this.#at = Math.min(this.#payload.length, Math.max(0, blocks * this.#block));
    return true;
  }

  recode(codec: AudioCodec): boolean {
    return this.#encoding === '' || this.#encoding === codec.key;
  }

  get origin() {
    return this.#key && ({ kind: 'prompt', key: this.#key } as const);
  }
}

class ToneSource implements FrameSource {
  readonly seekable = true;
  readonly #tone: Tone;
  /** ms; undefined: without an end. */
  readonly length: number | undefined;
  #codec: AudioCodec;
  #generator: ToneGenerator;
  #samples = new Int16Array(0);
  #at = 0;

  constructor(tone: Tone, duration: number | undefined, codec: AudioCodec) {
    this.#tone = tone;
    this.length = duration;
    this.#codec = codec;
    this.#generator = new ToneGenerator(tone, codec.sampleRate);
  }

  read(out: Uint8Array, offset: number, count: number): number {
    const samples = samplesIn(this.#codec, count);
    if (this.#samples.length !== samples) this.#samples = new Int16Array(samples);
    this.#generator.fill(this.#samples);
    const left = this.#samplesLeft;
    this.#at += Math.min(samples, left);
    if (left >= samples) return this.#codec.encode(this.#samples, out.subarray(offset, offset + count));
    this.#samples.fill(0, left); // of a block that is not full
    const bytes = Math.min(count, bytesFor(this.#codec, left));
    return this.#codec.encode(this.#samples, out.subarray(offset, offset + bytes));
  }

  get #samplesLeft(): number {
    if (this.length === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.round((this.length * this.#codec.sampleRate) / 1000) - this.#at);
  }

  get atEnd(): boolean {
    return this.#samplesLeft === 0;
  }

  get position(): number {
    return (this.#at * 1000) / this.#codec.sampleRate;
  }

  seek(ms: number): boolean {
    this.#at = Math.max(0, Math.round((ms * this.#codec.sampleRate) / 1000));
    this.#generator = new ToneGenerator(this.#tone, this.#codec.sampleRate, this.#at);
    return true;
  }

  recode(codec: AudioCodec): boolean {
    const { position } = this;
    this.#codec = codec;
    return this.seek(position);
  }

  get origin() {
    const duration = this.length;
    return { kind: 'tone', tone: this.#tone, ...(duration === undefined ? {} : { duration }) } as const;
  }
}

/** Whole frames, until the other side has ended or says no more. */
class RingSource implements FrameSource {
  readonly origin = undefined;
  readonly seekable = false;
  readonly #ring: ByteRing;
  readonly #raw: boolean;
  #codec: AudioCodec;
  readonly #onSpace: () => void;
  #bytes = new Uint8Array(0);
  #samples = new Int16Array(0);
  #read: number;
  /** Bytes that were too few for a frame at the beat before. */
  #short = 0;

  constructor(ring: ByteRing, raw: boolean, codec: AudioCodec, onSpace: () => void) {
    this.#ring = ring;
    this.#raw = raw;
    this.#codec = codec;
    this.#onSpace = onSpace;
    // Of a ring that another engine has begun.
    this.#read = raw ? ring.pulled : bytesFor(codec, ring.pulled / 2);
  }

  read(out: Uint8Array, offset: number, count: number): number {
    const wanted = this.#raw ? count : samplesIn(this.#codec, count) * 2;
    const ended = this.#ring.ended; // looked at before the size: what was pushed before the end is in it
    const { size } = this.#ring;
    if (size < wanted && !ended && (size === 0 || size !== this.#short)) {
      this.#short = size;
      if (this.#ring.takeWaiter()) this.#onSpace();
      return 0;
    }
    this.#short = 0;
    let filled: number;
    if (this.#raw) filled = this.#ring.pull(out, offset, wanted);
    else {
      if (this.#bytes.length !== wanted) {
        this.#samples = new Int16Array(wanted / 2);
        this.#bytes = new Uint8Array(this.#samples.buffer);
      }
      const samples = this.#ring.pull(this.#bytes, 0, wanted) >> 1;
      this.#samples.fill(0, samples); // of a frame that is not full
      const bytes = Math.min(count, bytesFor(this.#codec, samples));
      filled = this.#codec.encode(this.#samples, out.subarray(offset, offset + bytes));
    }
    this.#read += filled;
    if (this.#ring.takeWaiter()) this.#onSpace();
    return filled;
  }

  get atEnd(): boolean {
    return this.#ring.ended && this.#ring.size < (this.#raw ? 1 : 2);
  }

  get position(): number {
    return (this.#read * 1000) / (this.#codec.bytesPerTick * this.#codec.clockRate);
  }

  get length(): number | undefined {
    return this.atEnd ? this.position : undefined;
  }

  seek(): boolean {
    return false;
  }

  /** Its samples were made for one rate; another would play them at another speed. */
  recode(codec: AudioCodec): boolean {
    const fits = this.#raw || codec.sampleRate === this.#codec.sampleRate;
    if (fits) this.#codec = codec;
    return fits;
  }
}
