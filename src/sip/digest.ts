/**
 * The client side of HTTP Digest as SIP uses it (RFC 7616, RFC 8760, RFC 3261 §22.4): reading challenges and
 * computing the answer. Pure: the caller brings the client nonce and counts the uses of a nonce.
 */
import { createHash } from 'node:crypto';
import { fail, ok, type Result } from '../base/errors.ts';
import { isToken, newParams, quote, skipBlanks, skipQuoted, skipToken, unquote } from './grammar.ts';

export type DigestAlgorithm = 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess' | 'SHA-512-256' | 'SHA-512-256-sess';

export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: DigestAlgorithm;
  /** Did the server name the algorithm? If not, the answer does not either. */
  readonly algorithmNamed: boolean;
  /** 'auth' where the server offers it; undefined where it knows no qop (RFC 2069). */
  readonly qop: 'auth' | undefined;
  readonly opaque: string | undefined;
  /** The nonce was too old, the password was not wrong: answering the new one may succeed. */
  readonly stale: boolean;
}

export interface DigestAnswerOptions {
  readonly challenge: DigestChallenge;
  readonly method: string;
  /** The Request-URI as it is sent. */
  readonly uri: string;
  readonly username: string;
  readonly password: string;
  /** Fresh random token; used with qop and -sess. */
  readonly cnonce: string;
  /** How often this nonce has been used, this time included. */
  readonly nc: number;
}

interface Algorithm {
  readonly name: DigestAlgorithm;
  readonly hash: 'md5' | 'sha256' | 'sha512-256';
}

/** Weakest first. */
const algorithms: readonly Algorithm[] = [
  { name: 'MD5', hash: 'md5' },
  { name: 'MD5-sess', hash: 'md5' },
  { name: 'SHA-512-256', hash: 'sha512-256' },
  { name: 'SHA-512-256-sess', hash: 'sha512-256' },
  { name: 'SHA-256', hash: 'sha256' },
  { name: 'SHA-256-sess', hash: 'sha256' },
];

/**
 * The challenge to answer among the values of WWW-Authenticate or Proxy-Authenticate: the strongest that we can.
 * @param values each header line; one may hold several challenges
 */
export function selectChallenge(values: readonly string[]): Result<DigestChallenge> {
  let best: DigestChallenge | undefined;
  for (const challenge of values.flatMap(parseChallenges)) {
    if (best === undefined || strength(challenge) > strength(best)) best = challenge;
  }
  return best === undefined ? fail('there is no Digest challenge that we can answer') : ok(best);
}

function strength(challenge: DigestChallenge): number {
  return algorithms.findIndex((algorithm) => algorithm.name === challenge.algorithm);
}

/**
 * All Digest challenges of one header line that we can answer, in order. Those of other schemes, of unknown
 * algorithms or with qop=auth-int alone are left out; so is one that is malformed, with what follows it.
 */
export function parseChallenges(value: string): DigestChallenge[] {
  const challenges: DigestChallenge[] = [];
  let at = skipBlanks(value, 0);
  while (at < value.length) {
    const schemeEnd = skipToken(value, at);
    if (schemeEnd === at) break;
    const scheme = value.slice(at, schemeEnd).toLowerCase();
    const params = readAuthParams(value, schemeEnd);
    if (params === undefined) break;
    if (scheme === 'digest') {
      const challenge = toChallenge(params.values);
      if (challenge !== undefined) challenges.push(challenge);
    }
    at = params.end;
  }
  return challenges;
}

/** What a digest is computed from, beside the secret (RFC 7616 §3.4). */
export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  readonly nonce: string;
  readonly method: string;
  /** As it stands in the credentials. */
  readonly uri: string;
  readonly qop: 'auth' | 'auth-int' | undefined;
  /** Eight hexadecimal digits. */
  readonly nc: string;
  readonly cnonce: string;
  /** Of the message; counts with auth-int. */
  readonly body: Uint8Array;
}

/** H(name:realm:password) in the hash of an algorithm: what may be kept instead of a password. */
export function digestSecret(algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  return hashOf(algorithm)(`${username}:${realm}:${password}`);
}

/** @param secret as `digestSecret` makes it */
export function digestResponse(secret: string, input: DigestInput): string {
  const { algorithm, nonce, method, uri, qop, nc, cnonce, body } = input;
  const H = hashOf(algorithm);
  const a1 = algorithm.endsWith('-sess') ? H(`${secret}:${nonce}:${cnonce}`) : secret;
  const a2 = H(qop === 'auth-int' ? `${method}:${uri}:${H(body)}` : `${method}:${uri}`);
  return qop === undefined ? H(`${a1}:${nonce}:${a2}`) : H(`${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`);
}

