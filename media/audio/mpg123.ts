/**
 * libmpg123 as WebAssembly, out of the package `mpg123-decoder`. Of it only the instance is used: its own `decode`
 * goes round for ever on an error that stays, and writes each to the console.
 */

/** What the package makes of an instance; its fields are not in its types, which is what the exact pin is for. */
interface Instance {
  readonly ready: Promise<void>;
  free(): void;
  readonly _decoder: number;
  readonly _input: Memory<Uint8Array>;
  readonly _output: Memory<Float32Array>;
  readonly _samplesDecodedPtr: Memory<Uint32Array>;
  readonly _sampleRatePtr: Memory<Uint32Array>;
  readonly _errorStringPtr: Memory<Uint32Array>;
  readonly _common: { readonly wasm: Library };
}

interface Memory<T> {
  readonly ptr: number;
  readonly len: number;
  readonly buf: T;
}

/** What they return is 0 or one of `mpg123.h`. */
interface Library {
  mpeg_decoder_feed(decoder: number, bytes: number, length: number): number;
  mpeg_decoder_read(
    ...pointers: [decoder: number, out: number, size: number, samples: number, rate: number, error: number]
  ): number;
}

const newFormat = -11;
/** Reads of one frame: it has no more in it than two granules, and what was held back of the one before. */
const mostReads = 8;

export class Mpg123 {
  readonly #instance: Instance;

  private constructor(instance: Instance) {
    this.#instance = instance;
  }

  /** @returns undefined where the package was left out */
  static async open(): Promise<Mpg123 | undefined> {
    const library = await import('mpg123-decoder').catch(() => undefined);
    if (!library) return undefined;
    const instance = new library.MPEGDecoder() as unknown as Instance;
    await instance.ready;
    return new Mpg123(instance);
  }

  /**
   * Hands over one frame and calls `take` with what comes out, which may be of frames before; nothing of one that is
   * damaged.
   * @param frame at most 64 KiB
   * @param take the channels, −1 … 1; of mono both are the same
   */
  decode(frame: Uint8Array, take: (left: Float32Array, right: Float32Array) => void): void {
    const { _decoder, _input, _output, _samplesDecodedPtr, _sampleRatePtr, _errorStringPtr, _common } = this.#instance;
    const { wasm } = _common;
    _input.buf.set(frame);
    let result = wasm.mpeg_decoder_feed(_decoder, _input.ptr, frame.length);
    for (let reads = 0; reads < mostReads && (result === 0 || result === newFormat); reads++) {
      const count = _samplesDecodedPtr.buf;
      count[0] = 0;
      result = wasm.mpeg_decoder_read(
        _decoder,
        _output.ptr,
        _output.len,
        _samplesDecodedPtr.ptr,
        _sampleRatePtr.ptr,
        _errorStringPtr.ptr,
      );
      const samples = count[0]!;
      if (samples > 0) take(_output.buf.subarray(0, samples), _output.buf.subarray(samples, 2 * samples));
    }
  }

  close(): void {
    this.#instance.free();
  }
}
