/** Who is logged in: sessions that a browser keeps by cookie. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Role } from './access.ts';

export interface Login {
  readonly user: string;
  readonly role: Role;
  /** Has to come with every request that changes something: a page of another origin cannot know it. */
  readonly csrf: string;
}

interface Kept extends Login {
  readonly openedAt: number;
  usedAt: number;
}

/** ms without a request. */
const idleMs = 8 * 3_600_000;
/** ms in all. */
const longestMs = 7 * 24 * 3_600_000;
const most = 1_000;
const secretBytes = 32;

export const sessionCookie = 'tandem_session';

export class Logins {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By the digest of the secret, so that memory does not tell it; the one that was used last is the last. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** @returns the secret for the cookie */
  open(user: string, role: Role): { readonly secret: string; readonly login: Login } {
    const secret = this.#secret();
    const now = this.#clock.now();
    const login = { user, role, csrf: this.#secret(), openedAt: now, usedAt: now };
    this.#expire(now);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= most) this.#kept.delete(oldest);
    this.#kept.set(digest(secret), login);
    return { secret, login };
  }

  find(secret: string): Login | undefined {
    const key = digest(secret);
    const login = this.#kept.get(key);
    if (!login) return undefined;
    const now = this.#clock.now();
    this.#kept.delete(key);
    if (isOver(login, now)) return undefined;
    login.usedAt = now;
    this.#kept.set(key, login);
    return login;
  }

  close(secret: string): void {
    this.#kept.delete(digest(secret));
  }

  #expire(now: number): void {
    for (const [key, login] of this.#kept) if (isOver(login, now)) this.#kept.delete(key);
  }

  #secret(): string {
    return Buffer.from(this.#random.bytes(secretBytes)).toString('base64url');
  }
}

function isOver({ openedAt, usedAt }: Kept, now: number): boolean {
  return now - usedAt > idleMs || now - openedAt > longestMs;
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}

export function isCsrf({ csrf }: Login, given: string | undefined): boolean {
  // Of one length, whatever is given.
  const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(sha256(csrf), sha256(given ?? ''));
}

/** RFC 6265 §4.2: of several of one name the first. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** @param secret undefined: the browser is to forget it */
export function setCookie(secret: string | undefined, secure: boolean): string {
  const rest = `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return secret === undefined
    ? `${sessionCookie}=; Max-Age=0; ${rest}`
    : `${sessionCookie}=${secret}; Max-Age=${longestMs / 1000}; ${rest}`;
}
