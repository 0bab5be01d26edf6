/** One recording inside an engine: both directions of a leg, cut at the beat and mixed down for a file. */
import { clamp16, rmsLevel } from './audio/index.ts';
import { beatMs } from './pacer.ts';
import type { RecordingConfig, RecordingEnd } from './protocol.ts';
import type { RecordingGap } from './recording-resume.ts';
import type { RecordingSink } from './recording-sink.ts';
import { RecordingTimeline } from './recording-timeline.ts';
import type { RtpTimestamp } from './rtp/sequence.ts';

/** ms of audio per write. */
const chunkMs = 500;
/** dB of full scale, RMS over one beat; what is softer is silence, the noise of a line too. */
const silenceLevel = -45;
/** Pauses that are marked. */
const mostPauses = 1_000;
/** ms that are left of the silence at the end: a word may end softly. */
const tailMs = 200;

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
  /** Where the last sound ended. */
  #sounded = 0;
  #paused = false;
  /** Beats since it was paused. */
  #pausedBeats = 0;
  readonly #pauses: RecordingGap[];

  #gaps: readonly RecordingGap[] = [];

  /**
   * @param rate samples per second of the file
   * @param samples that are in it already, when it goes on
   * @param pauses of it until then
   */
  constructor(
    id: string,
    config: RecordingConfig,
    rate: number,
    sink: RecordingSink,
    samples = 0,
    pauses: readonly RecordingGap[] = [],
  ) {
    this.id = id;
    this.#config = config;
    this.#rate = rate;
    this.#sink = sink;
    this.#samples = samples;
    this.#pauses = [...pauses];
    // What was said while nobody recorded is not known: it counts as something.
    this.#sounded = samples;
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

  get samples(): number {
    return this.#samples;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Where there is only silence, as nobody recorded. */
  get gaps(): readonly RecordingGap[] {
    return this.#gaps;
  }

  /** Where something was left out on purpose; one that lasts is not among them yet. */
  get pauses(): readonly RecordingGap[] {
    return this.#pauses;
  }

  /** The file it goes on in was opened. @param more samples than were expected in it */
  opened(more: number, gaps: readonly RecordingGap[]): void {
    this.#samples += more;
    this.#sounded += more;
    this.#gaps = gaps;
  }

  /** Why it is over by itself; undefined while it is not. */
  get over(): RecordingEnd | undefined {
    const { maxDuration, maxSilence } = this.#config;
    if (maxDuration > 0 && this.durationMs >= maxDuration) return 'max';
    const silent = ((this.#samples - this.#sounded) * 1000) / this.#rate;
    return maxSilence > 0 && silent >= maxSilence ? 'silence' : undefined;
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
    if (!on) this.#resumed();
    this.#paused = on;
  }

  #resumed(): void {
    // What was paused before anything was in it has no place there.
    if (this.#pausedBeats > 0 && this.#samples > 0 && this.#pauses.length < mostPauses)
      this.#pauses.push({ atMs: Math.round(this.durationMs), forMs: this.#pausedBeats * beatMs });
    this.#pausedBeats = 0;
  }

  /** One beat, and `skipped` before it that were left out: what came meanwhile is read, the rest is silence. */
  tick(skipped: number): void {
    for (let i = 0; i <= skipped && !this.over; i++) this.#frame();
  }

  #frame(): void {
    this.#received.read(this.#left);
    this.#sent.read(this.#right);
    if (this.#paused) {
      this.#pausedBeats++;
      return;
    }
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
    if (this.#listens && this.#sounds) this.#sounded = this.#samples;
    if (this.#filled >= chunk.length) this.#flush();
  }

  /**
   * Writes what is left, with what was still on its way; resolves when the target is closed.
   * @param goesOn elsewhere: the file is left as one that is being recorded
   */
  async end(goesOn = false): Promise<void> {
    const frame = this.#left.length;
    this.#resumed();
    // What is on its way would make the file longer than the time was.
    const pending = goesOn ? 0 : Math.max(this.#received.pending, this.#sent.pending);
    for (let more = pending; more > 0 && !this.over; more -= frame) this.#frame();
    this.#flush();
    if (!goesOn) this.#samples = this.#kept;
    await this.#sink.close(goesOn ? undefined : this.#samples, this.#pauses);
  }

  /** Samples that would be kept if it ended now. */
  get #kept(): number {
    if (!this.#config.trimSilence) return this.#samples;
    return Math.min(this.#samples, this.#sounded + Math.round((this.#rate * tailMs) / 1000));
  }

  get #listens(): boolean {
    return this.#config.trimSilence || this.#config.maxSilence > 0;
  }

  /** Whether somebody was heard in the last beat. */
  get #sounds(): boolean {
    return rmsLevel(this.#left) >= silenceLevel || rmsLevel(this.#right) >= silenceLevel;
  }

  #freshChunk(): Int16Array {
    return new Int16Array(Math.ceil(chunkMs / beatMs) * this.#left.length * this.#config.channels);
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const chunk = this.#chunk;
    this.#sink.push(new Uint8Array(chunk.buffer, 0, this.#filled * 2), this.#kept);
    this.#chunk = this.#freshChunk();
    this.#filled = 0;
  }
}
