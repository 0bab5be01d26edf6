/** Who sends a request: its credentials checked against the users of the house, or the answer that asks for them. */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import {
  type DigestSecret,
  DigestServer,
  type DigestServerOptions,
  type DigestVerdict,
  type FindSecret,
} from './digest-server.ts';
import { type HeaderField, headerValues, type SipRequest } from './message.ts';
import { uriUser } from './uri.ts';

export interface AuthOptions extends Omit<DigestServerOptions, 'realm'> {
  /** What users are known at; default `tandem`. */
  readonly realm?: string;
  /** The secrets by user name, or who finds them. */
  readonly users: Readonly<Record<string, DigestSecret>> | FindSecret;
  /** Which INVITEs have to show credentials; default all. One that shows wrong ones is refused in any case. */
  readonly require?: AuthRequirement;
}

/** @param caller user part of From @param called of the Request-URI */
export type AuthRequirement = (caller: string | undefined, called: string | undefined, request: SipRequest) => boolean;

/** Who sent a request, or what to answer instead. */
export type Admission =
  | { readonly ok: true; readonly user: string }
  | {
      readonly ok: false;
      readonly status: 400 | 401;
      readonly headers: readonly HeaderField[];
      readonly why: Exclude<DigestVerdict, { readonly ok: true }>['why'];
    };

export class Authenticator {
  readonly #server: DigestServer;
  readonly #find: FindSecret;
  readonly #require: AuthRequirement;

  constructor(options: AuthOptions, clock: Clock, random: Random) {
    const { users, require = () => true, realm = 'tandem', ...server } = options;
    this.#server = new DigestServer({ ...server, realm }, clock, random);
    this.#find = typeof users === 'function' ? users : (name) => (Object.hasOwn(users, name) ? users[name] : undefined);
    this.#require = require;
  }

  /** Whether this request gets by without showing who sends it. */
  isOpen(request: SipRequest): boolean {
    if (headerValues(request, 'authorization').length > 0) return false;
    return !this.#require(uriUser(request.headers.from.uri), uriUser(request.uri), request);
  }

  /** We are where the request ends, so 401 is what asks for credentials (RFC 3261 §22.2), never 407. */
  admit(request: SipRequest): Admission | Promise<Admission> {
    const verdict = this.#server.check(request, 401, this.#find);
    return verdict instanceof Promise ? verdict.then((found) => this.#admission(found)) : this.#admission(verdict);
  }

  #admission(verdict: DigestVerdict): Admission {
    if (verdict.ok) return { ok: true, user: verdict.username };
    const { why } = verdict;
    if (why === 'malformed') return { ok: false, status: 400, headers: [], why };
    return { ok: false, status: 401, headers: this.#server.challenge(401, why === 'stale'), why };
  }
}
