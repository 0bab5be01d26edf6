/** A parked call: it waits until somebody takes it, it has waited for too long, or it hangs up. */
import type { Clock, Timer } from '../base/clock.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { ParkingEndReason } from '../session/pbx-events.ts';

export class ParkedPlace {
  readonly slot: number;
  readonly call: DialogSession;
  readonly #parker: string | undefined;
  /** Of the peer that called. */
  readonly #caller: string | undefined;
  readonly #clock: Clock;
  readonly #since: number;
  readonly #left = Promise.withResolvers<ParkingEndReason>();
  #takenAs: 'retrieved' | 'returned' | undefined;
  #wait: { readonly over: AbortController; readonly timer: Timer; readonly audio: Promise<void> } | undefined;
  #waitedMs: number | undefined;

  constructor(clock: Clock, call: DialogSession, slot: number, parker: string | undefined) {
    this.#clock = clock;
    this.call = call;
    this.slot = slot;
    this.#parker = parker;
    this.#caller = call.remoteUri;
    this.#since = clock.now();
    void call.ended.then(() => this.leave(this.#takenAs ?? 'abandoned'));
  }

  /** Who parked it: if nobody said so, the one who called, and left somebody else here by an attended transfer. */
  get parker(): string | undefined {
    const { call } = this;
    if (this.#parker !== undefined || call.remoteUri === this.#caller) return this.#parker;
    return call.fromUser;
  }

  /** Resolves when it has left. */
  get left(): Promise<ParkingEndReason> {
    return this.#left.promise;
  }

  /** ms until it was taken, or now. */
  get waitedMs(): number {
    return this.#waitedMs ?? Math.round(this.#clock.now() - this.#since);
  }

  /** Aborted when it waits no longer; undefined when it does not wait now. */
  get signal(): AbortSignal | undefined {
    return this.#wait?.over.signal;
  }

  /** It waits, from now on or again. @param play until the signal is aborted; must not throw */
  begin(timeout: number, onTimeout: () => void, play: (signal: AbortSignal) => Promise<void>): void {
    if (this.call.state === 'ended') return;
    const over = new AbortController();
    const timer = this.#clock.setTimer(timeout, onTimeout, 'parked');
    this.#takenAs = undefined;
    this.#waitedMs = undefined;
    this.#wait = { over, timer, audio: play(over.signal) };
  }

  /**
   * Whoever comes first has it. Resolves when it hears nothing any more.
   * @returns false when it does not wait
   */
  async take(as: 'retrieved' | 'returned'): Promise<boolean> {
    if (!this.#wait) return false;
    this.#takenAs = as;
    this.#waitedMs = this.waitedMs;
    await this.#stopWaiting();
    return true;
  }

  /** Once; the first reason counts. */
  leave(end: ParkingEndReason): void {
    this.#waitedMs ??= this.waitedMs;
    this.#left.resolve(end);
    void this.#stopWaiting();
  }

  #stopWaiting(): Promise<void> {
    const wait = this.#wait;
    this.#wait = undefined;
    wait?.timer.cancel();
    wait?.over.abort();
    return wait?.audio ?? Promise.resolve();
  }
}
