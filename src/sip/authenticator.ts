/** Who sends a request: its credentials checked against the users of the house, or the answer that asks for them. */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Secret } from './digest.ts';
import { type DigestRefusal, DigestServer, type DigestServerOptions, type FindSecret } from './digest-server.ts';
import type { SipRequest } from './message.ts';
import { uriUser } from './uri.ts';

/** @param caller user part of From @param called of the Request-URI */
export type AuthRequirement = (caller: string | undefined, called: string | undefined, request: SipRequest) => boolean;

export interface AuthOptions extends Omit<DigestServerOptions, 'clock' | 'random'> {
  /** The secrets by user name, or who finds them. */
  readonly users: Readonly<Record<string, Secret>> | FindSecret;
  /** Which INVITEs have to show credentials; default all. One that shows wrong ones is refused in any case. */
  readonly require?: AuthRequirement;
}

/** Who sent a request, or what to answer instead. */
export type Admission = { readonly ok: true; readonly user: string } | DigestRefusal;

export class Authenticator {
  readonly #server: DigestServer;
  readonly #find: FindSecret;
  readonly #require: AuthRequirement;

  constructor(options: AuthOptions, clock: Clock, random: Random) {
    const { users, require = () => true, ...server } = options;
    this.#server = new DigestServer({ ...server, clock, random });
    this.#find = typeof users === 'function' ? users : (name) => (Object.hasOwn(users, name) ? users[name] : undefined);
    this.#require = require;
  }

  /** Whether this request gets by without showing who sends it. */
  isOpen(request: SipRequest): boolean {
    if (this.#server.isAnswered(request, 401)) return false;
    return !this.#require(uriUser(request.headers.from.uri), uriUser(request.uri), request);
  }

  /** We are where the request ends, so 401 is what asks for credentials (RFC 3261 §22.2), never 407. */
  admit(request: SipRequest): Admission | Promise<Admission> {
    const verdict = this.#server.check(request, 401, this.#find);
    return verdict instanceof Promise ? verdict.then(admission) : admission(verdict);
  }
}

function admission(verdict: Awaited<ReturnType<DigestServer['check']>>): Admission {
  return verdict.ok ? { ok: true, user: verdict.username } : verdict;
}
