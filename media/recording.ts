/** One recording inside an engine: both directions of a leg, cut at the beat and mixed down to a WAV. */
import { clamp16 } from './audio/index.ts';
import { beatMs } from './pacer.ts';
import type { RecordingConfig } from './protocol.ts';
import type { RecordingSink } from './recording-sink.ts';
import { RecordingTimeline } from './recording-timeline.ts';
import type { RtpTimestamp } from './rtp/sequence.ts';

/** ms of audio per write. */
const chunkMs = 500;

export class EngineRecording {
  readonly id: string;
  readonly #config: RecordingConfig;
  readonly #rate: number;
  readonly #sink: RecordingSink;
  readonly #received: RecordingTimeline;
  readonly #sent: RecordingTimeline;
  readonly #left: Int16Array;
  readonly #right: Int16Array;
  #chunk: Int16Array;
  #filled = 0;
  #samples = 0;
  #paused = false;

  /** @param rate samples per second of the file */
  constructor(id: string, config: RecordingConfig, rate: number, sink: RecordingSink) {
    this.id = id;
    this.#config = config;
    this.#rate = rate;
    this.#sink = sink;
    this.#received = new RecordingTimeline(rate);
    this.#sent = new RecordingTimeline(rate);
    const frame = Math.floor((rate * beatMs) / 1000);
    this.#left = new Int16Array(frame);
    this.#right = new Int16Array(frame);
    this.#chunk = this.#freshChunk();
  }

  get sink(): RecordingSink {
    return this.#sink;
  }

  get durationMs(): number {
    return (this.#samples * 1000) / this.#rate;
  }

  /** True when as much is recorded as was asked for. */
  get full(): boolean {
    return this.#config.maxDuration > 0 && this.durationMs >= this.#config.maxDuration;
  }

  /** What was heard since the last beat. */
  received(samples: Int16Array, rate: number): void {
    if (this.#config.direction !== 'out') this.#received.append(samples, rate);
  }

  sent(timestamp: RtpTimestamp, samples: Int16Array, rate: number): void {
    if (this.#config.direction !== 'in') this.#sent.write(timestamp, samples, rate);
  }

  /** What is said while paused is not recorded, nor silence in its place. */
  pause(on: boolean): void {
    this.#paused = on;
  }

  /** One beat, and `skipped` before it that were left out: what came meanwhile is read, the rest is silence. */
  tick(skipped: number): void {
    for (let i = 0; i <= skipped && !this.full; i++) this.#frame();
  }

  #frame(): void {
    this.#received.read(this.#left);
    this.#sent.read(this.#right);
    if (this.#paused) return;
    const { maxDuration, channels } = this.#config;
    const left = maxDuration > 0 ? Math.round((maxDuration * this.#rate) / 1000) - this.#samples : Infinity;
    const count = Math.min(this.#left.length, left);
    const chunk = this.#chunk;
    for (let i = 0; i < count; i++) {
      const received = this.#left[i]!;
      const sent = this.#right[i]!;
      if (channels === 2) {
        chunk[this.#filled++] = received;
        chunk[this.#filled++] = sent;
      } else chunk[this.#filled++] = clamp16(received + sent);
    }
    this.#samples += count;
    if (this.#filled >= chunk.length) this.#flush();
  }

  /** Writes what is left, with what was still on its way; resolves when the target is closed. */
  async end(): Promise<void> {
    const frame = this.#left.length;
    for (let more = Math.max(this.#received.pending, this.#sent.pending); more > 0 && !this.full; more -= frame)
      this.#frame();
    this.#flush();
    await this.#sink.close();
  }

  #freshChunk(): Int16Array {
    return new Int16Array(Math.ceil(chunkMs / beatMs) * this.#left.length * this.#config.channels);
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const chunk = this.#chunk;
    this.#sink.push(new Uint8Array(chunk.buffer, 0, this.#filled * 2));
    this.#chunk = this.#freshChunk();
    this.#filled = 0;
  }
}
