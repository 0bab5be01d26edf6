/** When a request over UDP is sent again (RFC 8489 §6.2.1): after RTO, then twice as long each time. */

/** Rc: requests in all. */
const mostRequests = 7;
/** Rm: the last of them is waited for so many times RTO. */
const lastWait = 16;

export class Retransmission {
  readonly #rto: number;
  readonly #most: number;
  #tries = 1;
  #at: number;

  /** The first is sent now. @param rto ms */
  constructor(now: number, rto: number, most = mostRequests) {
    this.#rto = rto;
    this.#most = most;
    this.#at = now + rto;
  }

  /** Requests sent so far. */
  get tries(): number {
    return this.#tries;
  }

  /** ms when `next` is due. */
  get at(): number {
    return this.#at;
  }

  /** @returns whether it is to be sent again; false when there is no hope */
  next(now: number): boolean {
    if (this.#tries >= this.#most) return false;
    this.#tries++;
    this.#at = now + this.#rto * (this.#tries === mostRequests ? lastWait : 2 ** (this.#tries - 1));
    return true;
  }
}
