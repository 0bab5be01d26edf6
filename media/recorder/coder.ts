/** Where recordings are encoded: in this thread, or in one beside it. */
import { TandemError } from '../../src/base/errors.ts';
import { loadOpus, opusLibrary } from '../codec/opus-library.ts';
import { type OpusPackets, OpusRecorder } from '../codec/opus-recorder.ts';
import type { PcmShape } from '../recording-format.ts';

/** The encoder of one recording. */
export interface RecordingCoder {
  /**
   * One after the other.
   * @param pcm whole frames, interleaved; taken over
   * @throws {TandemError} ERR_CODEC, ERR_WORKER
   */
  encode(pcm: Int16Array<ArrayBuffer>): Promise<OpusPackets>;
  close(): void;
}

export interface RecordingCoders {
  open(shape: PcmShape): RecordingCoder;
  /** What is being encoded rejects. */
  close(): Promise<void>;
}

/** Encodes in place. */
export function openRecorder({ sampleRate, channels }: PcmShape): RecordingCoder {
  let recorder: OpusRecorder | undefined;
  return {
    async encode(pcm) {
      await loadOpus();
      const library = opusLibrary();
      if (!library)
        throw new TandemError('ERR_CODEC', 'recording to Ogg takes the package libopus-wasm, which is not installed');
      recorder ??= new OpusRecorder(library, sampleRate, channels);
      return recorder.encode(pcm);
    },
    close() {
      recorder?.close();
      recorder = undefined;
    },
  };
}

export const inlineRecordingCoders: RecordingCoders = { open: openRecorder, close: async () => {} };
