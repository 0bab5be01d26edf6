/** What is said of a ring group, a queue and the like, looked at before it is used. */
import { ConfigError } from '../base/errors.ts';
import { parseUri } from '../sip/uri.ts';

/** Names that may stand in a file name, an event and a command. */
const namePattern = /^[\p{L}\p{N}_][\p{L}\p{N}_.+@-]{0,63}$/u;

/** Looks at the options of one thing; every complaint names it. */
export class Checks {
  readonly #what: string;

  /** @param kind as `queue` @throws ConfigError for a name that cannot be one */
  constructor(kind: string, name: string) {
    if (typeof name !== 'string' || !namePattern.test(name) || name.includes('..'))
      throw new ConfigError(
        `${kind}: a name is up to 64 letters, digits and _ . + @ -, and begins with a letter or digit, unlike ${JSON.stringify(name)}`,
      );
    this.#what = `${kind} ${name}`;
  }

  /** @throws ConfigError */
  fail(message: string): never {
    throw new ConfigError(`${this.#what}: ${message}`);
  }

  /** ms, whole or not, 0 or more. */
  ms(option: string, value: number, least = 0): number {
    if (!(Number.isFinite(value) && value >= least))
      this.fail(`${option} is milliseconds${least > 0 ? `, ${least} or more` : ''}, not ${value}`);
    return value;
  }

  whole(option: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
    if (!Number.isInteger(value) || value < least || value > most)
      this.fail(`${option} is a whole number from ${least} ${most < 2 ** 31 ? `to ${most}` : 'on'}, not ${value}`);
    return value;
  }

  oneOf<T extends string>(option: string, value: T, values: readonly T[]): T {
    if (!values.includes(value)) this.fail(`${option} is one of ${values.join(', ')}, not ${JSON.stringify(value)}`);
    return value;
  }

  keys(option: string, value: string): string {
    if (typeof value !== 'string' || !/^[0-9*#A-D]*$/.test(value))
      this.fail(`${option} is made of the keys 0-9, * and #, unlike ${JSON.stringify(value)}`);
    return value;
  }

  /** Users by their names, or SIP URIs; each once. */
  members(members: readonly string[]): readonly string[] {
    if (!Array.isArray(members)) this.fail('members is a list of users and SIP URIs');
    const seen = new Set<string>();
    for (const member of members) {
      if (typeof member !== 'string' || member === '') this.fail('members are names of users and SIP URIs');
      if (isUri(member) && !parseUri(member).ok) this.fail(`the member ${JSON.stringify(member)} is not a SIP URI`);
      if (seen.has(member)) this.fail(`the member ${JSON.stringify(member)} is named twice`);
      seen.add(member);
    }
    return members;
  }
}

/** A member that is called as it is; anything else is a user of the registrar. */
export function isUri(member: string): boolean {
  return /^(sips?|tel):/i.test(member);
}
