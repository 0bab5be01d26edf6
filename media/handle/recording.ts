/** The main thread's end of one recording, and the writing of targets that live in this thread. */
import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { TandemError } from '../../src/base/errors.ts';
import type { EngineEvent } from '../protocol.ts';
import type { ResumableRecording } from '../snapshot.ts';
import { audioTypeOfName } from './content-type.ts';
import { fromErrorData, toErrorData } from './errors.ts';
import type { EngineLink } from './link.ts';
import type {
  PlaybackHandle,
  RecordingHandle,
  RecordingResult,
  RecordOptions,
  RecordTarget,
  RecordType,
} from './types.ts';

/** One of an earlier process. */
const formerPause = 'former';

type RecordData = Extract<EngineEvent, { readonly type: 'record.data' }>;

interface Settle {
  readonly resolve: (result: RecordingResult) => void;
  readonly reject: (error: TandemError) => void;
}

/** Whose recording it is. */
export interface RecordingOf {
  readonly link: EngineLink;
  readonly leg: string;
  readonly id: string;
  readonly onOver: () => void;
}

export class RecordingControl implements RecordingHandle {
  readonly id: string;
  readonly done: Promise<RecordingResult>;
  readonly #link: EngineLink;
  readonly #leg: string;
  readonly #target: RecordTarget;
  readonly #signal: AbortSignal | undefined;
  readonly #onOver: () => void;
  readonly #stop = (): void => {
    this.hurry();
    this.#link.send({ type: 'record.stop', leg: this.#leg, recording: this.id });
  };
  readonly #stream: StreamWriter | undefined;
  readonly path: string | undefined;
  #settle: Settle | undefined;
  /** Why nothing is recorded now. */
  readonly #resting = new Set<string>();

  private constructor(of: RecordingOf, target: RecordTarget, signal?: AbortSignal) {
    this.id = of.id;
    this.#link = of.link;
    this.#leg = of.leg;
    this.#target = target;
    this.path = typeof target === 'string' ? target : undefined;
    this.#stream = typeof target === 'object' && !isFileHandle(target) ? new StreamWriter(target) : undefined;
    this.#onOver = of.onOver;
    this.#signal = signal;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.done.catch(() => {});
  }

  /** Begins one. */
  static start(of: RecordingOf, target: RecordTarget, options: RecordOptions): RecordingControl {
    const recording = new RecordingControl(of, target, options.signal);
    recording.#start(options);
    return recording;
  }

  /** Goes on with one of an earlier leg. @param takenAt Unix ms when its state was */
  static resume(of: RecordingOf, snapshot: ResumableRecording, takenAt: number): RecordingControl {
    const recording = new RecordingControl(of, snapshot.path);
    if (snapshot.paused) recording.#resting.add(formerPause);
    of.link.send({ type: 'record.resume', leg: of.leg, recording: snapshot, takenAt });
    return recording;
  }

  #start(options: RecordOptions): void {
    const { path } = this;
    const direction = options.direction ?? 'both';
    this.#link.send({
      type: 'record.start',
      leg: this.#leg,
      recording: this.id,
      path,
      config: {
        type: options.type ?? (path === undefined ? 'audio/wav' : recordTypeOfName(path)),
        channels: options.channels ?? (direction === 'both' ? 2 : 1),
        direction,
        sampleRate: options.sampleRate ?? 0,
        maxDuration: options.maxDuration ?? 0,
        maxSilence: options.maxSilence ?? 0,
        trimSilence: (options.trimSilence ?? false) && !this.#stream,
      },
    });
    if (this.#signal?.aborted) this.#stop();
    else this.#signal?.addEventListener('abort', this.#stop, { once: true });
  }

  pause(): void {
    this.rest('pause', true);
  }

  resume(): void {
    this.rest('pause', false);
  }

  rest(reason: string, on: boolean): void {
    if (on) this.#resting.add(reason);
    else this.#resting.delete(reason);
    // Why an earlier process paused it is not known: the first who lets it go on is right.
    if (!on) this.#resting.delete(formerPause);
    const rests = this.#resting.size > 0;
    this.#link.send({ type: 'record.pause', leg: this.#leg, recording: this.id, on: rests });
  }

  /** Nothing is recorded while `beep` is played. */
  async after(beep: PlaybackHandle): Promise<void> {
    this.rest('beep', true);
    const stop = (): void => beep.stop();
    this.done.then(stop, stop);
    await beep.done.catch(() => {});
    this.rest('beep', false);
  }

  close(): Promise<RecordingResult> {
    if (this.#settle) this.#stop();
    return this.done;
  }

  /** What is left is given to the stream without waiting for it: nobody is held up by a reader that stalls. */
  hurry(): void {
    this.#stream?.hurry();
  }

  onEvent(event: EngineEvent): void {
    if (event.type === 'record.data') void this.#write(event);
    if (event.type !== 'record.done') return;
    if (event.error) this.#end()?.reject(fromErrorData(event.error));
    else {
      const { durationMs, bytes, end, gaps, pauses } = event;
      this.#end()?.resolve({ durationMs, bytes, end, gaps, pauses });
    }
  }

  /** The engine died; what it wrote until then is a playable file. */
  lost(error: TandemError): void {
    this.#end()?.reject(error);
  }

  #end(): Settle | undefined {
    const settle = this.#settle;
    if (!settle) return undefined;
    this.#settle = undefined;
    this.#signal?.removeEventListener('abort', this.#stop);
    this.#stream?.release();
    this.#onOver();
    return settle;
  }

  async #write(event: RecordData): Promise<void> {
    const answer = { type: 'record.written', leg: this.#leg, recording: this.id } as const;
    try {
      if (this.#stream) await this.#stream.write(event);
      else if (typeof this.#target === 'object' && isFileHandle(this.#target)) await writeAt(this.#target, event);
      this.#link.send(answer);
    } catch (error) {
      this.#link.send({ ...answer, error: toErrorData(error, 'ERR_FILE') });
    }
  }
}

function recordTypeOfName(path: string): RecordType {
  return audioTypeOfName(path) === 'audio/ogg' ? 'audio/ogg' : 'audio/wav';
}

function isFileHandle(target: FileHandle | Writable): target is FileHandle {
  return 'fd' in target && 'datasync' in target;
}

async function writeAt(file: FileHandle, { bytes, position, header, size }: RecordData): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
  if (header.length > 0) await file.write(header, 0, header.length, 0);
  if (size !== undefined) await file.truncate(size);
}

