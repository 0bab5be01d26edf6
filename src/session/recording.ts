/** Recording a call: both directions, from the moment it is made (diago's AudioStereoRecording). */
import type {
  AudioReader,
  AudioWriter,
  MediaLeg,
  RecordingHandle,
  RecordingResult,
  RecordTarget,
} from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import { KeySequence } from './key-sequence.ts';
import type { SessionRecordOptions } from './session-options.ts';

export interface RecordingOwner {
  /** Told once when it cannot be written. */
  failed(error: unknown): void;
  /** Keys of those who are recorded. @returns how to forget it */
  keys(pressed: (digit: string) => void): () => void;
}

export class Recording {
  readonly #leg: MediaLeg;
  readonly #handle: RecordingHandle;
  #reader: AudioReader | undefined;
  #writer: AudioWriter | undefined;

  constructor(
    leg: MediaLeg,
    target: RecordTarget,
    { pauseOn, resumeOn = pauseOn, ...options }: SessionRecordOptions,
    owner: RecordingOwner,
  ) {
    for (const keys of [pauseOn, resumeOn])
      if (keys !== undefined && !/^[0-9A-D*#]{1,16}$/.test(keys))
        throw new TandemError('ERR_ARGUMENT', `pauseOn and resumeOn are keys, not "${keys}"`);
    this.#leg = leg;
    this.#handle = leg.record(target, options);
    this.#handle.done.catch(owner.failed);
    if (pauseOn === undefined || resumeOn === undefined) return;
    const forget = owner.keys(restByKeys(this.#handle, pauseOn, resumeOn));
    this.#handle.done.then(forget, forget);
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

function restByKeys(handle: RecordingHandle, pauseOn: string, resumeOn: string): (digit: string) => void {
  let resting = false;
  let sequence = new KeySequence(pauseOn);
  return (digit) => {
    if (!sequence.press(digit)) return;
    resting = !resting;
    handle.rest('keys', resting);
    sequence = new KeySequence(resting ? resumeOn : pauseOn);
  };
}
