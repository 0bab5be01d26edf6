/** A call whose peer is being replaced: the peer may hang up without ending it. */
import type { EndCause } from './errors.ts';

/** The place of a peer that may leave without ending the call. */
export interface Vacancy {
  /** Nobody took the place: if the peer has left, the call is over now. */
  release(): void;
}

/** Called when the peer leaves; what it returns is called when somebody took the place, or nobody did. */
export type OnLeft = () => (() => void) | undefined;

/** The peer's place in one call. */
export class PeerPlace {
  readonly #onEmpty: (cause: EndCause) => void;
  /** Somebody is to come. */
  #awaiting: OpenVacancy | undefined;

  /** @param onEmpty the peer has left, and nobody is to come */
  constructor(onEmpty: (cause: EndCause) => void) {
    this.#onEmpty = onEmpty;
  }

  get isPromised(): boolean {
    return this.#awaiting !== undefined;
  }

  /** See `DialogSession.awaitSuccessor`. */
  promise(onLeft: OnLeft): Vacancy {
    const vacancy = new OpenVacancy(onLeft, (cause) => {
      if (this.#awaiting !== vacancy) return;
      this.#awaiting = undefined;
      if (cause) this.#onEmpty(cause);
    });
    this.#awaiting = vacancy;
    return vacancy;
  }

  /** The peer has hung up. */
  left(cause: EndCause): void {
    if (this.#awaiting) this.#awaiting.left(cause);
    else this.#onEmpty(cause);
  }

  /** Somebody is in its place, or the call is over. */
  filled(): void {
    this.#awaiting?.filled();
    this.#awaiting = undefined;
  }
}

class OpenVacancy implements Vacancy {
  readonly #onLeft: OnLeft;
  readonly #onReleased: (cause: EndCause | undefined) => void;
  #cause: EndCause | undefined;
  #stop: (() => void) | undefined;

  constructor(onLeft: OnLeft, onReleased: (cause: EndCause | undefined) => void) {
    this.#onLeft = onLeft;
    this.#onReleased = onReleased;
  }

  left(cause: EndCause): void {
    this.#cause = cause;
    this.#stop = this.#onLeft();
  }

  filled(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  release(): void {
    this.filled();
    this.#onReleased(this.#cause);
  }
}
