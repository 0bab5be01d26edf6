/** The users of the configuration: who they are, what others see of them, and how many calls each may have. */
import type { UserConfig } from '../../config/schema.ts';
import type { DialogServerSession } from '../../index.ts';

export interface CallerId {
  /** User part of From, or a URI. */
  readonly from: string;
  readonly displayName?: string;
}

export class Users {
  readonly #users: ReadonlyMap<string, UserConfig>;

  constructor(users: Readonly<Record<string, UserConfig>>) {
    this.#users = new Map(Object.entries(users));
  }

  has(name: string): boolean {
    return this.#users.has(name);
  }

  /** What the called see. */
  callerId(name: string): CallerId {
    const text = this.#users.get(name)?.callerId;
    return text === undefined ? { from: name } : callerIdOf(text);
  }

  /** Counts the call for this user. @returns false when it would be one too many */
  admit(name: string, call: DialogServerSession): boolean {
    return call.profiles.limit('user', name, this.#users.get(name)?.callLimit ?? Number.POSITIVE_INFINITY);
  }

  /** It is none of this user's calls any more. */
  release(name: string, call: DialogServerSession): void {
    call.profiles.unset('user', name);
  }
}

/** Of a number, or `Name <number>`. */
export function callerIdOf(text: string): CallerId {
  const named = /^\s*"?([^"<]*?)"?\s*<([^>]+)>\s*$/.exec(text);
  if (!named) return { from: text.trim() };
  const [, displayName = '', from = ''] = named;
  return { from: from.trim(), ...(displayName === '' ? {} : { displayName }) };
}
