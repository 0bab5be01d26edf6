/** How calls sound: a few legs at a time, one after the other, so that any number of calls costs the same. */
import type { DialogRecord } from '../registry/record.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import type { DialogSession } from '../session/dialog-session.ts';

/** For `Totals.mos`. */
const latest = 200;
const looksPerLeg = 4;

export class QualitySampler {
  readonly #registry: DialogRegistry;
  readonly #heard: (session: DialogSession, mos: number) => void;
  readonly #recent: number[] = [];
  #place: Iterator<DialogRecord> | undefined;
  #waiting: DialogSession[] = [];

  constructor(registry: DialogRegistry, heard: (session: DialogSession, mos: number) => void) {
    this.#registry = registry;
    this.#heard = heard;
  }

  /** The mean of what was measured lately. */
  get mos(): number | undefined {
    if (this.#registry.size === 0) this.#recent.length = 0;
    if (this.#recent.length === 0) return undefined;
    return Math.round((this.#recent.reduce((sum, one) => sum + one, 0) / this.#recent.length) * 100) / 100;
  }

  /** Asks so many legs, those that have waited longest. */
  async sample(most: number): Promise<void> {
    const legs = this.#next(most);
    await Promise.all(legs.map((session) => this.#ask(session)));
  }

  async #ask(session: DialogSession): Promise<void> {
    // A leg that ends meanwhile has none.
    const stats = await session.mediaLeg?.stats().catch(() => undefined);
    const mos = stats?.received.mos;
    if (mos === undefined) return;
    this.#heard(session, mos);
    this.#recent.push(mos);
    if (this.#recent.length > latest) this.#recent.shift();
  }

  #next(most: number): readonly DialogSession[] {
    const legs: DialogSession[] = [];
    // Most calls may have no audio here.
    let looks = most * looksPerLeg;
    while (legs.length < most && looks > 0) {
      const waiting = this.#waiting.shift();
      if (waiting) {
        if (waiting.state !== 'ended' && waiting.mediaLeg) legs.push(waiting);
        continue;
      }
      this.#place ??= this.#registry[Symbol.iterator]();
      const { done, value } = this.#place.next();
      looks--;
      if (!done) {
        this.#waiting = [...value.sessions];
        continue;
      }
      // Once around: there are fewer than so many.
      this.#place = undefined;
      break;
    }
    return legs;
  }
}
