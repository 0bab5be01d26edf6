/** How times, addresses and figures are written. No DOM in here. */

export interface ShownUri {
  /** What a person looks for: the number or name. */
  readonly user: string;
  readonly host: string;
}

/** Of `"Ann" <sip:5001@10.0.0.1;transport=ws>` the user 5001 and the host 10.0.0.1; anything odd is shown as it is. */
export function shownUri(uri: string): ShownUri {
  const bare = /<([^>]*)>/.exec(uri)?.[1] ?? uri;
  const match = /^(?:sips?|tel):(?:([^@;?]*)@)?([^;?]*)/i.exec(bare);
  if (!match) return { user: uri, host: '' };
  const [, user, host = ''] = match;
  if (user === undefined || user === '') return { user: host || uri, host: '' };
  return { user: decoded(user), host };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param ms 83_000 → `1:23`, 3_700_000 → `1:01:40`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** @param ms since the call began → `+0.014 s`, `+12.345 s`, `+1:23.456`. */
export function offset(ms: number): string {
  const sign = ms < 0 ? '−' : '+';
  const size = Math.abs(ms);
  if (size < 60_000) return `${sign}${(size / 1_000).toFixed(3)} s`;
  return `${sign}${duration(size)}.${String(Math.floor(size % 1_000)).padStart(3, '0')}`;
}

export function timeOfDay(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

/** With the day, unless it is today's. */
export function dateTime(at: number, now: number): string {
  const day = new Date(at);
  if (day.toDateString() === new Date(now).toDateString()) return timeOfDay(at);
  return `${day.toLocaleDateString([], { day: 'numeric', month: 'short' })} ${timeOfDay(at)}`;
}

export function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 0 });
}

export function rate(value: number): string {
  return value >= 100 ? count(value) : value.toFixed(value >= 10 ? 1 : 2);
}

/** @param value 0..1 */
export function percent(value: number): string {
  const hundredth = value * 100;
  return `${hundredth.toFixed(hundredth < 10 ? 1 : 0)} %`;
}

export function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}
