/**
 * The server side of Digest (RFC 7616, RFC 8760, RFC 3261 §22): challenges, and whether a request answers one. A
 * challenge is not remembered, so that unauthenticated requests cost no memory.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type Random, token } from '../base/random.ts';
import {
  algorithmNamed,
  type ChallengeStatus,
  type DigestAlgorithm,
  type DigestQop,
  digestResponse,
  ha1Of,
  readAuthParams,
  type Secret,
} from './digest.ts';
import { Nonces } from './digest-nonce.ts';
import { isBlank, quote, skipToken } from './grammar.ts';
import { type HeaderField, headerValues, type SipRequest } from './message.ts';
import { maxUriLength, parseUri } from './uri.ts';

export interface DigestServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What clients show their user, and part of every HA1; default `tandem`. */
  readonly realm?: string;
  /**
   * What challenges offer, the strongest first (RFC 8760 §2.4), and what is taken; default MD5 alone, as many phones give
   * up where they see another beside it. Users that have an `ha1` of MD5 can do nothing else.
   */
  readonly algorithms?: readonly DigestAlgorithm[];
  /**
   * What challenges offer; both are taken. Default `auth` alone: some clients choose auth-int wherever it is there,
   * and it fails behind every proxy that writes its own addresses into the SDP.
   */
  readonly qop?: readonly DigestQop[];
  /** Takes answers of clients that know no qop (RFC 2069), each nonce once; default true. */
  readonly allowNoQop?: boolean;
  /**
   * `user` (default): an answer made for another user part than the Request-URI's is refused, or whoever is on the
   * way could have another number called. The rest may differ, as proxies rewrite it (RFC 3261 §22.4). `off` for
   * proxies that rewrite numbers, too.
   */
  readonly checkUri?: 'user' | 'off';
  /** How long a nonce is good, ms; default 5 minutes. */
  readonly nonceLifetime?: number;
  /** Nonces in use whose counts are kept, default 100,000; the users of those beyond are challenged again. */
  readonly maxTracked?: number;
}

/** Undefined: there is no such user. */
export type FindSecret = (username: string, realm: string) => Secret | undefined | Promise<Secret | undefined>;

/** Only to be logged: a client that could tell an unknown user from a wrong password would learn who exists. */
export type DigestFailure =
  | 'missing'
  | 'malformed'
  | 'uri'
  | 'algorithm'
  | 'unknown-user'
  | 'wrong'
  | 'stale'
  | 'replay';

/** What to answer to a request that is not authenticated. */
export interface DigestRefusal {
  readonly ok: false;
  readonly why: DigestFailure;
  /** Of the answer, if there was one that could be read. */
  readonly username: string | undefined;
  /** 401 or 407 with challenges; 400 for an answer that no challenge can mend. */
  readonly status: number;
  readonly reason?: string;
  readonly headers: readonly HeaderField[];
}

export type DigestVerdict = { readonly ok: true; readonly username: string; readonly realm: string } | DigestRefusal;

/** Longest user name and cnonce. */
const maxText = 256;
/** Lines of one request that are read: one per proxy on the way. */
const maxLines = 16;

/** An answer as the client wrote it. */
interface Answer {
  readonly username: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm: DigestAlgorithm | undefined;
  readonly qop: string | undefined;
  readonly nc: string;
  readonly cnonce: string;
}

export class DigestServer {
  readonly realm: string;
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #qop: readonly DigestQop[];
  readonly #allowNoQop: boolean;
  readonly #checkUri: boolean;
  readonly #nonces: Nonces;
  readonly #opaque: string;
  /** Takes the place of the secret of a user who does not exist, so that both take the same time. */
  readonly #nobody: Secret;

  constructor(options: DigestServerOptions) {
    const { clock, random, realm = 'tandem', algorithms = ['MD5'], qop = ['auth'] } = options;
    const { allowNoQop = true, checkUri = 'user', nonceLifetime = 300_000, maxTracked = 100_000 } = options;
    this.realm = realm;
    this.#algorithms = algorithms;
    this.#qop = qop;
    this.#allowNoQop = allowNoQop;
    this.#checkUri = checkUri === 'user';
    this.#nonces = new Nonces({ clock, random, lifetime: nonceLifetime, maxTracked });
    this.#opaque = token(random, 8);
    this.#nobody = { password: token(random, 16) };
  }

  /** Nonces whose uses are counted. */
  get tracked(): number {
    return this.#nonces.tracked;
  }

