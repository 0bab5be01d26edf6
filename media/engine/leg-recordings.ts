/** The recordings of one leg: their taps, their beat, and how each of them ends. */
import type { TandemError } from '../../src/base/errors.ts';
import type { Files } from '../../src/base/io.ts';
import type { Random } from '../../src/base/random.ts';
import { type AudioCodec, Coders, opusRateFor, sampleRateOf, sampleTime } from '../codec/index.ts';
import { fromErrorData, toErrorData } from '../handle/errors.ts';
import type { EngineEvent, ErrorData, RecordingConfig, RecordingEnd } from '../protocol.ts';
import type { RecordingCoders } from '../recorder/coder.ts';
import { EngineRecording } from '../recording.ts';
import { type FileChange, type RecordingFormat, wavRecording } from '../recording-format.ts';
import { oggRecording } from '../recording-ogg.ts';
import { type RecordingGap, type Resume, reopened } from '../recording-resume.ts';
import { type ChunkWriter, fileWriter, RecordingSink } from '../recording-sink.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { RecordingSnapshot, ResumableRecording } from '../snapshot.ts';

/** ms of one packet that are decoded. */
const longestMs = 250;

export interface RecordingPorts {
  readonly files: Files;
  readonly random: Random;
  readonly recordingCoders: RecordingCoders;
  readonly emit: (event: EngineEvent) => void;
}

interface Running {
  readonly recording: EngineRecording;
  readonly path: string | undefined;
  readonly config: RecordingConfig;
  readonly sampleRate: number;
  error: TandemError | undefined;
  /** The main thread's answer to the chunk it was given last. */
  onWritten: ((error: ErrorData | undefined) => void) | undefined;
}

export class LegRecordings {
  readonly #leg: string;
  readonly #ports: RecordingPorts;
  readonly #emit: (event: EngineEvent) => void;
  readonly #onChange: () => void;
  readonly #onLast: () => void;
  readonly #running = new Map<string, Running>();
  readonly #ending = new Map<string, Promise<void>>();
  /** Those whose last chunks are being written still hear the main thread's answers. */
  readonly #writing = new Map<string, Running>();
  readonly #coders = new Coders();
  readonly #codecs: (AudioCodec | undefined)[] = [];
  #rate = 8000;
  /** Samples of the longest packet, and room for them once something is recorded. */
  #longest = 0;
  #samples = new Int16Array(0);

  /** Hears what is sent as well, decoded. */
  onSent: ((samples: Int16Array, rate: number) => void) | undefined;

  /** @param onChange the number of recordings changed; @param onLast the last one is about to end */
  constructor(leg: string, ports: RecordingPorts, onChange: () => void, onLast: () => void) {
    this.#leg = leg;
    this.#ports = ports;
    this.#emit = ports.emit;
    this.#onChange = onChange;
    this.#onLast = onLast;
  }

  get size(): number {
    return this.#running.size;
  }

  /** The codecs of what is sent, by payload type. */
  configure(audio: NegotiatedAudio): void {
    this.#codecs.length = 0;
    const codecs = [...audio.receivePayloadTypes, audio.codec];
    this.#coders.configure(codecs);
    for (const codec of codecs) this.#codecs[codec.payloadType] = this.#coders.of(codec);
    this.#rate = sampleRateOf(audio.codec);
    const rate = Math.max(...codecs.map(sampleRateOf));
    this.#longest = Math.ceil((rate * longestMs) / 1000);
  }

  /** @param path undefined: chunks go to the main thread */
  start(id: string, path: string | undefined, config: RecordingConfig): void {
    const asked = config.sampleRate === 0 ? this.#rate : config.sampleRate;
    const rate = config.type === 'audio/ogg' ? opusRateFor(asked) : asked;
    const writer = path === undefined ? this.#remote(id) : fileWriter(this.#ports.files, path);
    this.#run({ id, path, config, sampleRate: rate }, writer);
  }

