/**
 * Session timers (RFC 4028) as tables: who refreshes, how often, and what is too often. The clock is in
 * `session-refresh.ts`.
 */
import { ConfigError } from '../base/errors.ts';
import { type HeaderField, header, type SipMessage, type SipRequest } from '../sip/message.ts';
import { supports } from '../sip/option-tags.ts';

export interface SessionTimerOptions {
  /** Offered to peers, and agreed to where they ask; default true. */
  readonly enabled?: boolean;
  /** Seconds that a session lives without a refresh; default 1800. */
  readonly expires?: number;
  /** The fewest seconds that a peer may ask for; default 90, and RFC 4028 §4 allows no less. */
  readonly minSE?: number;
  /** Which side of an INVITE refreshes, where the peer leaves it to us; `auto` (default): its sender. */
  readonly refresher?: 'auto' | 'uac' | 'uas';
}

export type SessionTimerSettings = Required<SessionTimerOptions>;

/** What both sides agreed on. */
export interface SessionInterval {
  readonly seconds: number;
  readonly refresher: 'us' | 'them';
}

interface SessionExpires {
  readonly seconds: number;
  readonly refresher: 'uac' | 'uas' | undefined;
}

/** The least Session-Expires that is allowed, and what Min-SE is where there is none (RFC 4028 §4, §5). */
const leastSeconds = 90;
/** The most that a timer is set to, whatever a peer says: three weeks. */
const mostSeconds = 1_814_400;

/** @throws ConfigError for values that contradict each other */
export function sessionTimerSettings(options: SessionTimerOptions = {}): SessionTimerSettings {
  const settings = { enabled: true, expires: 1800, minSE: leastSeconds, refresher: 'auto', ...options } as const;
  const { expires, minSE } = settings;
  for (const [name, value] of Object.entries({ expires, minSE })) {
    if (!Number.isInteger(value) || value < 1 || value > mostSeconds)
      throw new ConfigError(`sessionTimers.${name} is whole seconds from 1 to ${mostSeconds}, not ${value}`);
  }
  if (expires < minSE)
    throw new ConfigError(`sessionTimers.expires ${expires} is less than sessionTimers.minSE ${minSE}`);
  return settings;
}

/** How long to wait, in ms from the last refresh: for the next one, and for BYE if there was none (RFC 4028 §10). */
export function deadlines(seconds: number): { readonly refreshMs: number; readonly expireMs: number } {
  return { refreshMs: seconds * 500, expireMs: Math.round((seconds - Math.min(32, seconds / 3)) * 1000) };
}

// ---- a request of ours

/**
 * The headers that ask for a timer (RFC 4028 §7.1, §7.4).
 * @param current what runs already: it stays as it is
 * @param floor the fewest seconds, as 422 may have said
 */
export function askedInterval(
  settings: SessionTimerSettings,
  current: SessionInterval | undefined,
  floor: number,
): readonly HeaderField[] {
  if (!settings.enabled) return [];
  const seconds = Math.max(current?.seconds ?? settings.expires, floor);
  const wanted = settings.refresher === 'auto' ? undefined : settings.refresher;
  const refresher = current ? (current.refresher === 'us' ? 'uac' : 'uas') : wanted;
  const expires = refresher ? `${seconds};refresher=${refresher}` : String(seconds);
  const asked: HeaderField = ['Session-Expires', expires];
  return floor === leastSeconds ? [asked] : [asked, ['Min-SE', String(floor)]];
}

/** What a 2xx to it says (RFC 4028 §7.2); undefined: no timer runs from now on. */
export function agreedInterval(response: SipMessage, settings: SessionTimerSettings): SessionInterval | undefined {
  const agreed = settings.enabled ? sessionExpires(response) : undefined;
  if (!agreed) return undefined;
  return { seconds: bounded(agreed.seconds, settings), refresher: agreed.refresher === 'uas' ? 'them' : 'us' };
}

/** The seconds that a 422 wants at least; undefined if it does not say, or nothing that is worth another try. */
export function raisedFloor(refusal: SipMessage, floor: number): number | undefined {
  const least = minSE(refusal);
  return least !== undefined && least > floor && least <= mostSeconds ? least : undefined;
}

// ---- a request of the peer

/** The headers of a 422 for an interval that is too short (RFC 4028 §9); undefined when it is not. */
export function shortInterval(request: SipRequest, settings: SessionTimerSettings): readonly HeaderField[] | undefined {
  const asked = settings.enabled && supports(request, 'timer') ? sessionExpires(request) : undefined;
  return asked && asked.seconds < settings.minSE ? [['Min-SE', String(settings.minSE)]] : undefined;
}

/**
 * What is to be in the 2xx to a request that is not too short, and what runs then (RFC 4028 §9, table 2). A peer
 * that knows no timers has one only if a proxy asked for it; then we refresh.
 */
export function givenInterval(
  request: SipRequest,
  settings: SessionTimerSettings,
  current: SessionInterval | undefined,
): { readonly interval: SessionInterval | undefined; readonly headers: readonly HeaderField[] } {
  const isKnown = supports(request, 'timer');
  const asked = sessionExpires(request);
  // A proxy that wants more than we can bear gets nothing: to refuse would cost the call of one who never asked.
  if (!settings.enabled || !(isKnown || (asked && asked.seconds >= settings.minSE)))
    return { interval: undefined, headers: [] };
  const seconds = bounded(
    Math.max(minSE(request) ?? 0, Math.min(asked?.seconds ?? settings.expires, settings.expires)),
    settings,
  );
  const kept = current && (current.refresher === 'us' ? 'uas' : 'uac');
  const preferred = kept ?? (settings.refresher === 'auto' ? 'uac' : settings.refresher);
  const refresher = isKnown ? (asked?.refresher ?? preferred) : 'uas';
  const expires: HeaderField = ['Session-Expires', `${seconds};refresher=${refresher}`];
  return {
    interval: { seconds, refresher: refresher === 'uas' ? 'us' : 'them' },
    headers: isKnown ? [expires, ['Require', 'timer']] : [expires],
  };
}

// ---- headers

function bounded(seconds: number, { minSE: least }: SessionTimerSettings): number {
  return Math.min(Math.max(seconds, least), mostSeconds);
}

/** `1800;refresher=uac`; one that cannot be read is none. */
function sessionExpires(message: SipMessage): SessionExpires | undefined {
  const value = header(message, 'session-expires') ?? '';
  const seconds = deltaSeconds(value);
  const role = /;\s*refresher\s*=\s*(uac|uas)\s*(?:;|$)/i.exec(value)?.[1]?.toLowerCase();
  return seconds === undefined ? undefined : { seconds, refresher: role as SessionExpires['refresher'] };
}

function minSE(message: SipMessage): number | undefined {
  return deltaSeconds(header(message, 'min-se') ?? '');
}

function deltaSeconds(value: string): number | undefined {
  const digits = /^\s*(\d{1,10})\s*(?:;|$)/.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
