/**
 * What a Binding request has to pass before anybody acts on it (RFC 8489 §6.3, §9.1.3; RFC 8445 §7.3): first what costs
 * nothing, then the checksum, then the HMAC, and no more of those than a peer has need for.
 */
import { TokenBucket } from '../../src/base/token-bucket.ts';
import { bindingMethod } from '../stun/constants.ts';
import type { StunReader } from '../stun/reader.ts';
import type { IceSession } from './session.ts';
import type { IceRefused } from './types.ts';

/** Requests with a wrong HMAC that are looked at, each second. Whoever knows the ufrag and not the password is no peer. */
const failingRate = 20;
const failingBurst = 50;
/** Answers to requests that are right: a peer paces its checks at 5 ms at the least (RFC 8445 §14.2). */
const rightRate = 200;
const rightBurst = 300;
/** Error answers, which anybody may ask for in anybody's name. */
const errorRate = 10;
const errorBurst = 20;

export type Counted<T> = { -readonly [K in keyof T]: T[K] };

export const noneRefused = (): Counted<IceRefused> => ({
  malformed: 0,
  unknownUfrag: 0,
  integrity: 0,
  rate: 0,
  roleConflict: 0,
  unknownAttributes: 0,
  strayAnswer: 0,
});

/** What is to be done: nothing, an error answer, or the check is right and this session's. */
export type Verdict = IceSession | 400 | 401 | undefined;

export class Gate {
  readonly refused: Counted<IceRefused>;
  /** Of addresses that are not known, and of those that are: a flood of strangers is not to shut out the peer. */
  readonly #failing: readonly [TokenBucket, TokenBucket];
  readonly #right: TokenBucket;
  readonly #errors: TokenBucket;

  constructor(refused: Counted<IceRefused>, now: number) {
    this.refused = refused;
    this.#failing = [new TokenBucket(failingRate, failingBurst, now), new TokenBucket(failingRate, failingBurst, now)];
    this.#right = new TokenBucket(rightRate, rightBurst, now);
    this.#errors = new TokenBucket(errorRate, errorBurst, now);
  }

  /** @param sessions of now and of before. @param known the address is one of the peer's */
  check(request: StunReader, sessions: readonly IceSession[], known: boolean, now: number): Verdict {
    const { refused } = this;
    // RFC 8445 §7.1: every check has a fingerprint; without it there is no telling what this is.
    if (request.method !== bindingMethod || !request.hasFingerprint) return this.#malformed();
    if (!request.hasUsername || !request.hasIntegrity) {
      if (!request.fingerprintRight) return this.#malformed();
      refused.malformed++;
      return this.#error(400, now);
    }
    const session = sessions.find(({ keys }) => keys.isFor(request));
    if (!session) {
      if (!request.fingerprintRight) return this.#malformed();
      refused.unknownUfrag++;
      return this.#error(401, now);
    }
    const failing = this.#failing[known ? 1 : 0]!;
    if (!failing.has(now) || !this.#right.has(now)) {
      refused.rate++;
      return undefined;
    }
    if (!request.fingerprintRight) return this.#malformed();
    if (!request.integrityRight(session.keys.local)) {
      failing.take(1, now);
      refused.integrity++;
      return this.#error(401, now);
    }
    this.#right.take(1, now);
    return session;
  }

  #malformed(): undefined {
    this.refused.malformed++;
    return undefined;
  }

  #error(code: 400 | 401, now: number): 400 | 401 | undefined {
    return this.#errors.take(1, now) ? code : undefined;
  }
}
