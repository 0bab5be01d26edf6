/**
 * What both sides of Digest access authentication compute (RFC 7616, RFC 8760, RFC 3261 §22.4): algorithms, the
 * response, and the parameters of its header fields. Pure. The sides are `digest-answer.ts` with `digest-client.ts`,
 * and `digest-server.ts`.
 */
import { createHash } from 'node:crypto';
import { newParams, skipBlanks, skipQuoted, skipToken, unquote } from './grammar.ts';

export type DigestAlgorithm = 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess' | 'SHA-512-256' | 'SHA-512-256-sess';

/** Quality of protection: whether the body is covered, too. */
export type DigestQop = 'auth' | 'auth-int';

/** What proves a user: the password, or what is hashed of it, for every algorithm that is to work. */
export type Secret =
  | { readonly password: string }
  | {
      /** MD5 of `user:realm:password`, in lower-case hexadecimal. */
      readonly ha1?: string;
      /** SHA-256 of the same. */
      readonly ha1Sha256?: string;
    };

/** The challenge that is answered, by its header field: WWW-Authenticate or Proxy-Authenticate. */
export type ChallengeStatus = 401 | 407;

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

/** @param name in any case; where there is none it is MD5 (RFC 7616 §3.3) */
export function algorithmNamed(name = 'MD5'): DigestAlgorithm | undefined {
  const wanted = name.toLowerCase();
  return algorithms.find((algorithm) => algorithm.name.toLowerCase() === wanted)?.name;
}

/** The greater the stronger. */
export function strengthOf(name: DigestAlgorithm): number {
  return algorithms.findIndex((algorithm) => algorithm.name === name);
}

function hashOf(name: DigestAlgorithm): Algorithm['hash'] {
  return algorithms[strengthOf(name)]!.hash;
}

/** H(user:realm:password), in hexadecimal; undefined where the secret has it for other algorithms only. */
export function ha1Of(secret: Secret, algorithm: DigestAlgorithm, username: string, realm: string): string | undefined {
  const hash = hashOf(algorithm);
  if ('password' in secret) return createHash(hash).update(`${username}:${realm}:${secret.password}`).digest('hex');
  return hash === 'md5' ? secret.ha1 : hash === 'sha256' ? secret.ha1Sha256 : undefined;
}

export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  readonly ha1: string;
  readonly nonce: string;
  readonly method: string;
  /** As the client names it: digest-uri. */
  readonly uri: string;
  /** Undefined: as RFC 2069 has it, without `nc`; then `cnonce` counts for -sess only. */
  readonly qop: string | undefined;
  /** As it is written: eight hexadecimal digits. */
  readonly nc: string;
  readonly cnonce: string;
  /** Covered by auth-int. */
  readonly body: Uint8Array;
}

/** The `response` (RFC 7616 §3.4.1), in lower-case hexadecimal. */
export function digestResponse(input: DigestInput): string {
  const { algorithm, ha1, nonce, cnonce, nc, qop, method, uri } = input;
  const hash = hashOf(algorithm);
  const H = (data: string | Uint8Array): string => createHash(hash).update(data).digest('hex');
  const key = algorithm.endsWith('-sess') ? H(`${ha1}:${nonce}:${cnonce}`) : ha1;
  const what = H(qop?.toLowerCase() === 'auth-int' ? `${method}:${uri}:${H(input.body)}` : `${method}:${uri}`);
  return H(qop === undefined ? `${key}:${nonce}:${what}` : `${key}:${nonce}:${nc}:${cnonce}:${qop}:${what}`);
}

export interface AuthParams {
  /** By lower-case name; quotes and what they escape are resolved. */
  readonly values: Readonly<Record<string, string | null>>;
  /** Where the next challenge begins. */
  readonly end: number;
}

/**
 * `name=value` with commas between them. A comma is also what separates challenges, so a word behind one that has
 * no `=` is the scheme of the next challenge.
 * @returns undefined if one is malformed or appears twice
 */
export function readAuthParams(text: string, from: number): AuthParams | undefined {
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