function hashOf(name: DigestAlgorithm): (data: string | Uint8Array) => string {
  const { hash } = algorithms.find((algorithm) => algorithm.name === name)!;
  return (data) => createHash(hash).update(data).digest('hex');
}

/** The algorithm of this name in any case; MD5 where none is named (RFC 7616 §3.3). */
export function algorithmNamed(name: string | null | undefined): DigestAlgorithm | undefined {
  return algorithms.find((one) => one.name.toLowerCase() === (name ?? 'MD5').toLowerCase())?.name;
}

/** The value of Authorization or Proxy-Authorization (RFC 7616 §3.4). */
export function answerChallenge(options: DigestAnswerOptions): string {
  const { challenge, method, uri, username, password, cnonce } = options;
  const { realm, nonce, qop, opaque, algorithm } = challenge;
  const sess = algorithm.endsWith('-sess');
  const nc = options.nc.toString(16).padStart(8, '0');
  const secret = digestSecret(algorithm, username, realm, password);
  const body = new Uint8Array(0);
  const response = digestResponse(secret, { algorithm, nonce, method, uri, qop, nc, cnonce, body });

  const parts = [
    `username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
  ];
  if (challenge.algorithmNamed) parts.push(`algorithm=${challenge.algorithm}`);
  if (qop !== undefined) parts.push(`qop=${qop}`, `nc=${nc}`);
  if (qop !== undefined || sess) parts.push(`cnonce=${quote(cnonce)}`);
  if (opaque !== undefined) parts.push(`opaque=${quote(opaque)}`);
  return `Digest ${parts.join(', ')}`;
}

/** The parameters of Digest credentials, names in lower case; undefined for another scheme or what cannot be read. */
export function parseCredentials(value: string): Readonly<Record<string, string | null>> | undefined {
  const schemeEnd = skipToken(value, 0);
  if (value.slice(0, schemeEnd).toLowerCase() !== 'digest') return undefined;
  const params = readAuthParams(value, schemeEnd);
  return params?.end === value.length ? params.values : undefined;
}

interface AuthParams {
  readonly values: Record<string, string | null>;
  /** Where the next challenge begins. */
  readonly end: number;
}

/**
 * `name=value` with commas between them. A comma is also what separates challenges, so a word behind one that has
 * no `=` is the scheme of the next challenge.
 */
function readAuthParams(text: string, from: number): AuthParams | undefined {
  const values = newParams();
  let at = skipBlanks(text, from);
  while (at < text.length) {
    if (text.charCodeAt(at) === 0x2c) {
      at = skipBlanks(text, at + 1);
      continue;
    }
    const nameEnd = skipToken(text, at);
    const equals = skipBlanks(text, nameEnd);
    if (nameEnd === at) return undefined;
    if (text.charCodeAt(equals) !== 0x3d) return { values, end: at };
    const name = text.slice(at, nameEnd).toLowerCase();
    const start = skipBlanks(text, equals + 1);
    let end = start;
    if (text.charCodeAt(start) === 0x22) {
      end = skipQuoted(text, start);
      if (end < 0) return undefined;
    } else {
      while (end < text.length && text.charCodeAt(end) > 0x20 && text.charCodeAt(end) !== 0x2c) end++;
    }
    if (name in values) return undefined;
    values[name] = unquote(text.slice(start, end));
    at = skipBlanks(text, end);
    if (at < text.length && text.charCodeAt(at) !== 0x2c) return undefined;
  }
  return { values, end: at };
}

function toChallenge(values: Readonly<Record<string, string | null>>): DigestChallenge | undefined {
  const { realm, nonce } = values;
  if (typeof realm !== 'string' || typeof nonce !== 'string') return undefined;
  const algorithm = algorithmNamed(values.algorithm);
  if (algorithm === undefined) return undefined;
  const offered = values.qop
    ?.toLowerCase()
    .split(',')
    .map((one) => one.trim())
    .filter(isToken);
  if (offered !== undefined && offered.length > 0 && !offered.includes('auth')) return undefined;
  return {
    realm,
    nonce,
    algorithm,
    algorithmNamed: values.algorithm != null,
    qop: offered?.includes('auth') === true ? 'auth' : undefined,
    opaque: values.opaque ?? undefined,
    stale: values.stale?.toLowerCase() === 'true',
  };
}
