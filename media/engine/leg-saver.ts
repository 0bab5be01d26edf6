/** Tells the state of every leg again and again, a few legs at a time, so that each can go on when its engine dies. */
import type { Clock, Timer } from '../../src/base/clock.ts';

/** ms between two states of one leg. */
const periodMs = 2000;
const turnMs = 100;
const turns = periodMs / turnMs;

export class LegSaver<T> {
  readonly #clock: Clock;
  readonly #legs: ReadonlyMap<string, T>;
  readonly #save: (leg: T) => void;
  /** Of this round, those still to come. */
  #round: T[] = [];
  #share = 1;
  #timer: Timer | undefined;

  /** @param legs those there are, at any time */
  constructor(clock: Clock, legs: ReadonlyMap<string, T>, save: (leg: T) => void) {
    this.#clock = clock;
    this.#legs = legs;
    this.#save = save;
  }

  /** 1 while there are legs, else 0. */
  get timers(): number {
    return this.#timer ? 1 : 0;
  }

  /** To be called when a leg came. */
  wake(): void {
    this.#timer ??= this.#clock.setTimer(turnMs, this.#turn, 'media legs to be saved');
  }

  /** There is nothing to save. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#round = [];
  }

  readonly #turn = (): void => {
    this.#timer = undefined;
    if (this.#round.length === 0) {
      this.#round = [...this.#legs.values()];
      this.#share = Math.ceil(this.#round.length / turns);
    }
    for (const leg of this.#round.splice(-this.#share)) this.#save(leg);
    this.wake();
  };
}
