/** A call whose peer is being replaced: the peer may hang up without ending it. */
import type { EndCause } from './errors.ts';

/** The place of a peer that may leave without ending the call. */
export interface Vacancy {
  /** Nobody took the place: if the peer has left, the call is over now. */
  release(): void;
}

/** See `DialogSession.awaitSuccessor`. */
export class OpenVacancy implements Vacancy {
  readonly #onLeft: () => (() => void) | undefined;
  readonly #onReleased: (cause: EndCause | undefined) => void;
  #cause: EndCause | undefined;
  #stop: (() => void) | undefined;

  constructor(onLeft: () => (() => void) | undefined, onReleased: (cause: EndCause | undefined) => void) {
    this.#onLeft = onLeft;
    this.#onReleased = onReleased;
  }

  /** The peer has hung up. */
  left(cause: EndCause): void {
    this.#cause = cause;
    this.#stop = this.#onLeft();
  }

  /** Somebody is in its place, or the call is over. */
  filled(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  release(): void {
    this.filled();
    this.#onReleased(this.#cause);
  }
}
