/** The people who may log in, and whether a password is theirs. */
import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import { ConfigError } from '../../base/errors.ts';
import type { Role } from './access.ts';

export interface HttpUser {
  readonly password?: string | undefined;
  /** Instead of the password: what `hashPassword` makes of it. */
  readonly hash?: string | undefined;
  /** Default `view`. */
  readonly role?: Role | undefined;
}

interface Known {
  readonly role: Role;
  isIt(password: string): Promise<boolean>;
}

/** RFC 7914; 16 MiB for each look. */
const cost = { N: 16_384, r: 8, p: 1 };
const keyBytes = 32;
const saltBytes = 16;
const longest = 1_024;
/** That are computed at the same time: each takes memory and a thread. */
const mostAtOnce = 4;

export class Passwords {
  readonly #users: ReadonlyMap<string, Known>;
  #running = 0;

  /** @throws ConfigError for a user without password, or with a hash that is none */
  constructor(users: Readonly<Record<string, HttpUser>>) {
    this.#users = new Map(Object.entries(users).map(([name, user]) => [name, knownOf(name, user)]));
  }

  get size(): number {
    return this.#users.size;
  }

  /** @returns the user's role; undefined for a wrong password or user; `busy` when too many ask at once */
  async roleOf(user: string, password: string): Promise<Role | 'busy' | undefined> {
    if (password.length > longest) return undefined;
    if (this.#running >= mostAtOnce) return 'busy';
    this.#running++;
    try {
      const known = this.#users.get(user);
      // Who is not known takes as long as who is.
      const isIt = await (known ?? this.#users.values().next().value)?.isIt(password);
      return known && isIt ? known.role : undefined;
    } finally {
      this.#running--;
    }
  }
}

function knownOf(name: string, { password, hash, role = 'view' }: HttpUser): Known {
  if ((password === undefined) === (hash === undefined))
    throw new ConfigError(`http.users.${name} needs a password or a hash`);
  if (password !== undefined) {
    const want = sha256(password);
    return { role, isIt: async (given) => timingSafeEqual(want, sha256(given)) };
  }
  const [, salt = '', key = ''] = /^scrypt:([A-Za-z0-9_-]{16,64}):([A-Za-z0-9_-]{43})$/.exec(hash ?? '') ?? [];
  if (key === '')
    throw new ConfigError(`http.users.${name}.hash is none: make one with tandem password (scrypt:salt:key)`);
  const want = Buffer.from(key, 'base64url');
  return { role, isIt: async (given) => timingSafeEqual(want, await derive(given, salt)) };
}

/** @param salt 16 random bytes @returns what stands in `http.users.<name>.hash` */
export async function hashPassword(password: string, salt: Uint8Array): Promise<string> {
  const text = Buffer.from(salt.subarray(0, saltBytes)).toString('base64url');
  return `scrypt:${text}:${(await derive(password, text)).toString('base64url')}`;
}

function derive(password: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyBytes, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
