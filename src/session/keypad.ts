/** The keys a caller presses: for whoever listens now, and kept for whoever asks next. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { BoundedQueue } from '../base/queue.ts';
import { DigitCollector, type GatherOptions, type GatherResult } from './gather.ts';

export interface DtmfDigit {
  readonly digit: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Digits pressed before anybody asks for them are kept, up to so many. */
const typeAheadLimit = 64;
const queueLimit = 256;

export class Keypad {
  readonly #clock: Clock;
  readonly #queues = new Set<BoundedQueue<DtmfDigit>>();
  readonly #onPress = new Set<() => void>();
  #typeAhead: string[] = [];
  #gathering: { readonly collector: DigitCollector; readonly playing: AbortController } | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Digits as they are pressed, until `close`; leaving the loop stops listening. */
  listen(): AsyncIterableIterator<DtmfDigit> {
    const queue = new BoundedQueue<DtmfDigit>(queueLimit, () => this.#queues.delete(queue));
    if (this.#closed) queue.close();
    else this.#queues.add(queue);
    return queue;
  }

  /** Calls `pressed` once when a key is, or at once when one is kept. @returns how to forget it */
  onPress(pressed: () => void): () => void {
    if (this.#typeAhead.length > 0) pressed();
    else this.#onPress.add(pressed);
    return () => this.#onPress.delete(pressed);
  }

  press(digit: string): void {
    for (const pressed of this.#onPress) pressed();
    this.#onPress.clear();
    for (const queue of this.#queues) queue.push({ digit, at: this.#clock.wallclock() });
    const { collector, playing } = this.#gathering ?? {};
    if (collector?.open) {
      playing?.abort();
      collector.push(digit);
    } else if (this.#queues.size === 0) {
      this.#typeAhead.push(digit);
      if (this.#typeAhead.length > typeAheadLimit) this.#typeAhead.shift();
    }
  }

  /**
   * Collects digits, those kept first. One at a time.
   * @param stop ends it: it rejects with the signal's reason.
   * @param play heard meanwhile; its signal is aborted by the first digit.
   */
  async gather(
    options: GatherOptions,
    stop: AbortSignal,
    play: ((signal: AbortSignal) => Promise<unknown>) | undefined,
  ): Promise<GatherResult> {
    stop.throwIfAborted();
    if (this.#gathering) throw new TandemError('ERR_STATE', 'a gather() is running on this call already');
    const { promise, resolve, reject } = Promise.withResolvers<GatherResult>();
    const collector = new DigitCollector(this.#clock, options, resolve);
    const playing = new AbortController();
    const onAbort = (): void => reject(stop.reason);
    stop.addEventListener('abort', onAbort, { once: true });
    try {
      const kept = this.#typeAhead.length > 0;
      while (collector.open && this.#typeAhead.length > 0) collector.push(this.#typeAhead.shift() as string);
      this.#gathering = { collector, playing };
      // Who has begun to type needs no prompt.
      if (play && !kept) play(playing.signal).then(() => collector.wait(), reject);
      else collector.wait();
      return await promise;
    } finally {
      stop.removeEventListener('abort', onAbort);
      collector.stop();
      playing.abort();
      this.#gathering = undefined;
    }
  }

  /** The call is over: who listens is let go. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues) queue.close();
    this.#queues.clear();
    this.#onPress.clear();
    this.#typeAhead = [];
  }
}
