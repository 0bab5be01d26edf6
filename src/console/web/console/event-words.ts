/** Events of a call in words, and the phases that they make. No DOM in here. */
import type { CallRow, TimelineEvent } from '../../protocol.ts';

/** Of the registry's own events these say more than the messages and the call's events beside them. */
const tellingDialogEvents = new Set(['dialog:expired', 'dialog:timeout', 'dialog:loaded', 'dialog:untracked']);

export function isTelling({ name }: TimelineEvent): boolean {
  return !name.startsWith('dialog:') || tellingDialogEvents.has(name);
}

export function eventWords({ name, detail }: TimelineEvent): string {
  const of = (key: string): string => (detail[key] === undefined ? '' : String(detail[key]));
  const by = detail.by === 'remote' ? ' by the peer' : '';
  switch (name) {
    case 'call:created':
      return String(detail.direction).startsWith('out') ? 'Call goes out' : 'Call comes in';
    case 'call:early':
      return `Ringing ${of('status')}`.trim();
    case 'call:answered':
      return 'Answered';
    case 'call:confirmed':
      return 'Confirmed';
    case 'call:held':
      return `Held${by}`;
    case 'call:resumed':
      return `Resumed${by}`;
    case 'call:recovered':
      return 'Recovered after a restart';
    case 'call:replaced':
      return 'Replaced by another call';
    case 'call:ended':
      return `Ended ${endWords(detail.cause)}`.trim();
    case 'media:started':
      return `Audio begins ${of('codec')}`.trim();
    case 'media:dtmf':
      return `Key ${of('digit')}`;
    case 'media:timeout':
      return 'No audio comes in';
    case 'media:ice':
      return (
        { connected: 'Way found', disconnected: 'Not heard any more', failed: 'No way found' }[of('state')] ?? 'ICE'
      );
    case 'media:dtls':
      return { connected: 'Keys agreed', failed: 'No keys', closed: 'Peer closed its audio' }[of('state')] ?? 'DTLS';
    case 'media:srtp':
      return `Encryption: ${of('problem')}`;
    case 'media:failed':
      return 'Media failed';
    case 'conference:joined':
      return `Joins ${of('conference')}`;
    case 'conference:left':
      return `Leaves ${of('conference')}`;
    case 'dialog:timeout':
      return 'Its longest time is over';
    case 'dialog:loaded':
      return 'Loaded from the store';
    case 'dialog:untracked':
      return 'Not tracked any more';
    case 'server:away':
      return `Server was away ${((Number(detail.forMs) || 0) / 1_000).toFixed(1)} s`;
    default:
      return name.replaceAll(/[:_-]/g, ' ');
  }
}

function endWords(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return '';
  const { by, status, reason } = cause as { by?: unknown; status?: unknown; reason?: unknown };
  return [by === undefined ? '' : `by ${String(by)}`, status, reason].filter(Boolean).join(' ');
}

export interface Phase {
  readonly name: 'ringing' | 'talking' | 'held';
  readonly from: number;
  readonly to: number;
}

/** What the call was like from its beginning to `now`; gapless. */
export function phasesOf(call: CallRow, events: readonly TimelineEvent[], now: number): Phase[] {
  const phases: Phase[] = [];
  let name = 'ringing' as Phase['name'];
  let from = call.startedAt;
  const turn = (next: Phase['name'], at: number): void => {
    if (at > from) phases.push({ name, from, to: at });
    name = next;
    from = Math.max(from, at);
  };
  const held = new Set<string | undefined>();
  if (call.answeredAt !== undefined) turn('talking', Math.min(call.answeredAt, now));
  for (const event of events) {
    if (event.name === 'call:held') held.add(event.sessionId);
    else if (event.name === 'call:resumed') held.delete(event.sessionId);
    else continue;
    const next = held.size > 0 ? 'held' : 'talking';
    if (next !== name && event.at <= now) turn(next, event.at);
  }
  if (now > from) phases.push({ name, from, to: now });
  return phases;
}
