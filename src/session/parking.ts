/** Calls that wait for a remote controller: none of them waits for ever, and each goes back where it came from. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Observer } from '../base/events.ts';
import { DialogServerSession } from './dialog-server-session.ts';
import type { DialogSession } from './dialog-session.ts';
import { StateError } from './errors.ts';
import type { TandemEvents } from './events.ts';

export interface ParkOptions {
  /** ms until somebody has to take it; default 60,000. An untaken call ends: 480 before its answer, else BYE. */
  readonly timeout?: number;
  /** What the call is for, for controllers that share the work. */
  readonly name?: string;
  /** Answers first; default false: the caller hears it ring. */
  readonly answer?: boolean;
  /** It is in somebody's hands already: it does not wait, and nobody is told that it does. */
  readonly taken?: boolean;
}

export interface ParkResult {
  /** What the controller said when it gave the call back. */
  readonly result?: string;
}

/** One that waits, or is taken. */
export interface ParkedCall {
  readonly call: DialogSession;
  readonly name: string | undefined;
  readonly taken: boolean;
  /** Somebody looks after it: it waits no longer. Idempotent. */
  take(): void;
  /** `park` resolves. Idempotent. */
  release(result?: string): void;
}

export interface ParkingPorts {
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
}

const defaultTimeout = 60_000;

export class Parking {
  readonly #ports: ParkingPorts;
  readonly #parked = new Map<DialogSession, Place>();

  constructor(ports: ParkingPorts) {
    this.#ports = ports;
  }

  /** In the order that they came. */
  get calls(): readonly ParkedCall[] {
    return [...this.#parked.values()];
  }

  of(call: DialogSession): ParkedCall | undefined {
    return this.#parked.get(call);
  }

  /** See `Tandem.park`. */
  async park(call: DialogSession, options: ParkOptions = {}): Promise<ParkResult> {
    const { timeout = defaultTimeout, name, answer = false, taken = false } = options;
    if (!(timeout > 0)) throw new TandemError('ERR_ARGUMENT', `park: timeout must be milliseconds, not ${timeout}`);
    this.#mustBeFree(call);
    if (call instanceof DialogServerSession && !call.isAnswered) await (answer ? call.answer() : call.ringing());
    call.signal.throwIfAborted();
    this.#mustBeFree(call);
    const { clock } = this.#ports;
    const place = new Place(call, name, taken, {
      taken: () => this.#tell('call:taken', call, name),
      left: (reason) => {
        this.#parked.delete(call);
        this.#ports.observer.emit('call:unparked', { ...this.#stampOf(call), reason });
      },
    });
    this.#parked.set(call, place);
    const timer = clock.setTimer(
      timeout,
      () => {
        if (!place.taken) void call.terminate({ by: 'timeout', status: 480, reason: 'no controller took the call' });
      },
      'park',
    );
    place.onTaken = () => timer.cancel();
    void call.ended.then(() => place.leave('ended', call.signal.reason));
    if (taken) timer.cancel();
    else this.#tell('call:parked', call, name);
    try {
      return await place.released;
    } finally {
      timer.cancel();
    }
  }

  #mustBeFree(call: DialogSession): void {
    if (this.#parked.has(call)) throw new StateError(call.callId, 'the call is parked already');
  }

  #tell(event: 'call:parked' | 'call:taken', call: DialogSession, name: string | undefined): void {
    const { fromUser, toUser, state } = call;
    this.#ports.observer.emit(event, {
      ...this.#stampOf(call),
      state,
      ...(name === undefined ? {} : { name }),
      ...(fromUser === undefined ? {} : { fromUser }),
      ...(toUser === undefined ? {} : { toUser }),
    });
  }

  #stampOf({ callId, id }: DialogSession): { callId: string; sessionId: string; at: number } {
    return { callId, sessionId: id, at: this.#ports.clock.wallclock() };
  }
}

interface PlaceListener {
  readonly taken: () => void;
  readonly left: (reason: 'released' | 'ended') => void;
}

class Place implements ParkedCall {
  readonly call: DialogSession;
  readonly name: string | undefined;
  readonly #listener: PlaceListener;
  readonly #released = Promise.withResolvers<ParkResult>();
  onTaken: () => void = () => {};
  #taken: boolean;
  #left = false;

  constructor(call: DialogSession, name: string | undefined, taken: boolean, listener: PlaceListener) {
    this.call = call;
    this.name = name;
    this.#taken = taken;
    this.#listener = listener;
    this.#released.promise.catch(() => {});
  }

  get taken(): boolean {
    return this.#taken;
  }

  /** @throws DialogEndedError when the call ends first */
  get released(): Promise<ParkResult> {
    return this.#released.promise;
  }

  take(): void {
    if (this.#taken || this.#left) return;
    this.#taken = true;
    this.onTaken();
    this.#listener.taken();
  }

  release(result?: string): void {
    if (this.#left) return;
    this.#released.resolve(result === undefined ? {} : { result });
    this.leave('released');
  }

  leave(reason: 'released' | 'ended', error?: unknown): void {
    if (this.#left) return;
    this.#left = true;
    if (reason === 'ended') this.#released.reject(error);
    this.#listener.left(reason);
  }
}
