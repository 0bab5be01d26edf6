/** The states of one call, its times of day, and the timers that end it when nobody else does. */
import type { RegistrySettings } from './options.ts';
import {
  confirmed,
  confirmedNa,
  type DialogState,
  deleted,
  nextState,
  type StateInput,
  unconfirmed,
} from './states.ts';
import type { TimerWheel, WheelTimer } from './timer-wheel.ts';

/** After so many seconds a call without ACK, or without answers to OPTIONS, is over (Kamailio's). */
const lastSeconds = 10;

export interface LifeHouse {
  readonly settings: Pick<RegistrySettings, 'defaultTimeout' | 'earlyTimeout' | 'noackTimeout' | 'endTimeout'>;
  readonly wheel: TimerWheel;
  /** Unix milliseconds. */
  wallclock(): number;
}

export interface LifeOwner {
  /** Whether requests in the call leave its time alone. */
  readonly isTimeFixed: boolean;
  lifeMoved(from: DialogState, to: DialogState): void;
  /** Nobody answered it in time. */
  lifeUnanswered(): void;
  /** Its time is up. */
  lifeExpired(): void;
  /** It is over for so long that nobody will say so any more. */
  lifeForgotten(): void;
}

export class DialogLife {
  readonly #house: LifeHouse;
  readonly #owner: LifeOwner;
  #state: DialogState = unconfirmed;
  #initTs = 0;
  #startTs = 0;
  #endTs = 0;
  #lifetime: number;
  #timeout = 0;
  #limit: WheelTimer | undefined;
  /** Of the early, the no-ACK or the end time. */
  #stage: WheelTimer | undefined;
  #stopped = false;

  constructor(house: LifeHouse, owner: LifeOwner) {
    this.#house = house;
    this.#owner = owner;
    this.#lifetime = house.settings.defaultTimeout;
  }

  get state(): DialogState {
    return this.#state;
  }

  get isAnswered(): boolean {
    return this.#startTs > 0;
  }

  get initTs(): number {
    return this.#initTs;
  }

  get startTs(): number {
    return this.#startTs;
  }

  get endTs(): number {
    return this.#endTs;
  }

  get lifetime(): number {
    return this.#lifetime;
  }

  get timeout(): number {
    return this.#timeout;
  }

  get duration(): number {
    if (this.#startTs === 0) return 0;
    return Math.max(0, (this.#endTs || this.#now()) - this.#startTs);
  }

  /** Goes on where an earlier process left it. What was due meanwhile is due now. */
  restore(state: DialogState, initTs: number, startTs: number, lifetime: number, timeout: number): void {
    this.#state = state;
    this.#initTs = initTs;
    this.#startTs = startTs;
    this.#lifetime = lifetime;
    this.#timeout = timeout;
    if (timeout > 0) this.#arm(Math.max(0, timeout - this.#now()));
    if (state === confirmedNa) this.#wait(this.#house.settings.noackTimeout, () => this.shorten());
  }

  begin(): void {
    this.#initTs = this.#now();
    this.#wait(this.#house.settings.earlyTimeout, () => this.#owner.lifeUnanswered());
  }

  input(input: StateInput): void {
    const next = nextState(this.#state, input);
    if (next !== undefined) this.enter(next);
  }

  enter(state: DialogState): void {
    const from = this.#state;
    if (from === state) return;
    this.#state = state;
    if (state === confirmedNa) {
      this.#startTs ||= this.#now();
      this.limit(this.#lifetime);
      this.#wait(this.#house.settings.noackTimeout, () => this.shorten());
    } else if (state === confirmed) {
      this.#stage?.cancel();
      this.#startTs ||= this.#now();
      this.renew();
    } else if (state === deleted) {
      this.#endTs = this.#now();
      this.#limit?.cancel();
      this.#wait(this.#house.settings.endTimeout, () => this.#owner.lifeForgotten());
    }
    this.#owner.lifeMoved(from, state);
  }

  /** So many seconds are left, from the answer on if there is none yet; 0 is for ever. */
  limit(seconds: number): void {
    this.#lifetime = seconds;
    if (this.#state !== confirmedNa && this.#state !== confirmed) return;
    this.#limit?.cancel();
    this.#limit = undefined;
    this.#timeout = seconds === 0 ? 0 : this.#now() + Math.ceil(seconds);
    if (seconds > 0) this.#arm(seconds);
  }

  #arm(seconds: number): void {
    if (this.#stopped) return;
    this.#limit = this.#house.wheel.set(seconds, () => {
      this.#limit = undefined;
      this.#owner.lifeExpired();
    });
  }

  /** Whether a limit runs: after `expired`, whether somebody set another. */
  get isLimited(): boolean {
    return this.#limit !== undefined;
  }

  /** A sign of life: the time begins anew, unless it is fixed. */
  renew(): void {
    if (!this.#owner.isTimeFixed && this.#limit) this.limit(this.#lifetime);
  }

  /** It is as good as over. */
  shorten(): void {
    if (this.#timeout === 0 || this.#timeout - this.#now() > lastSeconds) this.limit(lastSeconds);
  }

  /** Its timers go, for good. */
  stop(): void {
    this.#stopped = true;
    this.#limit?.cancel();
    this.#stage?.cancel();
  }

  #wait(seconds: number, fire: () => void): void {
    this.#stage?.cancel();
    this.#stage = this.#stopped ? undefined : this.#house.wheel.set(seconds, fire);
  }

  #now(): number {
    return Math.floor(this.#house.wallclock() / 1000);
  }
}
