/** What a caller hears in a queue: music, and now and then which place it has. */
import type { PlaySource } from '../../media/index.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { isAbort } from '../base/errors.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { playOn } from './play-on.ts';

export interface WaitingAudioOptions {
  readonly clock: Clock;
  readonly music: PlaySource | undefined;
  /** ms; 0: nothing is announced */
  readonly announceEvery: number;
  /** What to say now, if anything. */
  readonly announcement: () => PlaySource | undefined;
  /** Something cannot be played; the caller waits on without it. */
  readonly failed: (error: unknown) => void;
}

/** Until the signal is aborted. Never throws. */
export async function playWhileWaiting(
  call: DialogSession,
  options: WaitingAudioOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, announceEvery, announcement, failed } = options;
  /** Where the music goes on, ms. */
  let from = 0;
  try {
    while (!signal.aborted) {
      const saying = announceEvery > 0 ? announcement() : undefined;
      if (saying !== undefined) await call.playback().play(saying, { signal }).catch(failed);
      if (signal.aborted) return;
      const music = new Music(call, options, from);
      try {
        await sleep(clock, announceEvery > 0 ? announceEvery : dayMs, signal);
      } finally {
        from = await music.stop();
      }
    }
  } catch (error) {
    if (!isAbort(error, signal) && !call.signal.aborted) failed(error);
  }
}

const dayMs = 86_400_000;

class Music {
  readonly #control;
  readonly #done: Promise<unknown>;
  readonly #from: number;

  constructor(call: DialogSession, { music, failed }: WaitingAudioOptions, from: number) {
    this.#from = from;
    this.#control = call.playbackControl();
    this.#done =
      music === undefined
        ? Promise.resolve()
        : playOn(call, () => this.#control.play(music, { loop: true, from })).catch((error: unknown) => {
            if (!call.signal.aborted) failed(error);
          });
  }

  /** @returns where it was */
  async stop(): Promise<number> {
    const at = await this.#control.position().catch(() => this.#from);
    this.#control.stop();
    await this.#done;
    return at;
  }
}
