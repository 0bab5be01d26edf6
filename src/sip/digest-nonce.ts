/**
 * The nonces of a digest server (RFC 7616 §5.4). One that is given out costs no memory: it says itself, signed, when
 * that was. Only those that a user's answer came with are remembered, for the count of their uses.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

const timeBytes = 6;
const randomBytes = 8;
const signedBytes = timeBytes + randomBytes;
const signatureBytes = 16;

/** Requests of one client may overtake each other by so many. */
const window = 32;

interface Uses {
  readonly issuedAt: number;
  highest: number;
  /** Bit n: `highest - n` was used. */
  seen: number;
}

export interface NonceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds. */
  readonly lifetime: number;
  readonly maxTracked: number;
}

export class Nonces {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lifetime: number;
  readonly #maxTracked: number;
  readonly #key: Uint8Array;
  /** Clocks begin anywhere. */
  readonly #origin: number;
  /** In the order of their first use. */
  readonly #uses = new Map<string, Uses>();
  /** What was issued up to here and is not remembered may have been forgotten. */
  #forgottenUpTo = -1;

  constructor({ clock, random, lifetime, maxTracked }: NonceOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#lifetime = lifetime;
    this.#maxTracked = maxTracked;
    this.#key = random.bytes(32);
    this.#origin = clock.now();
  }

  /** Nonces that are remembered. */
  get tracked(): number {
    return this.#uses.size;
  }

  issue(): string {
    const bytes = Buffer.alloc(signedBytes + signatureBytes);
    bytes.writeUIntBE(this.#now(), 0, timeBytes);
    bytes.set(this.#random.bytes(randomBytes), timeBytes);
    bytes.set(this.#sign(bytes), signedBytes);
    return bytes.toString('base64url');
  }

  /**
   * Counts a use; to be asked only when the answer was right in all else.
   * @param nc undefined: the client does not count, and may use a nonce once
   * @returns 'stale' for a nonce that is too old, or not of this server; 'replay' for a use that was counted before
   */
  use(nonce: string, nc: number | undefined): 'ok' | 'stale' | 'replay' {
    const issuedAt = this.#issuedAt(nonce);
    if (issuedAt === undefined || this.#now() - issuedAt > this.#lifetime) return 'stale';
    const uses = this.#uses.get(nonce);
    if (uses) return nc !== undefined && count(uses, nc) ? 'ok' : 'replay';
    if (issuedAt <= this.#forgottenUpTo) return 'stale';
    this.#makeRoom();
    this.#uses.set(nonce, { issuedAt, highest: nc ?? 1, seen: 1 });
    return 'ok';
  }

  #now(): number {
    return Math.floor(this.#clock.now() - this.#origin);
  }

  #sign(bytes: Uint8Array): Uint8Array {
    const mac = createHmac('sha256', this.#key).update(bytes.subarray(0, signedBytes)).digest();
    return mac.subarray(0, signatureBytes);
  }

  #issuedAt(nonce: string): number | undefined {
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== signedBytes + signatureBytes) return undefined;
    // Node also decodes what it would not write.
    if (bytes.toString('base64url') !== nonce) return undefined;
    return timingSafeEqual(bytes.subarray(signedBytes), this.#sign(bytes)) ? bytes.readUIntBE(0, timeBytes) : undefined;
  }

  /** Whoever forgets a nonce that still lives must not take it for a new one. */
  #makeRoom(): void {
    for (const [nonce, { issuedAt }] of this.#uses) {
      const lives = this.#now() - issuedAt <= this.#lifetime;
      if (lives && this.#uses.size < this.#maxTracked) return;
      if (lives) this.#forgottenUpTo = Math.max(this.#forgottenUpTo, issuedAt);
      this.#uses.delete(nonce);
    }
  }
}

/** @returns false if this count was there before, or is too far behind to tell */
function count(uses: Uses, nc: number): boolean {
  const ahead = nc - uses.highest;
  if (ahead > 0) {
    uses.seen = ahead < window ? ((uses.seen << ahead) | 1) >>> 0 : 1;
    uses.highest = nc;
    return true;
  }
  if (-ahead >= window) return false;
  const bit = (1 << -ahead) >>> 0;
  if ((uses.seen & bit) !== 0) return false;
  uses.seen = (uses.seen | bit) >>> 0;
  return true;
}