  /** Goes on with one of an earlier process. @param awayMs since its state was taken */
  resume(of: ResumableRecording, awayMs: number): void {
    const { id, path, config, sampleRate, samples, paused, gaps, pauses = [] } = of;
    const { maxDuration } = config;
    const longest = maxDuration > 0 ? Math.round((maxDuration * sampleRate) / 1000) : Number.POSITIVE_INFINITY;
    const missed = paused ? 0 : Math.round((awayMs * sampleRate) / 1000);
    const expected = Math.min(longest, samples + missed);
    const { open, writer } = reopened(this.#ports.files, path);
    const onOpened = (found: number, all: readonly RecordingGap[]): void => {
      recording.opened(found - expected, all);
      this.#onChange();
    };
    const resumed = { open, samples: expected, gaps, onOpened };
    const { recording } = this.#run({ id, path, config, sampleRate, pauses }, writer, resumed);
    recording.pause(paused);
  }

  #run(
    of: Pick<RecordingSnapshot, 'id' | 'path' | 'config' | 'sampleRate' | 'pauses'>,
    to: ChunkWriter,
    resume?: Resume,
  ): Running {
    const { id, path, config, sampleRate, pauses } = of;
    const format = this.#format(config, sampleRate, path !== undefined, resume);
    const sink = new RecordingSink(to, format, (error) => {
      running.error ??= error;
      this.end(id, 'stopped');
    });
    const running: Running = {
      recording: new EngineRecording(id, config, sampleRate, sink, resume?.samples, pauses),
      path,
      config,
      sampleRate,
      error: undefined,
      onWritten: undefined,
    };
    this.#running.set(id, running);
    this.#writing.set(id, running);
    this.#onChange();
    return running;
  }

  #format({ type, channels }: RecordingConfig, sampleRate: number, isFile: boolean, resume?: Resume): RecordingFormat {
    const shape = { sampleRate, channels };
    if (type === 'audio/wav') return wavRecording(shape, resume, isFile);
    return oggRecording(shape, this.#ports.random.uint32(), this.#ports.recordingCoders.open(shape), resume);
  }

  get state(): readonly RecordingSnapshot[] {
    return [...this.#running].map(([id, { recording, path, config, sampleRate }]) => ({
      id,
      path,
      config,
      sampleRate,
      samples: recording.samples,
      paused: recording.paused,
      gaps: recording.gaps,
      pauses: recording.pauses,
    }));
  }

  /** Chunks to the main thread, one at a time. */
  #remote(id: string): ChunkWriter {
    return { write: (change) => this.#send(id, change), close: async () => {} };
  }

  #send(id: string, data: FileChange): Promise<void> {
    return new Promise((resolve, reject) => {
      // The first write begins while the recording is being made.
      queueMicrotask(() => {
        const running = this.#writing.get(id);
        if (!running) return resolve();
        running.onWritten = (error) => (error ? reject(fromErrorData(error)) : resolve());
        this.#emit({ type: 'record.data', leg: this.#leg, recording: id, ...data });
      });
    });
  }

  written(id: string, error: ErrorData | undefined): void {
    const running = this.#writing.get(id);
    const done = running?.onWritten;
    if (running) running.onWritten = undefined;
    done?.(error);
  }

  pause(id: string, on: boolean): void {
    this.#running.get(id)?.recording.pause(on);
    this.#onChange();
  }

  received(samples: Int16Array, rate: number): void {
    for (const { recording } of this.#running.values()) recording.received(samples, rate);
  }

  sent(payloadType: number, timestamp: number, buffer: Uint8Array, offset: number, length: number): void {
    const codec = this.#codecs[payloadType];
    if (!codec) return;
    if (this.#samples.length !== this.#longest) this.#samples = new Int16Array(this.#longest);
    const count = codec.decode(buffer.subarray(offset, offset + length), this.#samples);
    const samples = this.#samples.subarray(0, count);
    const at = sampleTime(codec, timestamp);
    for (const { recording } of this.#running.values()) recording.sent(at, samples, codec.sampleRate);
    this.onSent?.(samples, codec.sampleRate);
  }

  tick(skipped: number): void {
    for (const [id, { recording }] of this.#running) {
      recording.tick(skipped);
      const { over } = recording;
      if (over) this.end(id, over);
    }
  }

  /** Idempotent: says `record.done` when all is written. @param goesOn see `EngineRecording` */
  end(id: string, end: RecordingEnd, goesOn = false): void {
    const running = this.#running.get(id);
    if (!running) return;
    if (this.#running.size === 1) this.#onLast();
    this.#running.delete(id);
    this.#onChange();
    const { recording } = running;
    const ended = recording.end(goesOn && running.path !== undefined).then(() => {
      this.#ending.delete(id);
      this.#writing.delete(id);
      this.#emit({
        type: 'record.done',
        leg: this.#leg,
        recording: id,
        end,
        durationMs: recording.durationMs,
        bytes: recording.sink.bytes,
        gaps: recording.gaps,
        pauses: recording.pauses,
        ...(running.error ? { error: toErrorData(running.error) } : {}),
      });
    });
    this.#ending.set(id, ended);
  }

  /** Ends all; resolves when all is written. @param goOn elsewhere: files are left as they are */
  async close(goOn = false): Promise<void> {
    for (const id of [...this.#running.keys()]) this.end(id, 'ended', goOn);
    this.#codecs.length = 0;
    this.#coders.close();
    await Promise.all(this.#ending.values());
  }
}
