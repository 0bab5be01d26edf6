/**
 * What of a caller's INVITE goes on to the leg that is made on its behalf. A back-to-back user agent forwards nothing by
 * itself: what is named here says something about the call, and nothing about the caller's network.
 */
import { type HeaderField, headerValues, type SipRequest } from '../sip/message.ts';

/** Passed unless `passHeaders` names others. `Date` is signed by what `Identity` holds (RFC 8224 §4). */
export const passedByDefault: readonly string[] = [
  'Alert-Info',
  'Date',
  'Diversion',
  'History-Info',
  'Identity',
  'Priority',
  'Privacy',
  'Subject',
  'User-to-User',
];

/** Who the caller is, as its network asserts it: for those alone whom we trust (RFC 3325 §5). */
const asserted = 'p-asserted-identity';

/** They are about one leg, and each leg has its own: no pattern passes them. */
const ofOneLeg: readonly string[] = [
  ...['accept', 'accept-*', 'allow', 'allow-*', 'authorization', 'content-*', 'event', 'expires', 'join', 'min-se'],
  ...['path', 'p-preferred-identity', 'proxy-*', 'rack', 'refer-*', 'replaces', 'require', 'rseq', 'server'],
  ...[
    'security-*',
    'service-route',
    'session-expires',
    'subscription-state',
    'supported',
    'target-dialog',
    'timestamp',
  ],
  ...['unsupported', 'user-agent', 'www-authenticate', asserted],
];

/** Values that are passed, at most. */
const most = 32;

/**
 * @param names full names, whatever their case; `X-*` is all that begin so
 * @param trusted the target may know who the caller is
 * @param own headers that the new leg gets anyway: they take the place of the caller's
 */
export function passedHeaders(
  invite: SipRequest,
  names: readonly string[],
  trusted: boolean,
  own: readonly HeaderField[],
): HeaderField[] {
  const taken = new Set(own.map(([name]) => name.toLowerCase()));
  const passed: HeaderField[] = [];
  for (const name of invite.headers.other.keys()) {
    const wanted = name === asserted ? trusted : matches(name, names) && !matches(name, ofOneLeg);
    if (!wanted || taken.has(name)) continue;
    for (const value of headerValues(invite, name)) passed.push([name, value]);
  }
  return passed.slice(0, most);
}

/** @param name in lower case */
function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const lower = pattern.toLowerCase();
    return lower.endsWith('*') ? name.startsWith(lower.slice(0, -1)) : name === lower;
  });
}
