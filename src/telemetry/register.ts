/**
 * Makes spans of a program's own parts of what they are done in: `trace.getActiveSpan()` in a handler is the call's. For
 * whoever owns the process, since the OpenTelemetry API keeps it for all of it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type ContextManager,
  context as contexts,
  ROOT_CONTEXT,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

/** Contexts go along with promises, timers and callbacks. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => fn.apply(thisArg, args));
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const storage = this.#storage;
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return storage.run(context, () => target.apply(this, args));
    };
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}

/**
 * Registers with `@opentelemetry/api`: for all of this process, and for scripts that have a copy of it of their own.
 * @returns takes it back
 */
export function registerTelemetry(provider: TracerProvider): () => void {
  const hasProvider = trace.setGlobalTracerProvider(provider);
  const hasContexts = contexts.setGlobalContextManager(new AsyncContexts());
  return () => {
    if (hasProvider) trace.disable();
    if (hasContexts) contexts.disable();
  };
}
