/** A remote controller of a lab's Tandem: its commands, over a connection or one by one, and the events it hears. */
import { createLogger } from '../../../src/base/log.ts';
import { answerJsonRpc } from '../../../src/control/jsonrpc/json-rpc.ts';
import type { RemoteEvents } from '../../../src/control/remote/operations.ts';
import {
  type RemoteControl,
  type RemoteControlOptions,
  remoteControl,
} from '../../../src/control/remote/remote-control.ts';
import { RpcMethods } from '../../../src/control/rpc/methods.ts';
import type { Tandem } from '../../../src/tandem.ts';
import type { Lab } from '../../../src/testing/index.ts';

export type Reply = Readonly<Record<string, unknown>>;
export type Told = RemoteEvents[keyof RemoteEvents] & { readonly event: string };

export class Desktop {
  readonly remote: RemoteControl;
  readonly methods = new RpcMethods(createLogger('silent'));
  readonly told: Told[] = [];
  readonly #lab: Lab;

  constructor(lab: Lab, tandem: Tandem, options: RemoteControlOptions = {}) {
    this.#lab = lab;
    this.remote = remoteControl(tandem, {
      clock: lab.clock,
      logger: createLogger('silent'),
      soundFolder: 'prompts',
      ...options,
    });
    this.methods.add(...this.remote.methods);
    for (const event of ['operation:done', 'operation:failed'] as const)
      this.remote.observer.on(event, (data) => void this.told.push({ event, ...data }));
  }

  connect(): Controller {
    return new Controller(this.#lab, this.methods, new AbortController());
  }

  /** Each command alone, as by `POST /RPC`. */
  get alone(): Controller {
    return new Controller(this.#lab, this.methods, undefined);
  }
}

export class RemoteError extends Error {
  readonly error: Reply;
  constructor(error: Reply) {
    super(`${error.code} ${error.message}`);
    this.error = error;
  }
}

export class Controller {
  readonly #lab: Lab;
  readonly #methods: RpcMethods;
  readonly #connection: AbortController | undefined;

  constructor(lab: Lab, methods: RpcMethods, connection: AbortController | undefined) {
    this.#lab = lab;
    this.#methods = methods;
    this.#connection = connection;
  }

  /** Sent at once; `ask` waits for the reply, too. @throws RemoteError */
  async send(method: string, params: object, mayChange = true): Promise<Reply> {
    const signal = new AbortController().signal;
    const connection = this.#connection ? { connection: this.#connection.signal } : {};
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: `call.${method}`, params });
    const answer = await answerJsonRpc(this.#methods, body, { who: 'test', signal, ...connection }, mayChange);
    let text = '';
    for await (const piece of answer.body ?? []) text += piece;
    const { result, error } = JSON.parse(text) as { result: Reply; error?: Reply };
    if (error) throw new RemoteError(error);
    return result;
  }

  /** @throws RemoteError */
  ask(method: string, params: object = {}, mayChange = true): Promise<Reply> {
    const reply = this.send(method, params, mayChange);
    reply.catch(() => {});
    return this.#lab.run(reply);
  }

  disconnect(): void {
    this.#connection?.abort();
  }
}
