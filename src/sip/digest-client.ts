/**
 * Answers the challenges of a user agent's requests (RFC 3261 §22.2, §22.3), one for each realm on the way. Made once
 * per dialog or registration: what was asked before is answered before it is asked again, with growing counts.
 */
import { type Random, token } from '../base/random.ts';
import { ha1Of, readAuthParams, type Secret } from './digest.ts';
import { answerChallenge, type DigestChallenge, parseChallenges, strongest } from './digest-answer.ts';
import { checkValue } from './header-lines.ts';
import { headerValues, type SipRequest, type SipResponse } from './message.ts';

export type Credentials = Secret & {
  readonly username: string;
  /** The only realm that they are for; default any. */
  readonly realm?: string;
  /** Covers the body, too, wherever the server offers auth-int; default only where it takes nothing else. */
  readonly integrity?: boolean;
};

/** Header fields of a challenge, of its answer, and of what a success says of the next nonce (RFC 7616 §3.5). */
const kinds = [
  { challenge: 'www-authenticate', answer: 'authorization', info: 'authentication-info' },
  { challenge: 'proxy-authenticate', answer: 'proxy-authorization', info: 'proxy-authentication-info' },
] as const;

type Kind = (typeof kinds)[number];

/** Challenges that are read of one response. */
const maxChallenges = 32;
/** Realms that are answered in one request. */
const maxRealms = 8;
/** What one request may have tried before it is given up. */
const maxTried = 16;

/** What one request has tried: credentials and nonces. */
export type Tried = Set<string>;

interface Known {
  readonly kind: Kind;
  readonly credentials: Credentials;
  readonly challenge: DigestChallenge;
  readonly cnonce: string;
  nc: number;
}

export class DigestClient {
  readonly #random: Random;
  readonly #credentials: readonly Credentials[];
  /** By header field and realm. */
  readonly #known = new Map<string, Known>();

  /** @throws TandemError ERR_HEADER_INJECTION for a user name that no header can hold */
  constructor(credentials: Credentials | readonly Credentials[], random: Random) {
    this.#credentials = 'username' in credentials ? [credentials] : credentials;
    for (const { username } of this.#credentials) checkValue('Authorization', username);
    this.#random = random;
  }

  /** What it was made with. */
  get credentials(): readonly Credentials[] {
    return this.#credentials;
  }

  /** The request with an answer to every challenge that is known. */
  authorize(request: SipRequest, tried: Tried): SipRequest {
    if (this.#known.size === 0) return request;
    const answers = new Map<string, string[]>();
    for (const [name, known] of this.#known) {
      const { kind, credentials, challenge, cnonce } = known;
      const { username, integrity = false } = credentials;
      const { method, uri, body } = request;
      const nc = ++known.nc;
      tried.add(`${name} ${challenge.nonce}`);
      const answer = answerChallenge({
        ...{ challenge, method, uri, body, username, integrity, cnonce, nc },
        secret: credentials,
      });
      answers.set(kind.answer, [...(answers.get(kind.answer) ?? []), answer]);
    }
    return { ...request, headers: { ...request.headers, other: new Map([...request.headers.other, ...answers]) } };
  }

  /**
   * Takes the challenges of a 401 or 407: of all servers at once, where a proxy has forked (RFC 3261 §16.7).
   * @returns whether `authorize` can answer one that it could not answer before
   */
  learn(response: SipResponse, tried: Tried): boolean {
    let found = false;
    for (const kind of kinds) {
      const challenges = headerValues(response, kind.challenge).flatMap(parseChallenges).slice(0, maxChallenges);
      for (const realm of new Set(challenges.map((challenge) => challenge.realm))) {
        const ofRealm = challenges.filter((challenge) => challenge.realm === realm);
        if (tried.size < maxTried && this.#learn(kind, realm, ofRealm, tried)) found = true;
      }
    }
    return found;
  }

  /** A server may name the nonce of the next request in the answer to this one. */
  renew(response: SipResponse): void {
    for (const kind of kinds) {
      const known = [...this.#known].filter(([, one]) => one.kind === kind);
      const [value] = headerValues(response, kind.info);
      const [only] = known;
      // The field names no realm.
      if (value === undefined || !only || known.length > 1) continue;
      const nonce = readAuthParams(value, 0)?.values.nextnonce;
      if (nonce) this.#know(only[0], { ...only[1], challenge: { ...only[1].challenge, nonce } });
    }
  }

  /** Each credentials once, and once more where only the nonce was too old. */
  #learn(kind: Kind, realm: string, challenges: readonly DigestChallenge[], tried: Tried): boolean {
    const name = `${kind.answer} ${realm}`;
    const before = this.#known.get(name);
    if (!before && this.#known.size >= maxRealms) return false;
    for (const credentials of this.#for(realm, before?.credentials)) {
      const challenge = strongest(challenges.filter((one) => canAnswer(credentials, one)));
      if (!challenge || tried.has(`${name} ${challenge.nonce}`)) continue;
      const one = `${name} #${this.#credentials.indexOf(credentials)}`;
      if (tried.has(one) && !challenge.stale) continue;
      tried.add(one);
      this.#know(name, { kind, credentials, challenge });
      return true;
    }
    return false;
  }

  #know(name: string, { kind, credentials, challenge }: Omit<Known, 'cnonce' | 'nc'>): void {
    this.#known.set(name, { kind, credentials, challenge, cnonce: token(this.#random, 8), nc: 0 });
  }

  /** What may work in a realm: what did before, then what is for this realm alone. */
  #for(realm: string, before: Credentials | undefined): Set<Credentials> {
    return new Set([
      ...(before ? [before] : []),
      ...this.#credentials.filter((one) => one.realm === realm),
      ...this.#credentials.filter((one) => one.realm === undefined),
    ]);
  }
}

function canAnswer(credentials: Credentials, { algorithm, realm }: DigestChallenge): boolean {
  return ha1Of(credentials, algorithm, credentials.username, realm) !== undefined;
}
