/**
 * Typed events for side systems. A listener that is slow or throws delays and breaks nothing: every one is called on a
 * turn of its own.
 */
export type Listener<T> = (payload: T) => void | Promise<void>;
export type Unsubscribe = () => void;

export class Observer<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #onError: (name: keyof Events, error: unknown) => void;

  /** @param onError told of a listener that threw or rejected; must not throw. */
  constructor(onError: (name: keyof Events, error: unknown) => void) {
    this.#onError = onError;
  }

  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): Unsubscribe {
    let set = this.#listeners.get(name);
    if (!set) {
      set = new Set();
      this.#listeners.set(name, set);
    }
    set.add(listener as Listener<never>);
    return () => set.delete(listener as Listener<never>);
  }

  /** True when somebody listens: lets the caller skip building a payload. */
  has(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<K extends keyof Events>(name: K, payload: Events[K]): void {
    const set = this.#listeners.get(name);
    if (!set || set.size === 0) return;
    for (const listener of set) {
      queueMicrotask(() => this.#guard(name, () => (listener as Listener<Events[K]>)(payload)));
    }
  }

  /** As `emit`, but every listener is called before this returns: for a question that they answer in the payload. */
  emitNow<K extends keyof Events>(name: K, payload: Events[K]): void {
    for (const listener of this.#listeners.get(name) ?? [])
      this.#guard(name, () => (listener as Listener<Events[K]>)(payload));
  }

  #guard(name: keyof Events, call: () => void | Promise<void>): void {
    try {
      const result = call();
      if (result instanceof Promise) result.catch((error: unknown) => this.#onError(name, error));
    } catch (error) {
      this.#onError(name, error);
    }
  }
}