/** A stream cannot go back: a WAV header leaves the length open (0xFFFFFFFF, as other tools write it). */
class StreamWriter {
  readonly #target: Writable;
  #begun = false;
  #hurried = false;
  #failure: TandemError | undefined;
  #release: (() => void) | undefined;
  readonly #onDrain = (): void => this.#release?.();
  readonly #onError = (error: Error): void => this.#fail(`the stream that is recorded to failed: ${error.message}`);
  readonly #onClose = (): void => this.#fail('the stream that is recorded to was closed');

  constructor(target: Writable) {
    this.#target = target;
    target.on('drain', this.#onDrain);
    target.on('error', this.#onError);
    target.on('close', this.#onClose);
  }

  async write({ header, bytes }: RecordData): Promise<void> {
    if (!this.#begun && header.length > 0) {
      this.#begun = true;
      const open = header.slice();
      const view = new DataView(open.buffer);
      view.setUint32(4, 0xffffffff, true);
      view.setUint32(open.length - 4, 0xffffffff, true);
      await this.#write(open);
    }
    if (bytes.length > 0) await this.#write(bytes);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#target.destroyed || this.#target.writableEnded) this.#onClose();
    if (this.#failure) throw this.#failure;
    if (this.#target.write(chunk) || this.#hurried) return;
    await new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    if (this.#failure) throw this.#failure;
  }

  hurry(): void {
    this.#hurried = true;
    this.#release?.();
  }

  release(): void {
    this.hurry();
    this.#target.off('drain', this.#onDrain);
    this.#target.off('error', this.#onError);
    this.#target.off('close', this.#onClose);
  }

  #fail(message: string): void {
    this.#failure ??= new TandemError('ERR_FILE', message);
    this.#release?.();
  }
}
