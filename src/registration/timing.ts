/** When to register again. Pure. */
import type { Random } from '../base/random.ts';
import { parseDecimal } from '../sip/grammar.ts';
import { header, type SipResponse } from '../sip/message.ts';

/** Milliseconds (RFC 5626 §4.5). */
export interface Backoff {
  /** Doubled with every failure, the first included. Default 30 s. */
  readonly base?: number;
  /** Default 30 min. */
  readonly max?: number;
}

/** However short a time a registrar names, it is not asked more often. */
const shortestMs = 5_000;
const longestRetryAfter = 86_400;

/** Between 75 and 90 % of the time granted: all that start together do not come together for ever. */
export function refreshMs(expires: number, random: Random): number {
  return Math.max(shortestMs, expires * 1000 * (0.75 + 0.15 * fraction(random)));
}

/** @param failures in a row, at least 1 */
export function backoffMs(failures: number, { base = 30_000, max = 1_800_000 }: Backoff, random: Random): number {
  const ceiling = Math.min(max, base * 2 ** Math.min(failures, 30));
  return ceiling * (0.5 + 0.5 * fraction(random));
}

/** What a Retry-After asks for, five seconds to a day; `18000;duration=3600` and comments are allowed there (RFC 3261 §20.33). */
export function retryAfterMs(response: SipResponse): number | undefined {
  const value = header(response, 'retry-after') ?? '';
  const digits = /^\d{1,10}/.exec(value)?.[0] ?? '';
  const seconds = parseDecimal(digits, 10);
  return seconds === undefined ? undefined : Math.max(shortestMs, Math.min(seconds, longestRetryAfter) * 1000);
}

/** 80 to 100 %, for keep-alives (RFC 5626 §4.4.1). */
export function keepAliveMs(interval: number, random: Random): number {
  return interval * (0.8 + 0.2 * fraction(random));
}

function fraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}
