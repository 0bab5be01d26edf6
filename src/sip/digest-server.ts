/**
 * The server side of HTTP Digest (RFC 7616, RFC 8760, RFC 3261 §22). Nonces carry their time and our signature, so that
 * a challenge costs no memory; what is kept is the count of those that were used.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type Random, token } from '../base/random.ts';
import {
  algorithmNamed,
  type DigestAlgorithm,
  type DigestInput,
  digestResponse,
  digestSecret,
  parseCredentials,
} from './digest.ts';
import { parseDecimal, quote } from './grammar.ts';
import { type HeaderField, headerValues, type SipRequest } from './message.ts';
import { NonceCounts } from './nonce-counts.ts';
import { uriUser } from './uri.ts';

/** What a user is known by: the password, or MD5 of name:realm:password. */
export type DigestSecret = { readonly password: string } | { readonly ha1: string };

/** May look into a database. */
export type FindSecret = (username: string) => DigestSecret | undefined | Promise<DigestSecret | undefined>;

export interface DigestServerOptions {
  readonly realm: string;
  /**
   * Offered in this order, the strongest first (RFC 8760 §2.4); default MD5 alone, as many phones give up where they see
   * another beside it. Users that have an `ha1` can do nothing but MD5.
   */
  readonly algorithms?: readonly ('SHA-256' | 'SHA-512-256' | 'MD5')[];
  /** ms that a nonce is good for; default five minutes. */
  readonly nonceLifetime?: number;
}

export type DigestVerdict =
  | { readonly ok: true; readonly username: string }
  /** `missing`: no credentials for this realm. `stale`: right, but the nonce is too old or was used up. */
  | { readonly ok: false; readonly why: 'missing' | 'stale' | 'wrong' | 'malformed'; readonly username?: string };

const defaultLifetime = 5 * 60_000;
const timeDigits = 11;
const saltDigits = 16;
const signatureDigits = 32;
/** Nobody knows it: what a name that does not exist is compared with, so that it takes as long. */
const noSecret: DigestSecret = { password: '' };

interface Credentials {
  readonly username: string;
  readonly response: string;
  readonly input: DigestInput;
}

export class DigestServer {
  readonly realm: string;
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #lifetime: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #key: Uint8Array;
  readonly #opaque: string;
  readonly #counts: NonceCounts;

  constructor(options: DigestServerOptions, clock: Clock, random: Random) {
    this.realm = options.realm;
    this.#algorithms = options.algorithms ?? ['MD5'];
    this.#lifetime = options.nonceLifetime ?? defaultLifetime;
    this.#clock = clock;
    this.#random = random;
    this.#key = random.bytes(32);
    this.#opaque = token(random, 8);
    this.#counts = new NonceCounts(this.#lifetime);
  }

  /** The headers of a 401 or 407: one challenge for each algorithm (RFC 8760 §2.4). */
  challenge(status: 401 | 407, stale = false): HeaderField[] {
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const nonce = this.#newNonce();
    const known = `realm=${quote(this.realm)}, nonce="${nonce}", opaque="${this.#opaque}"`;
    const again = stale ? ', stale=true' : '';
    return this.#algorithms.map((algorithm) => [
      name,
      `Digest ${known}, algorithm=${algorithm}, qop="auth,auth-int"${again}`,
    ]);
  }

  /**
   * Whose request it is. Answers at once where `findSecret` does.
   * @param status which challenge it is to have answered
   */
  check(request: SipRequest, status: 401 | 407, findSecret: FindSecret): DigestVerdict | Promise<DigestVerdict> {
    const read = this.#read(request, status);
    if (typeof read === 'string') return { ok: false, why: read };
    const secret = findSecret(read.username);
    return secret instanceof Promise ? secret.then((found) => this.#judge(read, found)) : this.#judge(read, secret);
  }

  #judge({ username, response, input }: Credentials, secret: DigestSecret | undefined): DigestVerdict {
    const ha1 = this.#ha1(username, secret ?? noSecret, input.algorithm);
    const matches = isEqual(response, digestResponse(ha1 ?? '', input));
    if (!matches || ha1 === undefined || secret === undefined) return { ok: false, why: 'wrong', username };
    // Without qop nothing counts the uses, so one is all there is.
    const count = input.qop === undefined ? 1 : Number.parseInt(input.nc, 16);
    const issued = this.#issuedAt(input.nonce);
    const now = this.#clock.now();
    if (issued === undefined || now - issued > this.#lifetime || !this.#counts.use(input.nonce, issued, count, now))
      return { ok: false, why: 'stale', username };
    return { ok: true, username };
  }

  #ha1(username: string, secret: DigestSecret, algorithm: DigestAlgorithm): string | undefined {
    if ('password' in secret) return digestSecret(algorithm, username, this.realm, secret.password);
    return algorithm === 'MD5' ? secret.ha1.toLowerCase() : undefined;
  }

  /** The credentials for our realm among those for others (RFC 3261 §22.3). */
  #read(request: SipRequest, status: 401 | 407): Credentials | 'missing' | 'malformed' {
    const name = status === 401 ? 'authorization' : 'proxy-authorization';
    for (const value of headerValues(request, name)) {
      const params = parseCredentials(value);
      if (!params) return 'malformed';
      if (params.realm === this.realm) return this.#credentials(request, params);
    }
    return 'missing';
  }

  #credentials(request: SipRequest, params: Readonly<Record<string, string | null>>): Credentials | 'malformed' {
    const { username, nonce, uri, response, qop, nc = '', cnonce = '' } = params;
    const algorithm = algorithmNamed(params.algorithm);
    if (!username || !nonce || !uri || !response) return 'malformed';
    if (algorithm === undefined || !this.#algorithms.includes(algorithm)) return 'malformed';
    if (qop !== undefined && !isQop(qop)) return 'malformed';
    if (qop !== undefined && (!/^[0-9a-f]{8}$/i.test(nc ?? '') || !cnonce)) return 'malformed';
    // Proxies may change host and parameters of the Request-URI on its way; whom it is for they may not.
    if (request.method === 'INVITE' && uriUser(uri) !== uriUser(request.uri)) return 'malformed';
    const { method, body } = request;
    const input = { algorithm, nonce, method, uri, qop, nc: nc ?? '', cnonce: cnonce ?? '', body };
    return { username, response: response.toLowerCase(), input };
  }

  #newNonce(): string {
    const time = String(Math.floor(this.#clock.now())).padStart(timeDigits, '0');
    const plain = time + token(this.#random, saltDigits / 2);
    return plain + this.#sign(plain);
  }

  /** When a nonce was made, in ms of the clock; undefined for one that is not ours. */
  #issuedAt(nonce: string): number | undefined {
    if (nonce.length !== timeDigits + saltDigits + signatureDigits) return undefined;
    const plain = nonce.slice(0, -signatureDigits);
    if (!isEqual(nonce.slice(-signatureDigits), this.#sign(plain))) return undefined;
    return parseDecimal(plain.slice(0, timeDigits), timeDigits);
  }

  #sign(plain: string): string {
    return createHmac('sha256', this.#key).update(plain).digest('hex').slice(0, signatureDigits);
  }
}

function isQop(qop: string | null): qop is 'auth' | 'auth-int' {
  return qop === 'auth' || qop === 'auth-int';
}

/** Takes as long for the first character that differs as for the last. */
function isEqual(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
