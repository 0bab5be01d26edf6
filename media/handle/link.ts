/** The main thread's end of one engine: requests and their replies, and events to the legs they concern. */
import { TandemError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/log.ts';
import type { EngineHost, HostListener } from '../host/host.ts';
import type { Command, EngineEvent, Request } from '../protocol.ts';
import { fromErrorData } from './errors.ts';

export type LegEvent = Extract<EngineEvent, { readonly leg: string }>;

/** What a leg's handle does with what its engine says. */
export interface LegListener {
  onEvent(event: LegEvent): void;
  /** The engine is gone. @param revived whether `onRevived` follows */
  onLost(error: TandemError, revived: boolean): void;
  /** There is another engine, which knows nothing of the leg yet. */
  onRevived(): void;
}

type WithoutRequest<T> = T extends unknown ? Omit<T, 'request'> : never;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: TandemError) => void;
}

export class EngineLink implements HostListener {
  readonly worker: number;
  readonly #logger: Logger;
  readonly #legs = new Map<string, LegListener>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #onLost: (link: EngineLink, error: TandemError) => boolean;
  #host: EngineHost | undefined;
  /** Why there is no engine. */
  #lost: TandemError | undefined;
  #requests = 0;
  #coming = 0;

  /**
   * @param worker index, 0 for inline
   * @param onLost told when the engine died; another may be attached then. @returns whether its legs are to go on there
   */
  constructor(worker: number, logger: Logger, onLost: (link: EngineLink, error: TandemError) => boolean) {
    this.worker = worker;
    this.#logger = logger;
    this.#onLost = onLost;
  }

  /** The engine from now on; legs that were lost with another go on in it. */
  attach(host: EngineHost): void {
    this.#host = host;
    this.#lost = undefined;
    for (const leg of this.#legs.values()) leg.onRevived();
  }

  get alive(): boolean {
    return this.#lost === undefined;
  }

  /** Legs placed here, those that are being made too. */
  get load(): number {
    return this.#legs.size + this.#coming;
  }

  /** Counts a leg as placed here while `make` makes it. */
  async place<T>(make: () => Promise<T>): Promise<T> {
    this.#coming++;
    try {
      return await make();
    } finally {
      this.#coming--;
    }
  }

  add(leg: string, listener: LegListener): void {
    this.#legs.set(leg, listener);
  }

  remove(leg: string): void {
    this.#legs.delete(leg);
  }

  send(command: Command): void {
    if (!this.#lost) this.#host?.send(command);
  }

  /** @throws {TandemError} what the engine answered, or ERR_MEDIA_WORKER when it died. */
  request<T>(command: WithoutRequest<Request>): Promise<T> {
    if (this.#lost) return Promise.reject(this.#lost);
    const request = ++this.#requests;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(request, { resolve: resolve as (value: unknown) => void, reject });
      this.#host?.send({ ...command, request } as Request);
    });
  }

  onEvents(events: readonly EngineEvent[]): void {
    for (const event of events) this.#event(event);
  }

  #event(event: EngineEvent): void {
    if (event.type === 'reply') {
      const waiting = this.#waiting.get(event.request);
      this.#waiting.delete(event.request);
      if ('error' in event) waiting?.reject(fromErrorData(event.error));
      else waiting?.resolve(event.value);
      return;
    }
    if (event.type === 'log') {
      this.#logger[event.level](event.fields, event.message);
      return;
    }
    try {
      this.#legs.get(event.leg)?.onEvent(event);
    } catch (error) {
      this.#logger.error({ err: error, leg: event.leg, event: event.type }, 'a media event handler threw');
    }
  }

  onDead(error: TandemError): void {
    this.#fail(error, this.#onLost(this, error));
  }

  /** Ends everything that waits on this engine. */
  #fail(error: TandemError, revived: boolean): void {
    this.#host = undefined;
    this.#lost = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    for (const leg of [...this.#legs.values()]) leg.onLost(error, revived);
    if (!revived) this.#legs.clear();
  }

  async close(): Promise<void> {
    await this.#host?.close();
    this.#fail(new TandemError('ERR_MEDIA_CLOSED', 'the media engine is closed'), false);
  }
}
