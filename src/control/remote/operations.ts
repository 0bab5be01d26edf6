/** What goes on in calls on behalf of controllers: each by its id, to be stopped, with an event at its end. */
import type { Clock } from '../../base/clock.ts';
import { messageOf, TandemError } from '../../base/errors.ts';
import { Observer } from '../../base/events.ts';
import type { Logger } from '../../base/log.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { RpcStruct } from '../rpc/value.ts';
import type { CallCommand } from './params.ts';
import type { Turns } from './turns.ts';

interface OperationEvent {
  readonly operation: string;
  readonly command: CallCommand;
  readonly callId: string;
  readonly sessionId: string;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface OperationDone extends OperationEvent {
  /** As the reply would have said it. */
  readonly result: RpcStruct;
}

export interface OperationFailed extends OperationEvent {
  /** `ERR_…`; what is no error of ours is `ERR_INTERNAL`. */
  readonly code: string;
  readonly error: string;
  /** The SIP status that says the same. */
  readonly status?: number;
}

export interface RemoteEvents {
  'operation:done': OperationDone;
  'operation:failed': OperationFailed;
}

export interface Operation {
  readonly id: string;
  readonly call: DialogSession;
  readonly command: CallCommand;
  /** How it went. */
  readonly done: Promise<RpcStruct>;
  /** Resolves when it is over. */
  stop(): Promise<void>;
}

export interface OperationWork {
  readonly command: CallCommand;
  /** Another call that it is about. */
  readonly beside?: DialogSession;
  /** @param stopped aborted by `stop` @param begun see `Turns.run` */
  run(stopped: AbortSignal, begun: () => void): Promise<RpcStruct>;
  /** What the event says of the result; default all. */
  shown?(result: RpcStruct): RpcStruct;
}

/** Of one call; more are a controller's mistake. */
const mostOperations = 64;

export class Operations {
  readonly observer: Observer<RemoteEvents>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #turns: Turns;
  readonly #running = new Map<string, Operation>();
  readonly #ofCall = new Map<DialogSession, Set<Operation>>();
  #count = 0;

  constructor(clock: Clock, logger: Logger, turns: Turns) {
    this.#clock = clock;
    this.#logger = logger;
    this.#turns = turns;
    this.observer = new Observer((event, error) =>
      logger.warn({ event, error: messageOf(error) }, 'a listener of a remote control failed'),
    );
  }

  get(id: string): Operation | undefined {
    return this.#running.get(id);
  }

  of(call: DialogSession): readonly Operation[] {
    return [...(this.#ofCall.get(call) ?? [])];
  }

  /** @throws TandemError ERR_OPERATIONS when the call has too many */
  begin(call: DialogSession, { command, beside, run, shown = (result) => result }: OperationWork): Operation {
    const others = this.#ofCall.get(call) ?? new Set();
    if (others.size >= mostOperations)
      throw new TandemError('ERR_OPERATIONS', `more than ${mostOperations} operations at once in a call`, {
        facts: { callId: call.callId },
      });
    const stopping = new AbortController();
    const id = `${call.id}-${++this.#count}`;
    const working = this.#turns.run(beside ? [call, beside] : [call], (begun) => {
      stopping.signal.throwIfAborted();
      return run(stopping.signal, begun);
    });
    const done = working.catch((error: unknown) => {
      // It was asked for, and is no failure.
      if (stopping.signal.aborted && error === stopping.signal.reason) return { end: 'stopped' };
      throw error;
    });
    const stop = async (): Promise<void> => {
      stopping.abort();
      await done.catch(() => {});
    };
    const operation: Operation = { id, call, command, done, stop };
    this.#running.set(id, operation);
    this.#ofCall.set(call, others.add(operation));
    const over = (): void => {
      this.#running.delete(id);
      others.delete(operation);
      if (others.size === 0) this.#ofCall.delete(call);
    };
    done.then(
      (result) => {
        over();
        this.observer.emit('operation:done', { ...this.#stampOf(operation), result: shown(result) });
      },
      (error: unknown) => {
        over();
        this.observer.emit('operation:failed', { ...this.#stampOf(operation), ...this.#failureOf(error) });
      },
    );
    return operation;
  }

  #failureOf(error: unknown): Pick<OperationFailed, 'code' | 'error' | 'status'> {
    if (error instanceof TandemError) {
      const { code, message, status } = error;
      return { code, error: message, ...(status === undefined ? {} : { status }) };
    }
    this.#logger.error({ err: error }, 'an operation broke');
    return { code: 'ERR_INTERNAL', error: 'internal error' };
  }

  #stampOf({ id, command, call }: Operation): OperationEvent {
    const at = this.#clock.wallclock();
    return { operation: id, command, callId: call.callId, sessionId: call.id, at };
  }
}
