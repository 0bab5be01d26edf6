/** Commands for one call in the order that they came; those for different calls know nothing of each other. */
import type { DialogSession } from '../../session/dialog-session.ts';

export class Turns {
  readonly #last = new WeakMap<DialogSession, Promise<unknown>>();

  /**
   * Begins `work` when those before it are through with their turns. Its own is over when it calls `begun`, or is over
   * itself, however that went. Of several calls it is the turn of all of them.
   */
  run<T>(calls: readonly DialogSession[], work: (begun: () => void) => Promise<T>): Promise<T> {
    const result = Promise.withResolvers<T>();
    const turn = Promise.all(calls.map((call) => this.#last.get(call))).then(() => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const working = (async () => work(resolve))();
      working.then(result.resolve, result.reject);
      working.then(
        () => resolve(),
        () => resolve(),
      );
      return promise;
    });
    for (const call of calls) this.#last.set(call, turn);
    return result.promise;
  }
}
