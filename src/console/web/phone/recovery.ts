/**
 * Decides what a call does when its network goes: whether ICE is asked to begin anew (RFC 8445 §2.4, RFC 8839 §4.4.3),
 * when that is tried again, and when the call is given up. Knows no browser: it is told what happened and says what to
 * do; time is an argument.
 */

/** ICE that is disconnected often comes back by itself within, ms. */
export const patience = 2_000;
/** An ICE restart that brought nothing is tried again after, ms. Chromium alone takes 3.3 s from a way that works to using it. */
export const retry = 8_000;
/** Audio that stopped while the server was away too: both may come back by themselves within, ms. */
export const settling = 800;
/** Without any audio and without the server for so long the call is over, ms. */
export const giveUp = 30_000;

export interface RecoveryActions {
  /** Sends a re-INVITE with new ICE credentials. False: not possible just now. */
  restart(): boolean;
  giveUp(): void;
  /** Finds out soon whether requests still reach the server: a network that goes tells nobody. */
  probe(): void;
  /** Whether there is something to tell the user. */
  troubled(yes: boolean): void;
  /** @returns what stops it. */
  timer(ms: number, callback: () => void): () => void;
}

export type IceState = 'new' | 'checking' | 'connected' | 'completed' | 'disconnected' | 'failed' | 'closed';

export class Recovery {
  readonly #actions: RecoveryActions;
  /** Registered: requests reach the server. */
  #signalling = true;
  /** No audio either way. ICE that begins anew is silent until it is connected. */
  #silent = false;
  #failed = false;
  /** The own address is another: pairs of the old one are worth nothing, even if ICE has not seen it yet. */
  #moved = false;
  /** Packets came and come no more. That may be a peer that holds: it means something only with other signs. */
  #stalled = false;
  /** The server was away while packets stopped: the way they took is gone as well. */
  #suspect = false;
  #stopNext: (() => void) | undefined;
  #stopGivingUp: (() => void) | undefined;
  #troubled = false;
  #closed = false;

  constructor(actions: RecoveryActions) {
    this.#actions = actions;
  }

  signalling(up: boolean): void {
    if (this.#signalling === up) return;
    this.#signalling = up;
    this.#suspect ||= this.#stalled;
    this.#look(this.#suspect && !this.#silent ? settling : 0);
  }

  /** @param stalled packets came, and have not for more than a second */
  media(stalled: boolean): void {
    if (this.#stalled === stalled) return;
    this.#stalled = stalled;
    if (stalled && this.#signalling) this.#actions.probe();
    this.#suspect = stalled && !this.#signalling;
    this.#look(0);
  }

  ice(state: IceState): void {
    this.#failed = state === 'failed';
    if (this.#failed || state === 'disconnected') {
      if (!this.#silent && this.#signalling) this.#actions.probe();
      this.#silent = true;
    }
    if (isUp(state)) {
      this.#silent = false;
      this.#stopNext?.();
      this.#stopNext = undefined;
    }
    this.#look(state === 'disconnected' ? patience : 0);
  }

  /** Another network, or the same one again. */
  networkChanged(): void {
    this.#moved = true;
    this.#stopNext?.();
    this.#stopNext = undefined;
    this.#look(0);
  }

  close(): void {
    this.#closed = true;
    this.#stopNext?.();
    this.#stopGivingUp?.();
  }

  #look(wait: number): void {
    if (this.#closed) return;
    this.#tell(this.#silent || this.#suspect || !this.#signalling);
    if (this.#silent) this.#stopGivingUp ??= this.#actions.timer(giveUp, () => this.#actions.giveUp());
    else {
      this.#stopGivingUp?.();
      this.#stopGivingUp = undefined;
    }
    // A failed ICE comes back by nothing else: no patience with it.
    if (this.#failed && wait === 0) {
      this.#stopNext?.();
      this.#stopNext = undefined;
    }
    if (this.#isLost && this.#signalling) this.#stopNext ??= this.#actions.timer(wait, () => this.#restart());
  }

  get #isLost(): boolean {
    return this.#silent || this.#moved || this.#suspect;
  }

  #restart(): void {
    this.#stopNext = undefined;
    if (this.#closed || !this.#signalling) return;
    if (!this.#isLost) return;
    const sent = this.#actions.restart();
    if (sent) this.#moved = this.#suspect = false;
    this.#stopNext = this.#actions.timer(sent ? retry : 500, () => this.#restart());
  }

  #tell(troubled: boolean): void {
    if (troubled === this.#troubled) return;
    this.#troubled = troubled;
    this.#actions.troubled(troubled);
  }
}

function isUp(state: IceState): boolean {
  return state === 'connected' || state === 'completed';
}

/** Packets of half a second that make a stream, not the checks of ICE. */
const stream = 5;
/** ms */
const stallsAfter = 1_200;

/** Tells from a count of packets whether a stream that flowed has stopped. */
export class StallWatch {
  #count = 0;
  #grewAt = 0;
  /** Of the last two looks: the half second in which a stream ends has few packets, too. */
  #grew: readonly [number, number] = [0, 0];

  /** @param count of packets received so far; @param now ms; to be called each half second */
  look(count: number, now: number): boolean {
    const grew = count - this.#count;
    this.#count = count;
    if (grew > 0) {
      this.#grew = [this.#grew[1], grew];
      this.#grewAt = now;
    }
    return this.#grew.some((packets) => packets >= stream) && now - this.#grewAt >= stallsAfter;
  }
}
