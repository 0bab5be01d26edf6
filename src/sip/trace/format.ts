/** A trace for people: one line for each message. */
import type { TraceMessage } from './trace.ts';

/**
 * A line per message: seconds since the first, direction, peer, what it is, CSeq number.
 * @param options.full each followed by the message itself
 */
export function formatTrace(
  messages: readonly TraceMessage[],
  { full = false }: { readonly full?: boolean } = {},
): string {
  const start = messages[0]?.at ?? 0;
  const peers = messages.map(({ transport, remote }) => `${transport}:${remote}`);
  const width = Math.max(0, ...peers.map((peer) => peer.length));
  return messages
    .map(({ at, direction, text }, i) => {
      const seconds = ((at - start) / 1000).toFixed(3).padStart(8);
      const arrow = direction === 'in' ? '<--' : '-->';
      const line = `${seconds}  ${arrow} ${(peers[i] as string).padEnd(width)}  ${printable(summary(text))}`;
      return full ? `${line}\n\n${indented(text)}\n` : line;
    })
    .join('\n');
}

function indented(text: string): string {
  const lines = text.trimEnd().split('\r\n');
  return lines.map((line) => `    ${printable(line)}`).join('\n');
}

/** What a peer wrote must not steer a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

/** `INVITE sip:1000@example.com (1)`, `200 OK (1 INVITE)` */
function summary(text: string): string {
  const line = text.slice(0, Math.max(0, text.indexOf('\r\n')));
  const [, seq = '?', method = '?'] = /^cseq\s*:\s*(\d+)\s+(\S+)/im.exec(text) ?? [];
  if (line.startsWith('SIP/2.0 ')) return `${line.slice('SIP/2.0 '.length)} (${seq} ${method})`;
  return `${line.replace(/ SIP\/2\.0$/, '')} (${seq})`;
}
