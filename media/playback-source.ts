/** Where the payload of a playback comes from: a shared prompt, a tone, or a ring that somebody fills. */
import { type Tone, ToneGenerator } from './audio/index.ts';
import { type AudioCodec, bytesFor, samplesIn } from './codec/index.ts';
import { ByteRing } from './engine/byte-ring.ts';
import type { FrameSource } from './playback.ts';
import type { EncodedSource, EngineSource, PromptKey } from './protocol.ts';

/** @param onSpace told when somebody waits for space in the ring */
export function openSource(source: EngineSource, codec: AudioCodec, onSpace: () => void): FrameSource {
  switch (source.kind) {
    case 'encoded':
      return new PromptSource(source, codec);
    case 'tone':
      return new ToneSource(source.tone, codec);
    case 'ring':
      return new RingSource(new ByteRing(source.ring), source.raw, codec, onSpace);
  }
}

/** Position arithmetic over bytes that all legs share. */
class PromptSource implements FrameSource {
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
    out.set(this.#payload.subarray(this.#at, this.#at + n), offset);
    this.#at += n;
    return n;
  }

  get atEnd(): boolean {
    return this.#at >= this.#payload.length;
  }

  get position(): number {
    return this.#at / this.#bytesPerMs;
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
  readonly atEnd = false;
  readonly #tone: Tone;
  #codec: AudioCodec;
  #generator: ToneGenerator;
  #samples = new Int16Array(0);
  #at = 0;

  constructor(tone: Tone, codec: AudioCodec) {
    this.#tone = tone;
    this.#codec = codec;
    this.#generator = new ToneGenerator(tone, codec.sampleRate);
  }

  read(out: Uint8Array, offset: number, count: number): number {
    const length = samplesIn(this.#codec, count);
    if (this.#samples.length !== length) this.#samples = new Int16Array(length);
    this.#generator.fill(this.#samples);
    this.#at += length;
    return this.#codec.encode(this.#samples, out.subarray(offset, offset + count));
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
    return { kind: 'tone', tone: this.#tone } as const;
  }
}

/** Whole frames, until the other side has ended or says no more. */
class RingSource implements FrameSource {
  readonly origin = undefined;
  readonly #ring: ByteRing;
  readonly #raw: boolean;
  #codec: AudioCodec;
  readonly #onSpace: () => void;
  #bytes = new Uint8Array(0);
  #samples = new Int16Array(0);
  #read = 0;
  /** Bytes that were too few for a frame at the beat before. */
  #short = 0;

  constructor(ring: ByteRing, raw: boolean, codec: AudioCodec, onSpace: () => void) {
    this.#ring = ring;
    this.#raw = raw;
    this.#codec = codec;
    this.#onSpace = onSpace;
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
