/**
 * Who may do what. With tokens, whoever shows one; who guesses is slowed down. Without (on loopback only) every program
 * on this machine, but no page in a browser on it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { BoundedMap, sourceOf } from '../../sip/defence/sources.ts';

/** A viewer may read only. */
export type Role = 'control' | 'view';

/** What of an HTTP request counts. */
export interface Visitor {
  /** Numeric address. */
  readonly address: string;
  readonly authorization: string | undefined;
  /** Of the query, where one may be in it. */
  readonly token: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

export type Admission = { readonly role: Role } | { readonly status: 401 | 403 | 429; readonly error: string };

export interface AccessOptions {
  readonly token: string | undefined;
  readonly viewToken: string | undefined;
}

/** Wrong tokens from one source: so many at once, and then one in so many seconds. */
const failures = 10;
const failuresPerSecond = 0.2;
const sources = 1_000;

export class Access {
  readonly #clock: Clock;
  readonly #roles: readonly (readonly [Buffer, Role])[];
  readonly #failures = new BoundedMap<TokenBucket>(sources);

  constructor(clock: Clock, { token, viewToken }: AccessOptions) {
    this.#clock = clock;
    this.#roles = [
      ...(token === undefined ? [] : [[digest(token), 'control'] as const]),
      ...(viewToken === undefined ? [] : [[digest(viewToken), 'view'] as const]),
    ];
  }

  admit(visitor: Visitor): Admission {
    if (this.#roles.length === 0) return this.#withoutToken(visitor);
    const source = sourceOf(visitor.address);
    const now = this.#clock.now();
    // Whoever guesses must not learn which guess was right.
    if (this.#failures.get(source)?.has(now) === false) return { status: 429, error: 'too many wrong tokens' };
    const token = bearer(visitor.authorization) ?? visitor.token;
    if (token === undefined) return { status: 401, error: 'a token is needed' };
    const role = this.#roleOf(token);
    if (role) return { role };
    const bucket = this.#failures.get(source) ?? new TokenBucket(failuresPerSecond, failures, now);
    bucket.take(1, now);
    this.#failures.set(source, bucket);
    return { status: 401, error: 'the token is wrong' };
  }

  /** A page may send requests to this machine from the browser on it: it shows its Origin, or a name made to lead here. */
  #withoutToken({ host, origin }: Visitor): Admission {
    const name = host?.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1') ?? '';
    if (name !== 'localhost' && isIP(name) === 0)
      return { status: 403, error: 'without a token the Host has to be localhost or an address' };
    if (origin !== undefined && origin !== `http://${host}`)
      return { status: 403, error: 'without a token no page of another origin may ask' };
    return { role: 'control' };
  }

  /** All of them are looked at, so that the time tells nothing. */
  #roleOf(token: string): Role | undefined {
    const given = digest(token);
    let found: Role | undefined;
    for (const [known, role] of this.#roles) if (timingSafeEqual(given, known)) found ??= role;
    return found;
  }
}

/** Of one length, whatever the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}
