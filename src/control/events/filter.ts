/** Which events somebody wants: names as `call:ended`, `call:*` or `*`, and those of one call. */
import { fail, ok, type Result } from '../../base/errors.ts';
import type { LoggedEvent } from './log.ts';

export type EventFilter = (event: LoggedEvent) => boolean;

const pattern = /^(\*|[a-z]{1,32}:(\*|[a-zA-Z]{1,32}))$/;
const mostPatterns = 100;

/** @param patterns none: all of them */
export function eventFilter(patterns: readonly string[], callId?: string): Result<EventFilter> {
  if (patterns.length > mostPatterns) return fail(`more than ${mostPatterns} names of events`);
  const wrong = patterns.find((one) => !pattern.test(one));
  if (wrong !== undefined) return fail(`"${wrong.slice(0, 80)}" names no events: write call:ended, call:* or *`);
  const names = new Set(patterns);
  const all = names.size === 0 || names.has('*');
  return ok(({ name, callId: of }) => {
    if (callId !== undefined && callId !== of) return false;
    return all || names.has(name) || names.has(`${name.slice(0, name.indexOf(':'))}:*`);
  });
}

/** `dialog:*,call:*` */
export function parsePatterns(text: string): readonly string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
