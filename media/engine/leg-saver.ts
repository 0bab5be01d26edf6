/** Tells the state of every leg again and again, a few legs at a time, so that each can go on when its engine dies. */
import type { Clock, Timer } from '../../src/base/clock.ts';

/** ms between two states of one leg. */
const periodMs = 2000;
/** ms from one turn to the next. */
const longestTurnMs = 100;
const shortestTurnMs = 20;
/** In one turn: of more, packets would wait for long; with fewer, the owner would be woken for little. */
const legsAtOnce = 20;
/** ms: what changes together is told once. */
const soonMs = 10;

export class LegSaver<T> {
  readonly #clock: Clock;
  readonly #legs: ReadonlyMap<string, T>;
  readonly #save: (leg: T) => void;
  /** Of this round, those still to come. */
  #round: T[] = [];
  #share = 1;
  #turnMs = longestTurnMs;
  #timer: Timer | undefined;
  readonly #changed = new Set<T>();
  #soon: Timer | undefined;

  /** @param legs those there are, at any time */
  constructor(clock: Clock, legs: ReadonlyMap<string, T>, save: (leg: T) => void) {
    this.#clock = clock;
    this.#legs = legs;
    this.#save = save;
  }

  get timers(): number {
    return (this.#timer ? 1 : 0) + (this.#soon ? 1 : 0);
  }

  /** To be called when a leg came. */
  wake(): void {
    this.#timer ??= this.#clock.setTimer(this.#turnMs, this.#turn, 'media legs to be saved');
  }

  /** Something of this leg is another now. */
  soon(leg: T): void {
    this.#changed.add(leg);
    this.#soon ??= this.#clock.setTimer(soonMs, this.#saveChanged, 'media legs that changed');
  }

  readonly #saveChanged = (): void => {
    this.#soon = undefined;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const leg of changed) this.#save(leg);
  };

  /** There is nothing to save. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#round = [];
    this.#soon?.cancel();
    this.#soon = undefined;
    this.#changed.clear();
  }

  readonly #turn = (): void => {
    this.#timer = undefined;
    if (this.#round.length === 0) {
      this.#round = [...this.#legs.values()];
      const { length } = this.#round;
      this.#turnMs = Math.min(longestTurnMs, Math.max(shortestTurnMs, (periodMs * legsAtOnce) / length));
      this.#share = Math.ceil((length * this.#turnMs) / periodMs);
    }
    for (const leg of this.#round.splice(-this.#share)) this.#save(leg);
    this.wake();
  };
}
