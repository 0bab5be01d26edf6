/** Reading challenges and writing the answer: the client side of Digest (RFC 7616 §3.3, §3.4). Pure. */
import {
  algorithmNamed,
  type DigestAlgorithm,
  type DigestQop,
  digestResponse,
  ha1Of,
  readAuthParams,
  type Secret,
  strengthOf,
} from './digest.ts';
import { quote, skipBlanks, skipToken } from './grammar.ts';

export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: DigestAlgorithm;
  /** Did the server name the algorithm? If not, the answer does not either. */
  readonly algorithmNamed: boolean;
  /** What the server takes; none where it knows no qop (RFC 2069). */
  readonly qop: readonly DigestQop[];
  readonly opaque: string | undefined;
  /** The nonce was too old, the password was not wrong: answering the new one may succeed. */
  readonly stale: boolean;
}

export interface DigestAnswerOptions {
  readonly challenge: DigestChallenge;
  readonly method: string;
  /** The Request-URI as it is sent. */
  readonly uri: string;
  readonly body: Uint8Array;
  readonly username: string;
  /** For the algorithm of the challenge, too. */
  readonly secret: Secret;
  /** Takes auth-int wherever it is offered; else only where auth is not. */
  readonly integrity: boolean;
  /** Fresh random token; used with qop and -sess. */
  readonly cnonce: string;
  /** How often this nonce has been used, this time included. */
  readonly nc: number;
}

/** The strongest, and of equals the first. RFC 8760 §2.4 takes the topmost; whoever is on the way could put MD5 there. */
export function strongest(challenges: readonly DigestChallenge[]): DigestChallenge | undefined {
  let best: DigestChallenge | undefined;
  for (const challenge of challenges) {
    if (best === undefined || strengthOf(challenge.algorithm) > strengthOf(best.algorithm)) best = challenge;
  }
  return best;
}

/**
 * All Digest challenges of one header line that we can answer, in order. Those of other schemes, of unknown
 * algorithms or of an unknown qop alone are left out; so is one that is malformed, with what follows it.
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

/** The value of Authorization or Proxy-Authorization (RFC 7616 §3.4). */
export function answerChallenge(options: DigestAnswerOptions): string {
  const { challenge, method, uri, body, username, cnonce, secret, integrity } = options;
  const { algorithm, realm, nonce, opaque } = challenge;
  const nc = options.nc.toString(16).padStart(8, '0');
  const [first] = challenge.qop;
  const wanted = integrity ? 'auth-int' : 'auth';
  const qop = challenge.qop.includes(wanted) ? wanted : first;
  const ha1 = ha1Of(secret, algorithm, username, realm) ?? '';
  const response = digestResponse({ algorithm, ha1, nonce, method, uri, qop, nc, cnonce, body });

  const parts = [
    `username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
  ];
  if (challenge.algorithmNamed) parts.push(`algorithm=${algorithm}`);
  if (qop !== undefined) parts.push(`qop=${qop}`, `nc=${nc}`);
  if (qop !== undefined || algorithm.endsWith('-sess')) parts.push(`cnonce=${quote(cnonce)}`);
  if (opaque !== undefined) parts.push(`opaque=${quote(opaque)}`);
  return `Digest ${parts.join(', ')}`;
}

function toChallenge(values: Readonly<Record<string, string | null>>): DigestChallenge | undefined {
  const { realm, nonce } = values;
  if (typeof realm !== 'string' || typeof nonce !== 'string') return undefined;
  const algorithm = algorithmNamed(values.algorithm ?? undefined);
  if (algorithm === undefined) return undefined;
  const offered = (values.qop ?? '')
    .toLowerCase()
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const qop = offered.filter((one): one is DigestQop => one === 'auth' || one === 'auth-int');
  if (offered.length > 0 && qop.length === 0) return undefined;
  return {
    realm,
    nonce,
    algorithm,
    algorithmNamed: typeof values.algorithm === 'string',
    qop,
    opaque: values.opaque ?? undefined,
    stale: values.stale?.toLowerCase() === 'true',
  };
}
