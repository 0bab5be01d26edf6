/**
 * Which controller looks after which parked call. A controller is a connection; a command that comes alone (`POST /RPC`,
 * the command line) belongs to nobody: it is never refused, and owns nothing.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf, TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { Parking } from '../../session/parking.ts';
import type { RpcContext } from '../rpc/methods.ts';

export interface OwnersOptions {
  /** ms that the calls of a lost connection wait for another. */
  readonly grace: number;
  /** What becomes of them then: they end, or go back to their script. */
  readonly whenLost: 'hangup' | 'release';
}

type Connection = AbortSignal;

interface Owned {
  readonly calls: Set<DialogSession>;
  readonly lost: () => void;
  timer: Timer | undefined;
}

export class Owners {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #parking: Parking;
  readonly #options: OwnersOptions;
  readonly #owners = new Map<DialogSession, Connection>();
  readonly #owned = new Map<Connection, Owned>();

  constructor(clock: Clock, logger: Logger, parking: Parking, options: OwnersOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#parking = parking;
    this.#options = options;
  }

  /**
   * A controller does something to a call: one that waits is taken with that.
   * @throws TandemError ERR_CALL_TAKEN when it is another's
   */
  use(call: DialogSession, context: RpcContext): void {
    const parked = this.#parking.of(call);
    if (!parked && !this.#owners.has(call)) return;
    this.#mustBeFree(call, context);
    this.#own(call, context);
    parked?.take();
  }

  /** As `use`, for a call that no script waits for. @param force even if it is another's */
  take(call: DialogSession, context: RpcContext, force = false): void {
    if (!force) this.#mustBeFree(call, context);
    this.#own(call, context);
    this.#parking.of(call)?.take();
  }

  /** Nobody looks after it any more. */
  leave(call: DialogSession): void {
    const connection = this.#owners.get(call);
    if (!connection) return;
    this.#owners.delete(call);
    const owned = this.#owned.get(connection);
    owned?.calls.delete(call);
    if (owned?.calls.size === 0) this.#forget(connection, owned);
  }

  /** Forgets everything; the calls go on. */
  close(): void {
    for (const call of [...this.#owners.keys()]) this.leave(call);
  }

  #mustBeFree(call: DialogSession, { connection }: RpcContext): void {
    const owner = this.#owners.get(call);
    if (!owner || !connection || owner === connection || owner.aborted) return;
    throw new TandemError('ERR_CALL_TAKEN', 'another controller looks after the call', {
      facts: { callId: call.callId },
    });
  }

  #own(call: DialogSession, { connection }: RpcContext): void {
    if (!connection || call.state === 'ended' || this.#owners.get(call) === connection) return;
    const isNew = !this.#owners.has(call);
    this.leave(call);
    this.#owners.set(call, connection);
    this.#ownedBy(connection).calls.add(call);
    if (isNew) void call.ended.then(() => this.leave(call));
  }

  #ownedBy(connection: Connection): Owned {
    const known = this.#owned.get(connection);
    if (known) return known;
    const owned: Owned = { calls: new Set(), lost: () => this.#lost(owned), timer: undefined };
    this.#owned.set(connection, owned);
    if (connection.aborted) owned.lost();
    else connection.addEventListener('abort', owned.lost, { once: true });
    return owned;
  }

  #lost(owned: Owned): void {
    const { grace } = this.#options;
    this.#logger.info({ calls: owned.calls.size, grace }, 'the connection of a controller ended: its calls wait');
    owned.timer = this.#clock.setTimer(grace, () => this.#giveUp(owned), 'controller grace');
  }

  #giveUp({ calls }: Owned): void {
    for (const call of [...calls]) {
      this.leave(call);
      const parked = this.#parking.of(call);
      if (parked && this.#options.whenLost === 'release') parked.release();
      else void this.#hangup(call);
    }
  }

  async #hangup(call: DialogSession): Promise<void> {
    try {
      await call.hangup({ reason: 'the controller is gone' });
    } catch (error) {
      this.#logger.warn({ callId: call.callId, error: messageOf(error) }, 'a hang-up was not answered');
    }
  }

  #forget(connection: Connection, { lost, timer }: Owned): void {
    connection.removeEventListener('abort', lost);
    timer?.cancel();
    this.#owned.delete(connection);
  }
}
