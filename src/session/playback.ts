/** Playing audio to the far end (diago's Playback and PlaybackControl). */

import type {
  AudioType,
  MediaLeg,
  PlaybackHandle,
  PlayItem,
  PlayOptions,
  PlayResult,
  PlaySource,
  Tone,
} from '../../media/index.ts';
import { tones } from '../../media/index.ts';
import { type BargeIn, interruptible, type OnBargeIn } from './barge-in.ts';
import type { Activity, ActivityFacts, BeginActivity } from './follower.ts';

/** How the source's bytes are to be read; `''` is payload that is encoded already, sent as it is. */
export type PlayType = AudioType;

export interface PlaybackOptions extends PlayOptions {
  /** Default: what a server says (Content-Type), else what the name says (`.opus`, `.ogg`, `.mp3`), else `audio/wav`. */
  readonly type?: PlayType;
  /** Stopped by a key of the peer, which is kept for the next `gather`, by its speech, or (true) by either. */
  readonly bargeIn?: BargeIn;
}

export interface SayOptions extends Omit<PlaybackOptions, 'type' | 'sampleRate' | 'channels'> {
  /** As the provider names them; default: one of the language. */
  readonly voice?: string;
  /** BCP 47, as `en-GB`; default: the provider's. */
  readonly language?: string;
}

/** Starts playing on the leg that has audio now. */
type Start = (source: PlaySource, options: PlaybackOptions) => PlaybackHandle;

function starter(leg: () => MediaLeg, onBargeIn: OnBargeIn, begin: BeginActivity): Start {
  return (source, options) => {
    const { bargeIn = false, type, ...play } = options;
    const start = (): PlaybackHandle => leg().play(source, type, play);
    const begun = (): PlaybackHandle => (bargeIn === false ? start() : interruptible(start, bargeIn, onBargeIn));
    return followPlayback(begin('play', factsOf(source)), begun);
  };
}

function followPlayback(activity: Activity | undefined, start: () => PlaybackHandle): PlaybackHandle {
  if (!activity) return start();
  try {
    const handle = activity.run(start);
    handle.done.then(
      ({ end, playedMs }) => activity.end({ end, playedMs }),
      (error: unknown) => activity.end({}, error),
    );
    return handle;
  } catch (error) {
    activity.end({}, error);
    throw error;
  }
}

/** What is played, as far as it has a name; of a text that is said only how long it is. */
function factsOf(source: PlaySource): ActivityFacts {
  if (Array.isArray(source)) return { items: source.length, ...factsOf((source as readonly PlayItem[])[0] ?? '') };
  if (typeof source === 'string') return { source };
  if (source instanceof URL) return { source: source.href };
  if (typeof source === 'object' && 'say' in source) return { characters: source.say.length };
  if (typeof source === 'object' && 'source' in source && typeof source.source === 'string')
    return { source: source.source };
  return {};
}

function normalize(options: PlayType | PlaybackOptions | undefined): PlaybackOptions {
  return typeof options === 'string' ? { type: options } : (options ?? {});
}

export class Playback {
  readonly #start: Start;

  constructor(leg: () => MediaLeg, onBargeIn: OnBargeIn, begin: BeginActivity) {
    this.#start = starter(leg, onBargeIn, begin);
  }

  /**
   * Plays and resolves when it is over: to its end, stopped (by `signal` or by another source taking
   * over), or with the call. Several sources in a list follow one another without a seam.
   * @throws TandemError ERR_FILE, ERR_FETCH, ERR_AUDIO_FORMAT, ERR_TTS, ERR_NO_MEDIA; DialogEndedError when the call was over
   * before.
   */
  async play(source: PlaySource, options?: PlayType | PlaybackOptions): Promise<PlayResult> {
    return this.#start(source, normalize(options)).done;
  }
}

/** A playback that can be steered while it runs. A setting made before `play` counts from its start. */
export class PlaybackControl {
  readonly #start: Start;
  #handle: PlaybackHandle | undefined;
  #muted = false;
  #paused = false;
  #gain = 1;
  #loop: boolean | number | undefined;

  constructor(leg: () => MediaLeg, onBargeIn: OnBargeIn, begin: BeginActivity) {
    this.#start = starter(leg, onBargeIn, begin);
  }

  /** As `Playback.play`; a second call takes over from the first. */
  async play(source: PlaySource, options?: PlayType | PlaybackOptions): Promise<PlayResult> {
    const chosen = normalize(options);
    const loop = chosen.loop ?? this.#loop;
    const handle = this.#start(source, {
      ...chosen,
      volume: chosen.volume ?? this.#gain,
      ...(loop === undefined ? {} : { loop }),
    });
    this.#handle = handle;
    if (this.#muted) handle.mute(true);
    if (this.#paused) handle.pause();
    try {
      return await handle.done;
    } finally {
      if (this.#handle === handle) this.#handle = undefined;
    }
  }

  /** Makes `play` return. */
  stop(): void {
    this.#handle?.stop();
  }

  /** Silence is sent in place of the audio, which goes on unheard. */
  mute(on: boolean): void {
    this.#muted = on;
    this.#handle?.mute(on);
  }

  /** Holds the audio where it is. */
  pause(): void {
    this.#paused = true;
    this.#handle?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#handle?.resume();
  }

  /** @param ms position from the start, in milliseconds. */
  seek(ms: number): void {
    this.#handle?.seek(ms);
  }

  /** @param gain 1 leaves the loudness as it is; 0 … 4. */
  volume(gain: number): void {
    this.#gain = gain;
    this.#handle?.volume(gain);
  }

  /** @param on for ever, not at all, or so many times in all. */
  loop(on: boolean | number): void {
    this.#loop = on;
    this.#handle?.loop(on);
  }

  /** Milliseconds from the start of the audio; 0 when nothing plays. */
  async position(): Promise<number> {
    return this.#handle?.position() ?? 0;
  }
}

/** The tone a caller hears while the far end rings. */
export class Ringtone {
  readonly #leg: () => MediaLeg;
  readonly #tone: Tone;

  /** @param tone default: European ringback, 425 Hz, 1 s on and 4 s off. */
  constructor(leg: () => MediaLeg, tone: Tone = tones.ringback) {
    this.#leg = leg;
    this.#tone = tone;
  }

  /** Plays until `signal` is aborted, another source takes over, or the call ends. */
  async play(options: { readonly signal?: AbortSignal } = {}): Promise<PlayResult> {
    const { signal } = options;
    const handle = this.#leg().tone(this.#tone);
    const stop = (): void => handle.stop();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await handle.done;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Starts it and returns how to stop it. */
  playBackground(): () => void {
    const handle = this.#leg().tone(this.#tone);
    handle.done.catch(() => {});
    return () => handle.stop();
  }
}
