/** Reads the peaks of a WAV file while it comes in, so that an hour of sound needs no hour's memory. No DOM in here. */

export interface WavFormat {
  readonly encoding: 'pcm8' | 'pcm16' | 'pcm24' | 'float32' | 'ulaw' | 'alaw';
  readonly channels: number;
  readonly sampleRate: number;
  /** Bytes of sound, as the header says. */
  readonly dataBytes: number;
}

const encodings: Readonly<Record<string, WavFormat['encoding']>> = {
  '1/8': 'pcm8',
  '1/16': 'pcm16',
  '1/24': 'pcm24',
  '3/32': 'float32',
  '6/8': 'alaw',
  '7/8': 'ulaw',
};
const sizes = { pcm8: 1, pcm16: 2, pcm24: 3, float32: 4, ulaw: 1, alaw: 1 } as const;
/** A header that is longer than this is none. */
const longestHeader = 65_536;

export class WavPeaks {
  readonly #buckets: number;
  #head = new Uint8Array(0);
  #format: WavFormat | undefined;
  #failed: string | undefined;
  #peaks: Float32Array[] = [];
  #carry = new Uint8Array(0);
  #frame = 0;
  #perBucket = 1;

  /** @param buckets how many peaks the whole file is to have. */
  constructor(buckets: number) {
    this.#buckets = buckets;
  }

  /** Undefined until the header is there. */
  get format(): WavFormat | undefined {
    return this.#format;
  }

  /** Why there are none: no WAV, or an encoding that is not known here. */
  get failed(): string | undefined {
    return this.#failed;
  }

  /** For each channel the peaks, 0..1. */
  get peaks(): readonly Float32Array[] {
    return this.#peaks;
  }

  /** ms */
  get durationMs(): number {
    if (!this.#format) return 0;
    const { encoding, channels, sampleRate, dataBytes } = this.#format;
    return (dataBytes / (sizes[encoding] * channels) / sampleRate) * 1_000;
  }

  write(chunk: Uint8Array): void {
    if (this.#failed !== undefined) return;
    if (this.#format) {
      this.#sound(chunk);
      return;
    }
    this.#head = joined(this.#head, chunk);
    const header = readHeader(this.#head);
    if (header === 'more') {
      if (this.#head.length > longestHeader) this.#failed = 'not a WAV file';
      return;
    }
    if (typeof header === 'string') {
      this.#failed = header;
      return;
    }
    this.#format = header.format;
    const frames = header.format.dataBytes / (sizes[header.format.encoding] * header.format.channels);
    this.#perBucket = Math.max(1, frames / this.#buckets);
    this.#peaks = Array.from({ length: header.format.channels }, () => new Float32Array(this.#buckets));
    const rest = this.#head.subarray(header.start);
    this.#head = new Uint8Array(0);
    this.#sound(rest);
  }

  #sound(chunk: Uint8Array): void {
    const { encoding, channels } = this.#format as WavFormat;
    const bytes = this.#carry.length > 0 ? joined(this.#carry, chunk) : chunk;
    const size = sizes[encoding];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames = Math.floor(bytes.length / (size * channels));
    for (let i = 0; i < frames; i += 1) {
      const bucket = Math.min(this.#buckets - 1, Math.floor(this.#frame / this.#perBucket));
      for (let c = 0; c < channels; c += 1) {
        const level = Math.abs(sampleAt(view, (i * channels + c) * size, encoding));
        const peaks = this.#peaks[c] as Float32Array;
        if (level > (peaks[bucket] as number)) peaks[bucket] = Math.min(1, level);
      }
      this.#frame += 1;
    }
    this.#carry = bytes.slice(frames * size * channels);
  }
}

/** `more`: needs more bytes; another text: why it cannot be read. */
function readHeader(head: Uint8Array): { format: WavFormat; start: number } | string {
  if (head.length < 12) return 'more';
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const name = (at: number): string => String.fromCharCode(...head.subarray(at, at + 4));
  if (name(0) !== 'RIFF' || name(8) !== 'WAVE') return 'not a WAV file';
  let format: Omit<WavFormat, 'dataBytes'> | undefined;
  for (let at = 12; at + 8 <= head.length; ) {
    const length = view.getUint32(at + 4, true);
    if (name(at) === 'fmt ') {
      if (at + 24 > head.length) return 'more';
      let code = view.getUint16(at + 8, true);
      // WAVE_FORMAT_EXTENSIBLE: the code proper begins the GUID.
      if (code === 0xfffe && length >= 26) {
        if (at + 34 > head.length) return 'more';
        code = view.getUint16(at + 32, true);
      }
      const encoding = encodings[`${code}/${view.getUint16(at + 22, true)}`];
      const channels = view.getUint16(at + 10, true);
      const sampleRate = view.getUint32(at + 12, true);
      if (encoding === undefined) return 'an encoding that cannot be drawn';
      if (channels < 1 || channels > 8 || sampleRate < 1) return 'not a WAV file';
      format = { encoding, channels, sampleRate };
    } else if (name(at) === 'data') {
      if (!format) return 'not a WAV file';
      return { format: { ...format, dataBytes: length }, start: at + 8 };
    }
    // Chunks begin at even places.
    at += 8 + length + (length % 2);
  }
  return 'more';
}

function sampleAt(view: DataView, at: number, encoding: WavFormat['encoding']): number {
  switch (encoding) {
    case 'pcm8':
      return (view.getUint8(at) - 128) / 128;
    case 'pcm16':
      return view.getInt16(at, true) / 32_768;
    case 'pcm24':
      return ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608;
    case 'float32':
      return view.getFloat32(at, true) || 0;
    case 'ulaw':
      return ulaw(view.getUint8(at));
    case 'alaw':
      return alaw(view.getUint8(at));
    default:
      return encoding satisfies never;
  }
}

/** ITU-T G.711, 0..1 without its sign: for a picture it is not needed. */
function ulaw(code: number): number {
  const bits = ~code & 0x7f;
  return ((((bits & 0x0f) << 3) + 0x84) * 2 ** (bits >> 4) - 0x84) / 32_768;
}

function alaw(code: number): number {
  const bits = (code ^ 0x55) & 0x7f;
  const exponent = bits >> 4;
  const mantissa = ((bits & 0x0f) << 4) + 8;
  return (exponent === 0 ? mantissa : (mantissa + 0x100) * 2 ** (exponent - 1)) / 32_768;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
