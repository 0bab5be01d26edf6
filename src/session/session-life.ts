/** The life of a session: its states in their order, and its one end. */
import type { Clock } from '../base/clock.ts';
import { DialogEndedError, type EndCause } from './errors.ts';
import type { SessionState } from './session-options.ts';
import { fromUnix, toUnix } from './session-snapshot.ts';

const order: readonly SessionState[] = ['initial', 'early', 'answered', 'confirmed', 'ended'];

export class SessionLife {
  /** Never rejects. */
  readonly ended: Promise<EndCause>;
  readonly #clock: Clock;
  readonly #resolveEnded: (cause: EndCause) => void;
  readonly #abort = new AbortController();
  #state: SessionState = 'initial';
  #answeredAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    const { promise, resolve } = Promise.withResolvers<EndCause>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Aborted at the end; its reason is a `DialogEndedError`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Milliseconds since the answer. */
  get answeredMs(): number {
    return this.#answeredAt === undefined ? 0 : Math.round(this.#clock.now() - this.#answeredAt);
  }

  /** Unix ms of the answer; 0 before it. */
  get answeredAt(): number {
    return this.#answeredAt === undefined ? 0 : Math.round(toUnix(this.#clock, this.#answeredAt));
  }

  /** Goes on where an earlier process left it. @param answeredAt Unix ms */
  restore(state: SessionState, answeredAt: number): void {
    this.#state = state;
    if (answeredAt > 0) this.#answeredAt = Math.min(this.#clock.now(), fromUnix(this.#clock, answeredAt, Infinity));
  }

  /** @returns false when it is as far already */
  advance(state: Exclude<SessionState, 'initial' | 'ended'>): boolean {
    if (order.indexOf(state) <= order.indexOf(this.#state)) return false;
    this.#state = state;
    if (state === 'answered') this.#answeredAt = this.#clock.now();
    return true;
  }

  /** Over, once. `settle` is to follow when all that waits for the call has been let go. */
  end(callId: string, cause: EndCause): void {
    this.#state = 'ended';
    this.#abort.abort(DialogEndedError.withoutStack(callId, cause));
  }

  settle(cause: EndCause): void {
    this.#resolveEnded(cause);
  }

  /** For a race with what must not outlast the call: rejects with DialogEndedError when it is over. */
  async gone(): Promise<never> {
    await this.ended;
    throw this.signal.reason;
  }
}
