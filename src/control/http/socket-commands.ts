/** JSON-RPC on one WebSocket: every message is a request, or a batch of them, and is answered when it is done. */
import { WebSocket } from 'ws';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { answerJsonRpc, refusal } from '../jsonrpc/json-rpc.ts';
import type { RpcMethods } from '../rpc/methods.ts';
import type { HttpLimits } from './limits.ts';

export interface SocketCommandsOptions {
  readonly methods: RpcMethods;
  readonly limits: HttpLimits;
  readonly logger: Logger;
}

/** Who is on the other end. */
export interface SocketPeer {
  /** For the log. */
  readonly who: string;
  /** It may call commands that change something. */
  readonly mayChange: boolean;
}

export class SocketCommands {
  readonly #socket: WebSocket;
  readonly #peer: SocketPeer;
  readonly #options: SocketCommandsOptions;
  readonly #connection = new AbortController();
  #running = 0;

  constructor(socket: WebSocket, peer: SocketPeer, options: SocketCommandsOptions) {
    this.#socket = socket;
    this.#peer = peer;
    this.#options = options;
    socket.on('message', (data) => void this.#receive(String(data)));
    socket.on('close', () => this.#connection.abort());
  }

  async #receive(text: string): Promise<void> {
    if (this.#running >= this.#options.limits.commands) {
      this.#send(refusal(text, 503, 'too many commands at once'));
      return;
    }
    this.#running++;
    try {
      this.#send(await this.#answer(text));
    } catch (error) {
      const { who } = this.#peer;
      // A list that breaks half-way.
      this.#options.logger.warn({ who, error: messageOf(error) }, 'an answer was cut off');
      this.#send(refusal(text, 500, 'Internal error'));
    } finally {
      this.#running--;
    }
  }

  async #answer(text: string): Promise<string> {
    const { methods, limits } = this.#options;
    const { who, mayChange } = this.#peer;
    const { signal } = this.#connection;
    const { body } = await answerJsonRpc(methods, text, { who, signal, connection: signal }, mayChange);
    let answer = '';
    for await (const piece of body ?? []) {
      answer += piece;
      if (answer.length > limits.replyLength)
        return refusal(text, 500, `the reply is longer than ${limits.replyLength} characters: ask by POST /RPC`);
    }
    return answer;
  }

  #send(answer: string): void {
    if (answer === '' || this.#socket.readyState !== WebSocket.OPEN) return;
    // Who asks and does not read what it is told would have us keep all of it.
    if (this.#socket.bufferedAmount > this.#options.limits.replyLength) this.#socket.terminate();
    else this.#socket.send(answer);
  }
}
