/** The main thread's end of one playback: load the source, start it in the engine, hear of its end. */
import { isAbort, TandemError } from '../../src/base/errors.ts';
import type { EngineEvent, EngineSource, PlayControl, PlayState } from '../protocol.ts';
import type { PlayProgress } from '../snapshot.ts';
import { fromErrorData } from './errors.ts';
import type { EngineLink } from './link.ts';
import type { PlaybackHandle, PlayOptions, PlayResult } from './types.ts';

/** What is to be played, in the form the engine takes, and what has to go on while it plays. */
export interface LoadedSource {
  readonly source: EngineSource;
  /** Feeds a ring until the source ends; rejects when it cannot be read. */
  readonly feed?: (signal: AbortSignal) => Promise<void>;
  /** The ring has space again. */
  readonly onSpace?: () => void;
  /** The same in the codec that was negotiated since. */
  readonly recode?: (signal: AbortSignal) => Promise<EngineSource>;
}

interface PlaybackOptions {
  readonly link: EngineLink;
  readonly leg: string;
  readonly id: string;
  readonly options: PlayOptions;
  /** Rejects with what `done` is to reject with. */
  readonly load: (signal: AbortSignal) => Promise<LoadedSource>;
  readonly resume?: PlayProgress;
  /** Called once, when it is over for whatever reason. */
  readonly onOver: () => void;
}

interface Settle {
  readonly resolve: (result: PlayResult) => void;
  readonly reject: (error: unknown) => void;
}

export class Playback implements PlaybackHandle {
  readonly id: string;
  readonly done: Promise<PlayResult>;
  readonly #link: EngineLink;
  readonly #leg: string;
  readonly #onOver: () => void;
  readonly #resume: PlayProgress | undefined;
  readonly #loading = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.stop();
  #settle: Settle | undefined;
  #state: PlayState;
  #loaded: LoadedSource | undefined;
  #failure: unknown;

  constructor({ link, leg, id, options, load, resume, onOver }: PlaybackOptions) {
    this.id = id;
    this.#link = link;
    this.#leg = leg;
    this.#onOver = onOver;
    this.#resume = resume;
    this.#state = resume?.state ?? {
      paused: false,
      muted: false,
      gain: clampGain(options.volume ?? 1),
      loops: loopsOf(options.loop ?? false),
      position: Math.max(0, options.from ?? 0),
    };
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever does not look at `done` must not end the process with an unhandled rejection.
    this.done.catch(() => {});
    this.#signal = options.signal;
    if (this.#signal?.aborted) {
      queueMicrotask(() => this.stop());
      return;
    }
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    load(this.#loading.signal).then(
      (loaded) => this.#start(loaded),
      (error) => this.#fail(error),
    );
  }

  #start(loaded: LoadedSource): void {
    if (!this.#settle) return;
    this.#loaded = loaded;
    this.#link.send({
      type: 'play.start',
      leg: this.#leg,
      playback: this.id,
      source: loaded.source,
      state: this.#state,
      ...(this.#resume ? { resume: this.#resume } : {}),
    });
    loaded.feed?.(this.#loading.signal).catch((error: unknown) => {
      if (isAbort(error, this.#loading.signal)) return;
      this.#failure = error;
      this.stop();
    });
  }

  /** The leg negotiated another codec. */
  recode(): void {
    this.#loaded?.recode?.(this.#loading.signal).then(
      (source) => {
        if (this.#loaded) this.#loaded = { ...this.#loaded, source };
        this.#link.send({ type: 'play.swap', leg: this.#leg, playback: this.id, source });
      },
      (error: unknown) => {
        if (isAbort(error, this.#loading.signal)) return;
        this.#failure = error;
        this.stop();
      },
    );
  }

  onEvent(event: EngineEvent): void {
    if (event.type === 'ring.ready') this.#loaded?.onSpace?.();
    if (event.type !== 'play.done') return;
    const failure = this.#failure ?? (event.error && fromErrorData(event.error));
    if (failure) this.#fail(failure);
    else this.#over({ end: event.end, playedMs: event.playedMs });
  }

  /** The leg is in another engine, as it was when `saved` was told. */
  revive(saved: PlayProgress | undefined): void {
    if (!this.#loaded || !this.#settle) return;
    const known = saved?.id === this.id ? saved : undefined;
    const { paused, muted, gain } = this.#state;
    this.#link.send({
      type: 'play.start',
      leg: this.#leg,
      playback: this.id,
      source: this.#loaded.source,
      state: { ...(known?.state ?? this.#state), paused, muted, gain },
      ...(known ? { resume: known } : {}),
    });
  }

  /** The leg or its engine went without a word about this playback. */
  lost(): void {
    this.#over({ end: 'ended', playedMs: 0 });
  }

  #over(result: PlayResult): void {
    this.#end()?.resolve(result);
  }

  #fail(error: unknown): void {
    if (isAbort(error, this.#signal)) this.#over({ end: 'stopped', playedMs: 0 });
    else
      this.#end()?.reject(
        error instanceof TandemError
          ? error
          : new TandemError('ERR_FILE', `cannot read what is to be played: ${String(error)}`, { cause: error }),
      );
  }

  #end(): Settle | undefined {
    const settle = this.#settle;
    if (!settle) return undefined;
    this.#settle = undefined;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#loading.abort();
    this.#onOver();
    return settle;
  }

  #control(control: PlayControl): void {
    if (this.#loaded && this.#settle)
      this.#link.send({ type: 'play.control', leg: this.#leg, playback: this.id, control });
  }

  stop(): void {
    if (this.#loaded) this.#control({ do: 'stop' });
    else this.#over({ end: 'stopped', playedMs: 0 });
  }

  mute(on: boolean): void {
    this.#state = { ...this.#state, muted: on };
    this.#control({ do: 'mute', on });
  }

  pause(): void {
    this.#state = { ...this.#state, paused: true };
    this.#control({ do: 'pause', on: true });
  }

  resume(): void {
    this.#state = { ...this.#state, paused: false };
    this.#control({ do: 'pause', on: false });
  }

  seek(ms: number): void {
    this.#state = { ...this.#state, position: Math.max(0, ms) };
    this.#control({ do: 'seek', ms: Math.max(0, ms) });
  }

  volume(gain: number): void {
    this.#state = { ...this.#state, gain: clampGain(gain) };
    this.#control({ do: 'gain', gain: clampGain(gain) });
  }

  loop(on: boolean | number): void {
    const loops = typeof on === 'number' ? Math.max(0, Math.floor(on)) : on ? -1 : 0;
    this.#state = { ...this.#state, loops };
    this.#control({ do: 'loop', loops });
  }

  async position(): Promise<number> {
    if (!this.#loaded || !this.#settle) return this.#state.position;
    const position = await this.#link
      .request<number>({ type: 'play.position', leg: this.#leg, playback: this.id })
      .catch(() => this.#state.position);
    this.#state = { ...this.#state, position };
    return position;
  }
}

/** Rounds that follow the first. */
function loopsOf(loop: boolean | number): number {
  if (typeof loop === 'boolean') return loop ? -1 : 0;
  return Math.max(0, Math.floor(loop) - 1);
}

function clampGain(gain: number): number {
  return Number.isFinite(gain) ? Math.min(4, Math.max(0, gain)) : 1;
}
