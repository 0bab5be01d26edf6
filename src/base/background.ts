/** Work that goes on behind a call that has returned. Its owner waits for it before it closes; failures are logged. */
import { messageOf } from './errors.ts';
import type { Logger } from './log.ts';

export class Background {
  readonly #logger: Logger;
  readonly #work = new Set<Promise<unknown>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#work.size;
  }

  run(work: Promise<unknown>): void {
    const done = work
      .catch((error: unknown) => this.#logger.error({ error: messageOf(error) }, 'work behind a call failed'))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** Resolves when all that runs now is through. */
  async settled(): Promise<void> {
    await Promise.all(this.#work);
  }
}
