/** A journal in memory, for tests: `crash` is what the next process finds. */
import type { OpenedJournal } from '../options.ts';
import type { FoundCall, Journal } from './journal.ts';

export class MemoryJournal implements Journal {
  readonly problem = undefined;
  readonly stats = { bytes: 0, records: 0, batches: 0, compactions: 0 };
  readonly #calls = new Map<string, Map<string, Uint8Array>>();

  /** @param found what the process before left */
  constructor(found: readonly FoundCall[] = []) {
    for (const { call, parts } of found) this.#calls.set(call, new Map(parts));
  }

  put(call: string, part: string, value: Uint8Array): void {
    this.#calls.set(call, (this.#calls.get(call) ?? new Map()).set(part, value.slice()));
  }

  remove(call: string, part?: string): void {
    const parts = this.#calls.get(call);
    if (part !== undefined) parts?.delete(part);
    if (part === undefined || parts?.size === 0) this.#calls.delete(call);
  }

  async written(): Promise<void> {}

  async close(): Promise<void> {}

  /** What is in it now. */
  get calls(): readonly FoundCall[] {
    return [...this.#calls].map(([call, parts]) => ({ call, parts: new Map(parts) }));
  }

  /** What another process finds that comes after this one. */
  reopened(): OpenedJournal {
    const found = this.calls;
    return { journal: new MemoryJournal(found), found, lost: [] };
  }
}
