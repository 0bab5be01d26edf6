/** The trunks of one Tandem. */
import { TandemError } from '../base/errors.ts';
import type { SipRequest } from '../sip/message.ts';
import type { TrunkOptions } from './options.ts';
import { Trunk, type TrunkContext, type TrunkReport } from './trunk.ts';

export class Trunks {
  readonly #context: TrunkContext;
  #options: Readonly<Record<string, TrunkOptions>> = {};
  #trunks: ReadonlyMap<string, Trunk> = new Map();
  #started = false;

  /** @throws ConfigError */
  constructor(context: TrunkContext, options: Readonly<Record<string, TrunkOptions>> = {}) {
    this.#context = context;
    this.#trunks = this.#made(options);
    this.#options = options;
  }

  /**
   * Other trunks from now on. Those whose options are the same stay as they are, registered and counted; calls go on in any
   * case. One that changes is registered anew when the old one has taken back its address.
   * @throws ConfigError at once; all is as it was then
   */
  configure(options: Readonly<Record<string, TrunkOptions>>): Promise<void> {
    const before = this.#trunks;
    const now = this.#made(options);
    this.#trunks = now;
    this.#options = options;
    const gone = [...before.values()].filter((trunk) => now.get(trunk.name) !== trunk);
    const made = [...now.values()].filter((trunk) => before.get(trunk.name) !== trunk);
    return this.#exchange(gone, made);
  }

  async #exchange(gone: readonly Trunk[], made: readonly Trunk[]): Promise<void> {
    await Promise.all(gone.map((trunk) => trunk.close()));
    // Closed meanwhile, or replaced again.
    if (this.#started) for (const trunk of made) if (this.#trunks.get(trunk.name) === trunk) trunk.start();
  }

  #made(options: Readonly<Record<string, TrunkOptions>>): ReadonlyMap<string, Trunk> {
    return new Map(
      Object.entries(options).map(([name, one]) => {
        const known = this.#trunks.get(name);
        const isSame = JSON.stringify(this.#options[name]) === JSON.stringify(one);
        return [name, known && isSame ? known : new Trunk(this.#context, name, one)];
      }),
    );
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
    this.#started = true;
    for (const trunk of this.#trunks.values()) trunk.start();
  }

  async close(): Promise<void> {
    this.#started = false;
    await Promise.all([...this.#trunks.values()].map((trunk) => trunk.close()));
  }
}
