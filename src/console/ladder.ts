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
