/** The phone system that a configuration describes. Another configuration is for calls to come: those that run stay. */
import {
  Conference,
  type DialogClientSession,
  DialogServerSession,
  goOnTalking,
  type Tandem,
  type TandemError,
} from '../../index.ts';
import { Plan, type PlanConfig } from './plan.ts';
import { Prompts } from './prompts.ts';
import { stayIn } from './rooms.ts';
import { ScriptShelf } from './scripts.ts';

export interface PhoneSystemOptions {
  /** Folder of this package. */
  readonly root: string;
  /** Unix ms */
  readonly now: () => number;
  /** Told of a prompt that cannot be played. */
  readonly failed?: (error: TandemError) => void;
}

export class PhoneSystem {
  readonly #shelf: ScriptShelf;
  readonly #prompts: Prompts;
  readonly #now: () => number;
  #plan: Plan;

  private constructor(plan: Plan, shelf: ScriptShelf, prompts: Prompts, now: () => number) {
    this.#plan = plan;
    this.#shelf = shelf;
    this.#prompts = prompts;
    this.#now = now;
  }

  /** @throws TandemError ERR_SCRIPT */
  static async of(config: PlanConfig, { root, now, failed }: PhoneSystemOptions): Promise<PhoneSystem> {
    const shelf = new ScriptShelf(root);
    const prompts = new Prompts(root, failed);
    const plan = new Plan(config, { prompts, scripts: await shelf.load(config), now });
    return new PhoneSystem(plan, shelf, prompts, now);
  }

  /** Before calls come. @throws ConfigError */
  open(tandem: Tandem): void {
    this.#plan.exchange.open(tandem);
  }

  /** Makes a plan, which takes calls when the returned function is called. @throws TandemError ERR_SCRIPT */
  async prepare(config: PlanConfig): Promise<(tandem: Tandem) => void> {
    const scripts = await this.#shelf.load(config);
    const plan = new Plan(config, { prompts: this.#prompts, scripts, now: this.#now });
    return (tandem) => {
      plan.exchange.open(tandem);
      this.#plan = plan;
    };
  }

  get users(): Plan['users'] {
    return this.#plan.users;
  }

  /** Whether who does not say who it is has to. */
  isForUsersOnly(called: string, caller: string, uri: string): boolean {
    return this.#plan.isForUsersOnly(called, caller, uri);
  }

  readonly handle = (call: DialogServerSession, tandem: Tandem): Promise<void> => this.#plan.handle(call, tandem);

  /** A call of an earlier process: who talks goes on talking, a service begins again. */
  async resume(call: DialogServerSession | DialogClientSession, tandem: Tandem): Promise<void> {
    const { bridge } = call;
    if (bridge instanceof Conference) await stayIn(call, bridge);
    else if (bridge || !(call instanceof DialogServerSession)) await goOnTalking(call);
    else await this.handle(call, tandem);
  }

  close(): void {
    this.#shelf.close();
  }
}
