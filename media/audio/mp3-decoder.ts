/**
 * MP3 to mono. Frames are found here and given to the decoder one by one, so that tags, garbage between frames and
 * forged lengths never reach it.
 */
import type { CompressedDecoder } from './compressed.ts';
import { frameHeaderBytes, id3Bytes, id3HeaderBytes, readMp3Header } from './mp3-frame.ts';
import type { Mpg123 } from './mpg123.ts';
import { clamp16 } from './pcm.ts';

/** Bytes in a row that belong to no frame: tags at the end, padding. */
const mostJunk = 64 * 1024;
/** Of an ID3 tag: it may hold pictures. */
const mostTagBytes = 16 * 1024 * 1024;

export class Mp3Decoder implements CompressedDecoder {
  readonly #mpg123: Mpg123;
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes of a tag still to come. */
  #tag = 0;
  #junk = 0;
  /** A frame ended here: the next begins here, or something is wrong. */
  #inStep = false;
  #sampleRate = 0;
  #failure: string | undefined;

  constructor(mpg123: Mpg123) {
    this.#mpg123 = mpg123;
  }

  get sampleRate(): number {
    return this.#sampleRate;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  *push(chunk: Uint8Array): Generator<Int16Array, void, void> {
    const bytes = this.#rest.length === 0 ? chunk : concat(this.#rest, chunk);
    yield* this.#frames(bytes, false);
  }

  *end(): Generator<Int16Array, void, void> {
    yield* this.#frames(this.#rest, true);
    if (this.#sampleRate === 0) this.#failure ??= 'it is not an MP3';
  }

  close(): void {
    this.#mpg123.close();
  }

  *#frames(bytes: Uint8Array, ended: boolean): Generator<Int16Array, void, void> {
    let at = 0;
    while (!this.#failure) {
      const skipped = Math.min(this.#tag, bytes.length - at);
      this.#tag -= skipped;
      at += skipped;
      const left = bytes.length - at;
      if (left < (ended ? frameHeaderBytes : id3HeaderBytes)) break;
      this.#tag = left < id3HeaderBytes ? 0 : id3Bytes(bytes, at);
      if (this.#tag > mostTagBytes) this.#failure = `its ID3 tag is larger than ${mostTagBytes / 1024 / 1024} MB`;
      if (this.#tag > 0) continue;
      const length = this.#frameAt(bytes, at, ended);
      if (length === undefined) break;
      if (length === 0) {
        at++;
        this.#stumble();
      } else {
        yield* this.#decode(bytes.subarray(at, at + length));
        at += length;
      }
    }
    this.#rest = bytes.slice(at);
  }

  /** @returns the frame's length; 0 where none begins, undefined while more has to come to know it */
  #frameAt(bytes: Uint8Array, at: number, ended: boolean): number | undefined {
    const frame = readMp3Header(bytes, at);
    if (!frame) return 0;
    const next = at + frame.bytes;
    const known = frame.sampleRate === this.#sampleRate;
    if (next > bytes.length) return ended ? 0 : undefined;
    if (this.#inStep && known) return frame.bytes;
    // By chance two bytes look like a header soon enough; not so that another of its kind follows.
    const last = ended && next + frameHeaderBytes > bytes.length;
    if (!last) {
      if (next + frameHeaderBytes > bytes.length) return undefined;
      const follower = readMp3Header(bytes, next);
      if (follower?.sampleRate !== frame.sampleRate) return 0;
    } else if (!known && this.#sampleRate !== 0) return 0;
    if (!known && this.#sampleRate !== 0) {
      this.#failure = `its sample rate changes from ${this.#sampleRate} to ${frame.sampleRate} Hz`;
      return undefined;
    }
    this.#sampleRate = frame.sampleRate;
    return frame.bytes;
  }

  #stumble(): void {
    this.#inStep = false;
    if (++this.#junk > mostJunk) this.#failure = this.#sampleRate === 0 ? 'it is not an MP3' : 'it is damaged';
  }

  *#decode(frame: Uint8Array): Generator<Int16Array, void, void> {
    const pieces: Int16Array[] = [];
    this.#mpg123.decode(frame, (left, right) => {
      pieces.push(Int16Array.from(left, (sample, i) => clamp16((sample + right[i]!) * 16_384)));
    });
    this.#inStep = true;
    this.#junk = 0;
    yield* pieces;
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
