/** The trunks of one Tandem. */
import { TandemError } from '../base/errors.ts';
import type { SipRequest } from '../sip/message.ts';
import type { TrunkOptions } from './options.ts';
import { Trunk, type TrunkContext, type TrunkReport } from './trunk.ts';

export class Trunks {
  readonly #trunks: ReadonlyMap<string, Trunk>;

  /** @throws ConfigError */
  constructor(context: TrunkContext, options: Readonly<Record<string, TrunkOptions>> = {}) {
    this.#trunks = new Map(Object.entries(options).map(([name, one]) => [name, new Trunk(context, name, one)]));
  }

  get reports(): readonly TrunkReport[] {
    return [...this.#trunks.values()].map((trunk) => trunk.report());
  }

  /** @throws TandemError ERR_ARGUMENT for a name that none has */
  get(name: string): Trunk {
    const trunk = this.#trunks.get(name);
    if (trunk) return trunk;
    const names = [...this.#trunks.keys()].join(', ');
    throw new TandemError('ERR_ARGUMENT', `there is no trunk ${JSON.stringify(name)}; there is: ${names || 'none'}`);
  }

  /** Whether requests from this address come through one of them. */
  trusts(address: string): boolean {
    return [...this.#trunks.values()].some((trunk) => trunk.trusts(address));
  }

  /** Through which of them a request comes, if any. */
  of(request: SipRequest, address: string): Trunk | undefined {
    const trusting = [...this.#trunks.values()].filter((trunk) => trunk.trusts(address));
    return trusting.find((trunk) => trunk.isMeant(request)) ?? trusting[0];
  }

  start(): void {
    for (const trunk of this.#trunks.values()) trunk.start();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#trunks.values()].map((trunk) => trunk.close()));
  }
}