  /**
   * The challenges of a 401 (as the server of a request) or 407 (as a proxy): one line per algorithm (RFC 8760 §2.3).
   * @param options `stale`: the password was right, only the nonce is to be replaced
   */
  challenge(status: ChallengeStatus, options: { readonly stale?: boolean } = {}): HeaderField[] {
    const nonce = this.#nonces.issue();
    const stale = options.stale ? ', stale=true' : '';
    const qop = this.#qop.length === 0 ? '' : `, qop="${this.#qop.join(',')}"`;
    return this.#algorithms.map((algorithm) => [
      status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate',
      `Digest realm=${quote(this.realm)}, nonce="${nonce}", opaque="${this.#opaque}", algorithm=${algorithm}${qop}${stale}`,
    ]);
  }

  /** Whether a request has credentials for our realm, right or wrong. */
  isAnswered(request: SipRequest, status: ChallengeStatus): boolean {
    return this.#answerIn(credentialsOf(request, status)) !== 'missing';
  }

  /**
   * Whether a request answers a challenge of ours; if not, what to send. At once, unless `findSecret` takes its time.
   * @param status which challenge: 401 reads Authorization, 407 Proxy-Authorization
   */
  check(request: SipRequest, status: ChallengeStatus, findSecret: FindSecret): DigestVerdict | Promise<DigestVerdict> {
    const answer = this.#answerIn(credentialsOf(request, status));
    if (answer === 'missing') return this.#refuse(status, 'missing', undefined);
    if (answer === 'malformed') return malformed('malformed', undefined, 'the credentials cannot be read');
    if (this.#checkUri && !isForUserOf(request.uri, answer.uri))
      return malformed('uri', answer.username, 'the credentials are for another URI');
    const found = findSecret(answer.username, this.realm);
    return found instanceof Promise
      ? found.then((secret) => this.#judge(request, status, answer, secret))
      : this.#judge(request, status, answer, found);
  }

  /** RFC 7616 §3.3: a nonce is called stale only where the rest was right, or a wrong password is tried for ever. */
  #judge(request: SipRequest, status: ChallengeStatus, answer: Answer, secret: Secret | undefined): DigestVerdict {
    const { username, algorithm, nonce, qop, nc } = answer;
    const refuse = (why: DigestFailure): DigestRefusal => this.#refuse(status, why, username);
    if (!algorithm || !this.#algorithms.includes(algorithm)) return refuse('algorithm');
    if (qop === undefined && !this.#allowNoQop) return refuse('wrong');
    const known = secret && ha1Of(secret, algorithm, username, this.realm);
    const ha1 = known ?? ha1Of(this.#nobody, algorithm, username, this.realm) ?? '';
    const { method, body } = request;
    const right = isSame(digestResponse({ ...answer, algorithm, ha1, method, body }), answer.response);
    if (known === undefined) return refuse(secret ? 'algorithm' : 'unknown-user');
    if (!right) return refuse('wrong');
    const use = this.#nonces.use(nonce, qop === undefined ? undefined : Number.parseInt(nc, 16));
    return use === 'ok' ? { ok: true, username, realm: this.realm } : refuse(use);
  }

  #refuse(status: ChallengeStatus, why: DigestFailure, username: string | undefined): DigestRefusal {
    const stale = why === 'stale' || why === 'replay';
    return { ok: false, why, username, status, headers: this.challenge(status, { stale }) };
  }

  /** The answer for our realm; those for other servers on the way are not ours to judge (RFC 3261 §22.3). */
  #answerIn(lines: readonly string[]): Answer | 'missing' | 'malformed' {
    let seen: 'missing' | 'malformed' = 'missing';
    for (const line of lines.slice(0, maxLines)) {
      const schemeEnd = skipToken(line, 0);
      if (line.slice(0, schemeEnd).toLowerCase() !== 'digest' || !isBlank(line.charCodeAt(schemeEnd))) continue;
      const params = readAuthParams(line, schemeEnd);
      if (!params || params.end < line.length || typeof params.values.realm !== 'string') seen = 'malformed';
      else if (params.values.realm === this.realm) return toAnswer(params.values) ?? 'malformed';
    }
    return seen;
  }
}

function credentialsOf(request: SipRequest, status: ChallengeStatus): readonly string[] {
  return headerValues(request, status === 401 ? 'authorization' : 'proxy-authorization');
}

function malformed(why: DigestFailure, username: string | undefined, reason: string): DigestRefusal {
  return { ok: false, why, username, status: 400, reason: `Bad Request (${reason})`, headers: [] };
}

function toAnswer(values: Readonly<Record<string, string | null>>): Answer | undefined {
  const { username, nonce, uri, response, algorithm, qop, nc, cnonce } = values;
  if (!username || username.length > maxText || !nonce || nonce.length > maxText) return undefined;
  if (!uri || uri.length > maxUriLength || !response || (cnonce ?? '').length > maxText) return undefined;
  if (typeof qop === 'string') {
    if (qop.toLowerCase() !== 'auth' && qop.toLowerCase() !== 'auth-int') return undefined;
    if (!cnonce || !nc || !/^[0-9a-f]{8}$/i.test(nc) || Number.parseInt(nc, 16) === 0) return undefined;
  }
  return {
    username,
    nonce,
    uri,
    response,
    algorithm: algorithmNamed(algorithm ?? undefined),
    qop: qop ?? undefined,
    nc: nc ?? '',
    cnonce: cnonce ?? '',
  };
}

/** A URI without user part, as old phones write that of their proxy, is for everybody. */
function isForUserOf(requestUri: string, digestUri: string): boolean {
  if (digestUri === requestUri) return true;
  const [wanted, answered] = [parseUri(requestUri), parseUri(digestUri)];
  if (!wanted.ok || !answered.ok) return false;
  return answered.value.user === undefined || answered.value.user === wanted.value.user;
}

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
