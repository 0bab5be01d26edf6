/** The commands by name, and how one is called: whatever goes wrong in it is a fault, and what changes things is logged. */
import { messageOf, TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isByPlace, RpcArguments } from './arguments.ts';
import { RpcFault } from './fault.ts';
import type { ParamsSchema } from './named.ts';
import { isRpcScalar, type RpcInput, type RpcReply } from './value.ts';

export interface RpcMethod {
  /** `dlg.list` */
  readonly name: string;
  /** One line, as `help` of kamcmd prints it. */
  readonly help: string;
  /** It changes something: who called it is logged. */
  readonly changes?: boolean;
  /** What it takes by name: see `namedMethod`. Without, it takes texts and numbers by their place. */
  readonly params?: ParamsSchema;
  /** Parameters that are not for the log, such as a PIN. */
  readonly secret?: readonly string[];
  /** @throws RpcFault, TandemError */
  run(args: RpcArguments, context: RpcContext): RpcReply | Promise<RpcReply>;
}

/** Who calls. */
export interface RpcContext {
  /** For the log: `unix:./run/tandem_ctl`, `http:127.0.0.1:50312`, a user's name. */
  readonly who: string;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
  /** Aborted when the connection ends that this command is one of many on; undefined for a command that comes alone. */
  readonly connection?: AbortSignal;
}

/** Characters of a text that are logged. */
const logged = 200;

export class RpcMethods {
  readonly #methods = new Map<string, RpcMethod>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(...methods: readonly RpcMethod[]): void {
    for (const method of methods) this.#methods.set(method.name, method);
  }

  get(name: string): RpcMethod | undefined {
    return this.#methods.get(name);
  }

  /** In the order of the alphabet. */
  get names(): readonly string[] {
    return [...this.#methods.keys()].sort();
  }

  /** Somebody may not call it. @throws RpcFault */
  refuse(name: string, { who }: RpcContext): never {
    this.#logger.warn({ who, command: name }, 'command refused: it takes the role control');
    throw new RpcFault(403, 'Forbidden');
  }

  /** @throws RpcFault, always: whatever else a command throws is made one */
  async call(name: string, input: RpcInput, context: RpcContext): Promise<RpcReply> {
    const method = this.#methods.get(name);
    if (!method) throw new RpcFault(500, `command ${name} not found`);
    if (!method.params && !Object.values(input).every(isRpcScalar)) throw new RpcFault(-32602, 'Invalid params');
    try {
      const reply = await method.run(new RpcArguments(input), context);
      if (method.changes)
        this.#logger.info({ who: context.who, command: name, arguments: shown(method, input) }, 'command');
      return reply;
    } catch (error) {
      if (method.changes)
        this.#logger.info(
          { who: context.who, command: name, arguments: shown(method, input), error: messageOf(error) },
          'command failed',
        );
      if (error instanceof RpcFault) throw error;
      if (error instanceof TandemError) throw new RpcFault(500, error.message, error);
      this.#logger.error({ command: name, err: error }, 'a command broke');
      throw new RpcFault(500, 'Internal error', error);
    }
  }
}

/** What the log says of it. */
function shown({ secret = [] }: RpcMethod, input: RpcInput): unknown {
  const cut = (value: unknown): unknown => (typeof value === 'string' ? value.slice(0, logged) : value);
  if (isByPlace(input)) return secret.length > 0 ? `${input.length} of them` : input.map(cut);
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      secret.includes(name) ? '…' : isRpcScalar(value) ? cut(value) : typeof value,
    ]),
  );
}
