/** Where each message and event of a call is on its SIP ladder. No DOM in here. */
import type { CallLeg, LadderMessage, TimelineEvent } from '../../protocol.ts';

export interface Lane {
  readonly kind: 'caller' | 'tandem' | 'callee';
  readonly sessionId: string | undefined;
  readonly name: string;
  readonly address: string;
}

export interface MessageRow {
  readonly kind: 'message';
  readonly key: string;
  readonly at: number;
  /** px, the row's upper edge. */
  readonly y: number;
  readonly from: number;
  readonly to: number;
  readonly message: LadderMessage;
  readonly side: 'caller' | 'callee';
  /** How often the very same was sent before. */
  readonly again: number;
}

export interface EventRow {
  readonly kind: 'event';
  readonly key: string;
  readonly at: number;
  readonly y: number;
  readonly lane: number;
  readonly event: TimelineEvent;
}

/** Time in which nothing happened. */
export interface GapRow {
  readonly kind: 'gap';
  readonly key: string;
  readonly y: number;
  readonly ms: number;
}

export type LadderRow = MessageRow | EventRow | GapRow;

export interface LadderLayout {
  readonly lanes: readonly Lane[];
  readonly rows: readonly LadderRow[];
  readonly height: number;
}

export const rowHeights = { message: 38, event: 28, gap: 26 } as const;
const gapMs = 2_000;

/** The caller's side is to the left of Tandem, callees in the order in which they were called to its right. */
export function layLadder(
  legs: readonly CallLeg[],
  messages: readonly LadderMessage[],
  events: readonly TimelineEvent[],
): LadderLayout {
  const lanes = lanesOf(legs, messages);
  const tandem = lanes.findIndex(({ kind }) => kind === 'tandem');
  const laneOf = new Map(lanes.map(({ sessionId }, i) => [sessionId, i]));
  const steps = [
    ...messages.map((message) => ({ at: message.at, message })),
    ...events.map((event) => ({ at: event.at, event })),
  ];
  // Stable: of the same millisecond, messages go first, each kind in the order in which it was told.
  steps.sort((a, b) => a.at - b.at);
  const rows: LadderRow[] = [];
  const seen = new Map<string, number>();
  let y = 0;
  let last: number | undefined;
  for (const [i, step] of steps.entries()) {
    const key = `${i}`;
    if (last !== undefined && step.at - last >= gapMs) {
      rows.push({ kind: 'gap', key: `gap-${key}`, y, ms: step.at - last });
      y += rowHeights.gap;
    }
    last = step.at;
    if ('message' in step) {
      const { message } = step;
      const lane = laneOf.get(message.sessionId) ?? tandem;
      const same = `${message.sessionId}\n${message.direction}\n${message.text}`;
      const again = seen.get(same) ?? 0;
      seen.set(same, again + 1);
      const [from, to] = message.direction === 'in' ? [lane, tandem] : [tandem, lane];
      const side = lane < tandem ? 'caller' : 'callee';
      rows.push({ kind: 'message', key, at: step.at, y, from, to, message, side, again });
      y += rowHeights.message;
    } else {
      rows.push({
        kind: 'event',
        key,
        at: step.at,
        y,
        lane: laneOf.get(step.event.sessionId) ?? tandem,
        event: step.event,
      });
      y += rowHeights.event;
    }
  }
  return { lanes, rows, height: y };
}

function lanesOf(legs: readonly CallLeg[], messages: readonly LadderMessage[]): Lane[] {
  const remotes = new Map<string, string>();
  for (const { sessionId, remote } of messages) if (!remotes.has(sessionId)) remotes.set(sessionId, remote);
  const lane = (kind: 'caller' | 'callee', sessionId: string, name: string): Lane => {
    return { kind, sessionId, name, address: remotes.get(sessionId) ?? '' };
  };
  const callers = legs.filter(({ side }) => side === 'caller');
  const callees = legs.filter(({ side }) => side === 'callee');
  // Legs that have ended are no more in the call's row, but their messages are still there.
  const known = new Set(legs.map(({ sessionId }) => sessionId));
  const former = [...remotes.keys()].filter((sessionId) => !known.has(sessionId));
  return [
    ...callers.map(({ sessionId, uri }) => lane('caller', sessionId, uri)),
    { kind: 'tandem', sessionId: undefined, name: 'Tandem', address: messages[0]?.local ?? '' },
    ...callees.map(({ sessionId, uri }) => lane('callee', sessionId, uri)),
    ...former.map((sessionId) => lane('callee', sessionId, '')),
  ];
}

/** `INVITE sip:…` → INVITE; `200 OK` stays. With SDP it says so. */
export function messageLabel({ summary, text }: LadderMessage): string {
  const name = /^[A-Z]+(?= )/.exec(summary)?.[0] ?? summary;
  return /\r?\n\r?\nv=0/.test(text) ? `${name} · SDP` : name;
}

export function messageTone({ summary }: LadderMessage): 'request' | 'good' | 'bad' | 'progress' {
  if (/^2\d\d/.test(summary)) return 'good';
  if (/^1\d\d/.test(summary)) return 'progress';
  return /^[3-6]\d\d/.test(summary) ? 'bad' : 'request';
}
