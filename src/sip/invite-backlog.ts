/**
 * New INVITEs between the parser and their user. To read a message and say 100 costs a tenth of what a call costs its
 * user; so in a burst everybody is told 100 first, before T1 makes them send their INVITE again, and the calls are
 * begun a few in each turn, behind everything that belongs to calls that are up. Sources take turns, so that a flood
 * from one does not make others wait.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { FairQueue } from './defence/fair-queue.ts';
import { sourceOf } from './defence/sources.ts';
import type { InviteServer } from './invite-server.ts';

/** Begun at once in a turn in which nobody waits. */
const atOnce = 8;
/** Begun per turn while others wait. */
const perTurn = 4;
/** While so many keep coming that everybody's 100 is what counts, none is begun, though no longer than this (ms). */
const holdMs = 250;

export class InviteBacklog {
  readonly #clock: Clock;
  readonly #begin: (invite: InviteServer) => void;
  readonly #waiting = new FairQueue<InviteServer>();
  #begun = 0;
  /** New ones since the last turn. */
  #come = 0;
  /** Since when more than a few have come in each turn. */
  #burstSince: number | undefined;
  #turn: Timer | undefined;

  constructor(clock: Clock, begin: (invite: InviteServer) => void) {
    this.#clock = clock;
    this.#begin = begin;
  }

  add(invite: InviteServer): void {
    this.#come++;
    this.#turn ??= this.#clock.setTimer(0, this.#nextTurn, 'invite backlog');
    if (this.#waiting.size === 0 && this.#begun < atOnce) {
      this.#begun++;
      this.#begin(invite);
      return;
    }
    invite.provisional(100);
    this.#waiting.add(sourceOf(invite.flow.address), invite);
  }

  /** What waits is never begun. */
  close(): void {
    this.#turn?.cancel();
    this.#waiting.clear();
  }

  readonly #nextTurn = (): void => {
    this.#turn = undefined;
    const share = this.#share();
    this.#begun = 0;
    this.#come = 0;
    for (let i = 0; i < share; i++) {
      const invite = this.#waiting.take();
      if (invite && !invite.cancelled) this.#begin(invite);
    }
    if (this.#waiting.size > 0) this.#turn ??= this.#clock.setTimer(0, this.#nextTurn, 'invite backlog');
  };

  #share(): number {
    if (this.#come <= atOnce) {
      this.#burstSince = undefined;
      return perTurn;
    }
    const now = this.#clock.now();
    this.#burstSince ??= now;
    return now - this.#burstSince < holdMs ? 0 : 1;
  }
}
