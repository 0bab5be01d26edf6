/** Ring groups, queues, mailboxes and parking lots, as routes lead to them. */
import type { Config } from '../../config/schema.ts';
import type { DialogServerSession, Tandem } from '../../index.ts';
import type { Target } from '../../routes/target.ts';
import { type Outcome, refused } from './outcome.ts';
import type { People } from './people.ts';
import type { Prompts } from './prompts.ts';

export type ExchangeConfig = Pick<Config, 'ringGroups' | 'queues'>;

export interface Reach {
  readonly call: DialogServerSession;
  readonly tandem: Tandem;
  readonly people: People;
  /** Puts into a text what the call says. */
  readonly text: (given: string | undefined) => string;
}

export class Exchange {
  readonly #config: ExchangeConfig;
  readonly #prompts: Prompts;

  constructor(config: ExchangeConfig, prompts: Prompts) {
    this.#config = config;
    this.#prompts = prompts;
  }

  async reach(_target: Target, _how: Reach): Promise<Outcome> {
    void this.#config;
    void this.#prompts;
    return refused(404, 'there is no such thing here');
  }
}
