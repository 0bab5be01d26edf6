/** The steps of one call, in the journal. */
import type { StepStore } from '../session/steps.ts';
import type { FoundCall, Journal } from './journal/journal.ts';

const prefix = 'step/';
/** Part with the name of the step that was begun last. */
const lastPart = 'last-step';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class JournalSteps implements StepStore {
  readonly finished = new Map<string, string>();
  last: string | undefined;
  readonly #journal: Journal;
  readonly #call: string;

  /** @param found what an earlier process left of it */
  constructor(journal: Journal, call: string, found: FoundCall | undefined) {
    this.#journal = journal;
    this.#call = call;
    for (const [part, value] of found?.parts ?? []) {
      if (part.startsWith(prefix)) this.finished.set(part.slice(prefix.length), decoder.decode(value));
      if (part === lastPart) this.last = decoder.decode(value);
    }
  }

  begun(name: string): void {
    this.last = name;
    this.#journal.put(this.#call, lastPart, encoder.encode(name));
  }

  async done(name: string, json: string): Promise<void> {
    this.#journal.put(this.#call, prefix + name, encoder.encode(json));
    await this.#journal.written();
    this.finished.set(name, json);
  }
}
