/** What the peer hears while it is on hold. */
import type { MediaLeg, PlaybackHandle, PlaySource } from '../../media/index.ts';

export class HoldMusic {
  readonly #failed: (error: unknown) => void;
  #playing: PlaybackHandle | undefined;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Over and over until `stop`. */
  play(leg: MediaLeg, music: PlaySource): void {
    const playing = leg.play(music, undefined, { loop: true });
    this.#playing = playing;
    playing.done.catch(this.#failed);
  }

  stop(): void {
    this.#playing?.stop();
    this.#playing = undefined;
  }
}
