/** What a menu hears: keys, and numbers that callers may dial in it. */
import type { MenuAction, MenuConfig } from '../../config/system-schema.ts';
import type { DialogServerSession } from '../../index.ts';
import { matchPattern, mayGoOn, type Pattern, parsePattern } from '../../routes/pattern.ts';
import { several } from '../../routes/table.ts';
import type { PlaySource } from './prompts.ts';

export type Choice =
  | { readonly what: 'key'; readonly action: MenuAction }
  | { readonly what: 'number'; readonly number: string }
  | { readonly what: 'nothing' | 'wrong' };

/** Longer input is nobody's. */
const mostDigits = 32;

export class MenuKeys {
  readonly #keys: ReadonlyMap<string, MenuAction>;
  readonly #numbers: readonly Pattern[];
  readonly #timeout: number;
  readonly #interDigitTimeout: number;

  constructor({ keys, extensions = [], timeout, interDigitTimeout }: MenuConfig) {
    this.#keys = new Map(Object.entries(keys));
    this.#numbers = several(extensions).flatMap((text) => {
      const parsed = parsePattern(text);
      return parsed.ok ? [parsed.value] : [];
    });
    this.#timeout = timeout;
    this.#interDigitTimeout = interDigitTimeout;
  }

  /** Plays, and takes keys until they mean something, or can mean nothing any more. */
  async ask(call: DialogServerSession, play?: PlaySource): Promise<Choice> {
    const one = { digits: 1, terminators: '' };
    let { digits } = await call.gather({ ...one, ...(play === undefined ? {} : { play }), timeout: this.#timeout });
    if (digits === '') return { what: 'nothing' };
    while (this.#mayGoOn(digits)) {
      const more = await call.gather({ ...one, timeout: this.#interDigitTimeout });
      if (more.digits === '') break;
      // It says that this was all, unless it is part of something.
      if (more.digits === '#' && !this.#mayGoOn(digits, '#')) break;
      digits += more.digits;
    }
    return this.#meaning(digits);
  }

  #meaning(digits: string): Choice {
    const action = this.#keys.get(digits);
    if (action !== undefined) return { what: 'key', action };
    const isNumber = this.#numbers.some((pattern) => matchPattern(pattern, digits));
    return isNumber ? { what: 'number', number: digits } : { what: 'wrong' };
  }

  /** Whether more keys, or just this one, could make something of it. */
  #mayGoOn(digits: string, next?: string): boolean {
    if (digits.length >= mostDigits) return false;
    const begins = digits + (next ?? '');
    if ([...this.#keys.keys()].some((key) => key.startsWith(begins) && key.length > digits.length)) return true;
    return this.#numbers.some((pattern) => {
      if (next === undefined) return mayGoOn(pattern, digits);
      return pattern.places !== undefined && (mayGoOn(pattern, begins) || matchPattern(pattern, begins) !== undefined);
    });
  }
}
