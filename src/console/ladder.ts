/** A SIP message as the console draws it. */
import type { TraceMessage } from '../sip/trace/trace.ts';
import type { LadderMessage } from './protocol.ts';

export function ladderMessage(message: TraceMessage, sessionId: string): LadderMessage {
  const { at, direction, transport, local, remote, text } = message;
  const line = text.slice(0, Math.max(0, text.indexOf('\r\n')));
  const [, seq = '', method = ''] = /^cseq\s*:\s*(\d+)\s+(\S+)/im.exec(text) ?? [];
  return {
    ...{ at, sessionId, direction, transport, local, remote, text },
    summary: line.replace(/^SIP\/2\.0 | SIP\/2\.0$/, ''),
    cseq: `${seq} ${method}`.trim(),
  };
}

/**
 * The messages of several legs in one order. Of those at the same moment, what came in goes first: it is what led to the
 * others.
 * @param legs each in order
 */
export function mergedLadder(legs: readonly (readonly LadderMessage[])[]): readonly LadderMessage[] {
  const heads = legs.map(() => 0);
  const merged: LadderMessage[] = [];
  for (;;) {
    let first = -1;
    for (const [leg, messages] of legs.entries()) {
      const one = messages[heads[leg] ?? 0];
      const best = legs[first]?.[heads[first] ?? 0];
      if (
        one &&
        (!best || one.at < best.at || (one.at === best.at && one.direction === 'in' && best.direction === 'out'))
      )
        first = leg;
    }
    const next = legs[first]?.[heads[first] ?? 0];
    if (!next) return merged;
    merged.push(next);
    heads[first] = (heads[first] ?? 0) + 1;
  }
}
