/** Recording a call: both directions, from the moment it is made (diago's AudioStereoRecording). */
import type {
  AudioReader,
  AudioWriter,
  MediaLeg,
  RecordingHandle,
  RecordingResult,
  RecordOptions,
  RecordTarget,
} from '../../media/index.ts';

export class Recording {
  readonly #leg: MediaLeg;
  readonly #handle: RecordingHandle;
  #reader: AudioReader | undefined;
  #writer: AudioWriter | undefined;

  /** @param onFailed told once when it cannot be written */
  constructor(leg: MediaLeg, target: RecordTarget, options: RecordOptions, onFailed: (error: unknown) => void) {
    this.#leg = leg;
    this.#handle = leg.record(target, options);
    this.#handle.done.catch(onFailed);
  }

  /** What the call hears, to read while it is recorded. */
  get reader(): AudioReader {
    this.#reader ??= this.#leg.reader();
    return this.#reader;
  }

  /** Audio to send while it is recorded. */
  get writer(): AudioWriter {
    this.#writer ??= this.#leg.writer();
    return this.#writer;
  }

  /** Resolves when the recording is over; rejects when it cannot be written (ERR_FILE), the call goes on. */
  get done(): RecordingHandle['done'] {
    return this.#handle.done;
  }

  pause(): void {
    this.#handle.pause();
  }

  resume(): void {
    this.#handle.resume();
  }

  /** Stops and writes what is left. Safe to call twice and after the call's end. */
  async close(): Promise<RecordingResult> {
    this.#reader?.close();
    this.#writer?.close();
    return this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {});
  }
}
