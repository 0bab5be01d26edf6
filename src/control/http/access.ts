/**
 * Who may do what. With tokens or users, whoever shows a token or is logged in; who guesses is slowed down. Without (on
 * loopback only) every program on this machine, but no page in a browser on it that is not ours.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { BoundedMap, sourceOf } from '../../sip/defence/sources.ts';
import { cookieOf, isCsrf, type Login, Logins, sessionCookie } from './logins.ts';
import { type HttpUser, Passwords } from './passwords.ts';

/** A viewer may read only. */
export type Role = 'control' | 'view';

/** What of an HTTP request counts. */
export interface Visitor {
  /** Numeric address. */
  readonly address: string;
  /** By a listener that only this machine gets to. */
  readonly local: boolean;
  readonly secure: boolean;
  /** A WebSocket is asked for: a browser lets any page do that, with the cookie. */
  readonly wants: 'read' | 'write' | 'socket';
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** `x-tandem-csrf` */
  readonly csrf: string | undefined;
  /** Of the query, where one may be in it. */
  readonly token: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

export interface Admitted {
  readonly role: Role;
  /** For the log: a user's name, or how it came in. */
  readonly who: string;
  readonly login: Login | undefined;
}

export type Admission = Admitted | { readonly status: 401 | 403 | 429; readonly error: string };

export interface AccessOptions {
  readonly token: string | undefined;
  readonly viewToken: string | undefined;
  /** Needed by who comes from elsewhere where there is no `token` and nobody in `users`. */
  readonly strangersToken?: string | undefined;
  readonly users?: Readonly<Record<string, HttpUser>>;
}

/** Wrong tokens from one source: so many at once, and then one in so many seconds. */
const failures = 10;
const failuresPerSecond = 0.2;
const sources = 1_000;

const tooMany = { status: 429, error: 'too many wrong tokens or passwords' } as const;

export class Access {
  readonly logins: Logins;
  readonly #clock: Clock;
  readonly #roles: readonly (readonly [Buffer, Role])[];
  readonly #passwords: Passwords;
  /** Whoever gets to a listener of this machine alone may do everything. */
  readonly #isOpen: boolean;
  readonly #failures = new BoundedMap<TokenBucket>(sources);

  /** @throws ConfigError */
  constructor(clock: Clock, random: Random, { token, viewToken, strangersToken, users = {} }: AccessOptions) {
    this.#clock = clock;
    this.logins = new Logins(clock, random);
    this.#passwords = new Passwords(users);
    this.#isOpen = token === undefined && this.#passwords.size === 0;
    const roles = [
      [token, 'control'],
      [viewToken, 'view'],
      [strangersToken, 'control'],
    ] as const;
    this.#roles = roles.flatMap(([text, role]) => (text === undefined ? [] : [[digest(text), role] as const]));
  }

  /** Whether this visitor has to log in to get anywhere. */
  needsLogin({ local }: Visitor): boolean {
    return !(this.#isOpen && local);
  }

  admit(visitor: Visitor): Admission {
    const token = bearer(visitor.authorization) ?? visitor.token;
    if (token !== undefined) return this.#byToken(visitor, token);
    const secret = cookieOf(visitor.cookie, sessionCookie);
    const login = secret === undefined ? undefined : this.logins.find(secret);
    if (login) return byCookie(visitor, login);
    if (!this.needsLogin(visitor)) return withoutToken(visitor);
    // Whoever guesses must not learn of a limit only when it guesses on.
    return this.#isSlowedDown(visitor) ? tooMany : { status: 401, error: 'a token is needed' };
  }

  /** @returns the secret for the cookie, too */
  async logIn(
    visitor: Visitor,
    given: { readonly user?: string; readonly password?: string; readonly token?: string },
  ): Promise<(Admitted & { readonly secret: string }) | Exclude<Admission, Admitted>> {
    if (visitor.origin !== undefined && !isOwnOrigin(visitor))
      return { status: 403, error: 'no page of another origin may log in' };
    if (this.#isSlowedDown(visitor)) return tooMany;
    const { user = '', password, token } = given;
    // Before the answer is known: those who ask for many at once are counted as well.
    const bucket = this.#failuresOf(visitor);
    bucket.take(1, this.#clock.now());
    const role = token === undefined ? await this.#passwords.roleOf(user, password ?? '') : this.#roleOf(token);
    if (role === 'busy') return tooMany;
    if (role) bucket.give(1, this.#clock.now());
    if (!role) return { status: 401, error: token === undefined ? 'wrong user or password' : 'the token is wrong' };
    const who = token === undefined ? user : tokenName(role);
    const { secret, login } = this.logins.open(who, role);
    return { role, who, login, secret };
  }

  #byToken(visitor: Visitor, token: string): Admission {
    // Where nobody needs one, whatever is shown is as good as none.
    if (this.#roles.length === 0 && !this.needsLogin(visitor)) return withoutToken(visitor);
    // Whoever guesses must not learn which guess was right.
    if (this.#isSlowedDown(visitor)) return tooMany;
    const role = this.#roleOf(token);
    if (role) return { role, who: tokenName(role), login: undefined };
    if (!this.needsLogin(visitor)) return withoutToken(visitor);
    this.#failuresOf(visitor).take(1, this.#clock.now());
    return { status: 401, error: 'the token is wrong' };
  }

  #isSlowedDown({ address }: Visitor): boolean {
    return this.#failures.get(sourceOf(address))?.has(this.#clock.now()) === false;
  }

  #failuresOf({ address }: Visitor): TokenBucket {
    const source = sourceOf(address);
    const bucket = this.#failures.get(source) ?? new TokenBucket(failuresPerSecond, failures, this.#clock.now());
    this.#failures.set(source, bucket);
    return bucket;
  }

  /** All of them are looked at, so that the time tells nothing. */
  #roleOf(token: string): Role | undefined {
    const given = digest(token);
    let found: Role | undefined;
    for (const [known, role] of this.#roles) if (timingSafeEqual(given, known)) found ??= role;
    return found;
  }
}

/** A browser sends the cookie by itself, whoever has it ask. */
function byCookie(visitor: Visitor, login: Login): Admission {
  const { wants, origin, csrf } = visitor;
  if (origin === undefined ? wants === 'socket' : !isOwnOrigin(visitor))
    return { status: 403, error: 'no page of another origin may ask' };
  if (wants === 'write' && !isCsrf(login, csrf)) return { status: 403, error: 'x-tandem-csrf is needed' };
  return { role: login.role, who: login.user, login };
}

/** A page may send requests to this machine from the browser on it: it shows its Origin, or a name made to lead here. */
function withoutToken({ host, origin, secure }: Visitor): Admission {
  const name = hostName(host);
  if (name !== 'localhost' && isIP(name) === 0)
    return { status: 403, error: 'without a token the Host has to be localhost or an address' };
  if (origin !== undefined && origin !== `${secure ? 'https' : 'http'}://${host}`)
    return { status: 403, error: 'without a token no page of another origin may ask' };
  return { role: 'control', who: 'local', login: undefined };
}

/** A proxy before us may be the one that speaks TLS. */
function isOwnOrigin({ origin, host }: Visitor): boolean {
  return host !== undefined && (origin === `https://${host}` || origin === `http://${host}`);
}

/** Of a Host header, without port and brackets. */
export function hostName(host: string | undefined): string {
  return host?.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1') ?? '';
}

function tokenName(role: Role): string {
  return role === 'control' ? 'token' : 'view token';
}

/** Of one length, whatever the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}
