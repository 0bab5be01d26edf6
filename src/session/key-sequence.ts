/** Says when keys were pressed one after the other, whatever came before. */
export class KeySequence {
  readonly #keys: string;
  #last = '';

  /** @param keys as `*1` */
  constructor(keys: string) {
    this.#keys = keys;
  }

  /** @returns whether it is complete */
  press(digit: string): boolean {
    this.#last = (this.#last + digit).slice(-this.#keys.length);
    if (this.#last !== this.#keys) return false;
    this.#last = '';
    return true;
  }
}
