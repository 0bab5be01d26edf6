/** Temporary GRUUs (RFC 5627 §3.1.2): names of one phone that tell nobody whose it is. */
import { type Random, token } from '../base/random.ts';

/** One per refresh; older ones of the same phone are given up. */
const perBinding = 16;

export interface GruuOwner {
  readonly user: string;
  readonly instance: string;
}

export class TemporaryGruus {
  readonly #random: Random;
  readonly #owners = new Map<string, GruuOwner>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** @param before those that were given out in this registration. @returns these and one more, the newest last */
  add(user: string, instance: string, before: readonly string[]): readonly string[] {
    const name = `tgruu.${token(this.#random, 12)}`;
    this.#owners.set(name, { user, instance });
    const all = [...before, name];
    this.forget(all.splice(0, Math.max(0, all.length - perBinding)));
    return all;
  }

  /** @param name user part of a URI with `gr` */
  ownerOf(name: string): GruuOwner | undefined {
    return this.#owners.get(name);
  }

  forget(names: readonly string[]): void {
    for (const name of names) this.#owners.delete(name);
  }
}
