/** What a call does, in the words of traces. */
import type { Attributes } from '@opentelemetry/api';
import { type NumbersShown, shownNumber } from '../base/pii.ts';
import type { ActivityFacts, ActivityName } from '../session/follower.ts';

/** A step has a name of its own, of which a script has few. */
export function activityTitle(name: ActivityName, { name: step }: ActivityFacts): string {
  return name === 'step' ? `step ${step}` : name;
}

const names: Readonly<Record<string, string>> = {
  status: 'sip.response.status_code',
  to: 'sip.refer_to.uri',
  partner: 'tandem.bridge.partner.call_id',
  source: 'tandem.play.source',
  path: 'tandem.record.path',
  playedMs: 'tandem.play.played_ms',
  durationMs: 'tandem.record.duration_ms',
};

export function activityAttributes(name: ActivityName, facts: ActivityFacts, numbers: NumbersShown): Attributes {
  const attributes: Attributes = {};
  for (const [fact, value] of Object.entries(facts))
    if (value !== undefined) attributes[names[fact] ?? `tandem.${name}.${fact}`] = shown(fact, value, numbers);
  return attributes;
}

function shown(fact: string, value: string | number | boolean, numbers: NumbersShown): string | number | boolean {
  if (typeof value !== 'string') return value;
  if (fact === 'to') return shownNumber(value, numbers);
  return fact === 'source' ? withoutSecrets(value) : value;
}

/** A URL may have a password or a token in it. */
export function withoutSecrets(url: string): string {
  const parsed = /^https?:/i.test(url) ? URL.parse(url) : null;
  if (!parsed) return url;
  const { protocol, host, pathname, search } = parsed;
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?REDACTED'}`;
}
