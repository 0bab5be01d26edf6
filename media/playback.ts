/**
 * One playback inside an engine: payload frame by frame, with what a listener may turn on the way
 * (pause, mute, volume, loop, seek). Where the payload comes from is a `FrameSource`.
 */
import { clamp16 } from './audio/index.ts';
import { type AudioCodec, samplesIn } from './codec/index.ts';
import type { PlayControl, PlayState, PromptKey } from './protocol.ts';
import type { PlaybackSnapshot, PlayProgress } from './snapshot.ts';

/** Encoded payload in order; counts are bytes, whole samples. */
export interface FrameSource {
  /** Writes up to `count` bytes of payload. @returns how many; fewer at the end, 0 too when none is there yet */
  read(out: Uint8Array, offset: number, count: number): number;
  /** Nothing more will come. */
  readonly atEnd: boolean;
  /** ms from the start of the source to what `read` gives next. */
  readonly position: number;
  /** ms of all of it; undefined while nobody knows. */
  readonly length: number | undefined;
  /** It can be begun again. */
  readonly seekable: boolean;
  /** Sources that cannot go back stay where they are. @returns whether it could */
  seek(ms: number): boolean;
  /** The leg speaks another codec from now on. @returns false when what is there is of no use in it */
  recode(codec: AudioCodec): boolean;
  /** What it can be opened from again, for a snapshot. */
  readonly origin: PlaybackSnapshot['source'] | undefined;
}

export type { PromptKey };

/** What one frame was. */
export type Frame = 'audio' | 'nothing' | 'finished';

export class EnginePlayback {
  readonly id: string;
  #source: FrameSource;
  #codec: AudioCodec;
  #state: PlayState;
  #playedMs: number;
  #finished = false;
  /** The codec changed and the payload for the new one is not here yet. */
  #stale = false;
  #samples = new Int16Array(0);

  constructor(id: string, source: FrameSource, codec: AudioCodec, state: PlayState, playedMs = 0) {
    this.id = id;
    this.#source = source;
    this.#codec = codec;
    this.#state = state;
    this.#playedMs = playedMs;
    if (state.position > 0) source.seek(state.position);
  }

  /** ms of audio that were sent. */
  get playedMs(): number {
    return this.#playedMs;
  }

  /** ms from the start of the source. */
  get position(): number {
    return this.#source.position;
  }

  /** True once the last audio is out. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Undefined when the source cannot be opened again. */
  get snapshot(): PlaybackSnapshot | undefined {
    const source = this.#source.origin;
    return source && { ...this.progress, source };
  }

  get progress(): PlayProgress {
    return { id: this.id, state: { ...this.#state, position: this.position }, playedMs: this.#playedMs };
  }

  /** The leg speaks another codec. */
  recode(codec: AudioCodec): void {
    this.#codec = codec;
    this.#stale = !this.#source.recode(codec);
  }

  /** The same audio in another codec, from where it is. */
  swap(source: FrameSource, codec: AudioCodec): void {
    source.seek(this.#source.position);
    this.#source = source;
    this.#codec = codec;
    this.#stale = false;
  }

  /** @returns false for `stop`, which is the owner's to do. */
  control(control: PlayControl): boolean {
    switch (control.do) {
      case 'stop':
        return false;
      case 'pause':
        this.#state = { ...this.#state, paused: control.on };
        return true;
      case 'mute':
        this.#state = { ...this.#state, muted: control.on };
        return true;
      case 'gain':
        this.#state = { ...this.#state, gain: control.gain };
        return true;
      case 'loop':
        this.#state = { ...this.#state, loops: control.loops };
        return true;
      case 'seek':
        this.#source.seek(control.ms);
        return true;
      default:
        control satisfies never;
        return true;
    }
  }

  /** Writes `count` bytes of payload; a last frame that is short is filled with silence. */
  frame(out: Uint8Array, offset: number, count: number): Frame {
    const codec = this.#codec;
    if (this.#stale) return 'nothing';
    if (this.#state.paused) {
      codec.silence(out.subarray(offset, offset + count));
      return 'audio';
    }
    const source = this.#source;
    let filled = source.read(out, offset, count);
    while (filled < count && source.atEnd && this.#state.loops !== 0 && source.seek(0)) {
      if (this.#state.loops > 0) this.#state = { ...this.#state, loops: this.#state.loops - 1 };
      const more = source.read(out, offset + filled, count - filled);
      if (more === 0) break; // an empty prompt loops no longer than once
      filled += more;
    }
    const over = source.atEnd && this.#state.loops === 0;
    if (filled === 0) {
      this.#finished = source.atEnd;
      return this.#finished ? 'finished' : 'nothing';
    }
    this.#finished = over;
    this.#playedMs += (filled * 1000) / (codec.bytesPerTick * codec.clockRate);
    if (this.#state.muted) codec.silence(out.subarray(offset, offset + count));
    else {
      if (this.#state.gain !== 1) this.#scale(out, offset, filled, this.#state.gain);
      if (filled < count) codec.silence(out.subarray(offset + filled, offset + count));
    }
    return 'audio';
  }

  #scale(out: Uint8Array, offset: number, count: number, gain: number): void {
    const length = samplesIn(this.#codec, count);
    if (this.#samples.length < length) this.#samples = new Int16Array(length);
    const samples = this.#samples.subarray(0, length);
    const payload = out.subarray(offset, offset + count);
    this.#codec.decode(payload, samples);
    for (let i = 0; i < length; i++) samples[i] = clamp16(samples[i]! * gain);
    this.#codec.encode(samples, payload);
  }
}
