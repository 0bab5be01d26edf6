/**
 * Steps of a handler that are done once, whatever becomes of the process: the result of a finished one is kept, and is
 * there again when the call goes on in another process.
 */
import { messageOf, TandemError } from '../base/errors.ts';

/** Where the steps of one call are kept. */
export interface StepStore {
  /** JSON of the results of those that are finished, by name. */
  readonly finished: ReadonlyMap<string, string>;
  /** The one that was begun last. */
  readonly last: string | undefined;
  begun(name: string): void;
  /** Resolves when it is safe. @param json empty: it has no result */
  done(name: string, json: string): Promise<void>;
}

export interface StepContext {
  /** The same for every attempt at this step of this call: give it to whom you ask to do something, to be done once. */
  readonly idempotencyKey: string;
  /** Aborted when the call ends. */
  readonly signal: AbortSignal;
}

export class CallSteps {
  readonly #callId: string;
  readonly #store: StepStore;
  readonly #used = new Set<string>();

  /** @param callId stable over restarts */
  constructor(callId: string, store: StepStore) {
    this.#callId = callId;
    this.#store = store;
  }

  /** The step that was begun last, here or in an earlier process. */
  get last(): string | undefined {
    return this.#store.last;
  }

  /** See `DialogSession.step`. */
  async run<T>(name: string, work: (context: StepContext) => Promise<T> | T, signal: AbortSignal): Promise<T> {
    if (name === '' || name.length > 200)
      throw new TandemError('ERR_ARGUMENT', 'the name of a step has 1 to 200 characters');
    if (this.#used.has(name))
      throw new TandemError(
        'ERR_STEP_NAME',
        `this call had a step ${JSON.stringify(name)} already: give each its own name`,
      );
    this.#used.add(name);
    const finished = this.#store.finished.get(name);
    if (finished !== undefined) return resultOf(finished) as T;
    this.#store.begun(name);
    try {
      const json = jsonOf(name, await work({ idempotencyKey: `${this.#callId}/${name}`, signal }));
      await this.#store.done(name, json);
      return resultOf(json) as T;
    } catch (error) {
      // It was not done: it may be tried again.
      this.#used.delete(name);
      throw error;
    }
  }
}

function jsonOf(name: string, result: unknown): string {
  try {
    return JSON.stringify(result) ?? '';
  } catch (error) {
    throw new TandemError('ERR_ARGUMENT', `the result of step ${name} cannot be kept as JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function resultOf(json: string): unknown {
  return json === '' ? undefined : JSON.parse(json);
}

/** For calls that do not outlive the process. */
export class MemorySteps implements StepStore {
  readonly finished = new Map<string, string>();
  last: string | undefined;

  begun(name: string): void {
    this.last = name;
  }

  async done(name: string, json: string): Promise<void> {
    this.finished.set(name, json);
  }
}
