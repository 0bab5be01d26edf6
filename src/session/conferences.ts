/** The open conferences, by their names. */
import { ConfigError } from '../base/errors.ts';
import { Conference, type ConferenceDeps, type ConferenceOptions } from './conference.ts';

export class Conferences {
  readonly #deps: Omit<ConferenceDeps, 'onEnded'>;
  readonly #open = new Map<string, Conference>();

  constructor(deps: Omit<ConferenceDeps, 'onEnded'>) {
    this.#deps = deps;
  }

  /**
   * The open one of this name, or a new one.
   * @throws ConfigError for a number of members that is none
   */
  get(name: string, options: ConferenceOptions): Conference {
    const open = this.#open.get(name);
    if (open) return open;
    const { maxMembers = 1 } = options;
    if (!Number.isInteger(maxMembers) || maxMembers < 1)
      throw new ConfigError(`maxMembers must be a whole number from 1 on, not ${maxMembers}`);
    const conference: Conference = new Conference(name, options, {
      ...this.#deps,
      onEnded: () => {
        if (this.#open.get(name) === conference) this.#open.delete(name);
      },
    });
    this.#open.set(name, conference);
    return conference;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((conference) => conference.close()));
  }
}
