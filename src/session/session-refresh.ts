/** The session timer of one dialog at work (RFC 4028): what to ask for, when to refresh, when to give up. */
import type { Clock, Timer } from '../base/clock.ts';
import type { HeaderField, SipRequest, SipResponse } from '../sip/message.ts';
import { fromUnix, type SessionTimerSnapshot, toUnix } from './session-snapshot.ts';
import {
  agreedInterval,
  askedInterval,
  deadlines,
  givenInterval,
  raisedFloor,
  type SessionInterval,
  type SessionTimerSettings,
  shortInterval,
} from './session-timer.ts';

export interface SessionRefreshUser {
  /** Refreshes the session; a new interval is told by `accepted`. */
  refresh(): Promise<void>;
  /** Nobody refreshed it. */
  expired(): void;
}

/** Proxies on the way and the peer may each want more than the one before. */
const mostRaises = 4;
/** A refresh that failed is tried again while there is so much time left, ms. */
const patienceMs = 10_000;

export class SessionRefresh {
  readonly #clock: Clock;
  readonly #settings: SessionTimerSettings;
  readonly #user: SessionRefreshUser;
  /** The fewest seconds to ask for, as far as a 422 said. */
  #floor: number;
  #raises = 0;
  #interval: SessionInterval | undefined;
  #refresh: Timer | undefined;
  #expiry: Timer | undefined;
  #expiresAt = 0;
  #refreshesAt = 0;
  /** An INVITE was answered: an UPDATE before that begins no session. */
  #begun = false;
  #stopped = false;

  constructor(clock: Clock, settings: SessionTimerSettings, user: SessionRefreshUser) {
    this.#clock = clock;
    this.#settings = settings;
    this.#user = user;
    this.#floor = settings.minSE;
  }

  // ---- requests of ours

  /** For an INVITE or UPDATE. */
  get headers(): readonly HeaderField[] {
    return askedInterval(this.#settings, this.#interval, this.#floor);
  }

  /** @returns whether the 422 says what to ask for instead: then the request is worth another try */
  raised(refusal: SipResponse): boolean {
    const floor = raisedFloor(refusal, this.#floor);
    if (floor === undefined || this.#raises === mostRaises) return false;
    this.#raises++;
    this.#floor = floor;
    return true;
  }

  /** 2xx to an INVITE or UPDATE of ours: the session begins, or goes on. */
  accepted(response: SipResponse): void {
    if (this.#begins(response.headers.cseq.method)) this.#start(agreedInterval(response, this.#settings));
  }

  // ---- requests of the peer

  /** The headers of a 422 to an INVITE or UPDATE that asks for too much; undefined if it does not. */
  refusal(request: SipRequest): readonly HeaderField[] | undefined {
    return shortInterval(request, this.#settings);
  }

  /** For the 2xx to an INVITE or UPDATE, which is sent now: the session begins, or goes on. */
  accept(request: SipRequest): readonly HeaderField[] {
    if (!this.#begins(request.method)) return [];
    const { interval, headers } = givenInterval(request, this.#settings, this.#interval);
    this.#start(interval);
    return headers;
  }

  // ----

  /** Waits for nothing until another session begins: the dialog is over, but not the call. */
  rest(): void {
    this.#refresh?.cancel();
    this.#expiry?.cancel();
    this.#interval = undefined;
  }

  /** Goes on with the session of a timer that was stopped: its dialog is ours now. */
  takeOver(other: SessionRefresh): void {
    this.rest();
    this.#begun = other.#begun;
    this.#floor = other.#floor;
    if (other.#interval) this.#continue(other.#interval, other.#expiresAt, other.#refreshesAt);
  }

  #continue(interval: SessionInterval, expiresAt: number, refreshesAt: number): void {
    this.#interval = interval;
    this.#expiresAt = expiresAt;
    const left = Math.max(0, expiresAt - this.#clock.now());
    this.#expiry = this.#clock.setTimer(left, () => this.#user.expired(), 'session expires');
    if (interval.refresher === 'us') this.#refreshIn(Math.max(0, refreshesAt - this.#clock.now()), interval);
  }

  /** As plain data. */
  get snapshot(): SessionTimerSnapshot {
    const { seconds = 0, refresher = 'us' } = this.#interval ?? {};
    const unix = (at: number): number => (seconds === 0 ? 0 : Math.round(toUnix(this.#clock, at)));
    const [expiresAt, refreshesAt] = [unix(this.#expiresAt), unix(this.#refreshesAt)];
    return { seconds, refresher, floor: this.#floor, expiresAt, refreshesAt };
  }

  /** Goes on with the session of an earlier process. */
  restore({ seconds, refresher, floor, expiresAt, refreshesAt }: SessionTimerSnapshot): void {
    this.#begun = true;
    this.#floor = floor;
    if (seconds > 0)
      this.#continue(
        { seconds, refresher },
        fromUnix(this.#clock, expiresAt, seconds * 1000),
        fromUnix(this.#clock, refreshesAt, seconds * 1000),
      );
  }

  stop(): void {
    this.#stopped = true;
    this.#refresh?.cancel();
    this.#expiry?.cancel();
  }

  #begins(method: string): boolean {
    this.#begun ||= method === 'INVITE';
    return this.#begun;
  }

  #start(interval: SessionInterval | undefined): void {
    if (this.#stopped) return;
    this.#refresh?.cancel();
    this.#expiry?.cancel();
    this.#interval = interval;
    if (!interval) return;
    const { refreshMs, expireMs } = deadlines(interval.seconds);
    this.#expiresAt = this.#clock.now() + expireMs;
    this.#expiry = this.#clock.setTimer(expireMs, () => this.#user.expired(), 'session expires');
    if (interval.refresher === 'us') this.#refreshIn(refreshMs, interval);
  }

  #refreshIn(ms: number, interval: SessionInterval): void {
    const refresh = (): void => {
      this.#user.refresh().catch(() => {
        const left = this.#expiresAt - this.#clock.now();
        // Meanwhile the call may be over, or the peer may have refreshed it.
        if (!this.#stopped && this.#interval === interval && left > patienceMs) this.#refreshIn(left / 2, interval);
      });
    };
    this.#refreshesAt = this.#clock.now() + ms;
    this.#refresh = this.#clock.setTimer(ms, refresh, 'session refresh');
  }
}
