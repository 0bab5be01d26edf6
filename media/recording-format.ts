/** What a recording puts into its file: as a WAV here, as Ogg-Opus in `recording-ogg.ts`. */
import { wavHeader, wavHeaderBytes } from './audio/index.ts';

export interface PcmShape {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** `bytes` at `position`; then `header` at the start of the file, if there is one; then nothing is left behind `size`. */
export interface FileChange {
  readonly bytes: Uint8Array;
  readonly position: number;
  readonly header: Uint8Array;
  readonly size?: number;
}

/** Its calls come one after the other. What goes wrong is a rejection. */
export interface RecordingFormat {
  /** Size of the file when all changes are made. */
  readonly size: number;
  /**
   * @param pcm 16-bit, interleaved, whole samples of all channels; none at the very beginning
   * @param keep samples that will be kept at least, as far as is known: what is behind them may be cut off at the end
   */
  add(pcm: Uint8Array, keep: number): Promise<FileChange>;
  /** @param keep samples to keep of all that were added; undefined: the file is as it has to be */
  end(keep: number): Promise<FileChange | undefined>;
  close(): void;
}

/** The header is rewritten after the audio it speaks of: the file is a playable WAV at any moment, after a kill too. */
export function wavRecording(shape: PcmShape): RecordingFormat {
  let written = 0;
  const header = (dataBytes: number): Uint8Array => wavHeader({ ...shape, dataBytes });
  return {
    get size() {
      return wavHeaderBytes + written;
    },
    async add(pcm) {
      const position = wavHeaderBytes + written;
      written += pcm.length;
      return { bytes: pcm, position, header: header(written) };
    },
    async end(keep) {
      const bytes = 2 * shape.channels * keep;
      if (bytes >= written) return undefined;
      written = bytes;
      const size = wavHeaderBytes + bytes;
      return { bytes: new Uint8Array(0), position: size, header: header(bytes), size };
    },
    close() {},
  };
}
