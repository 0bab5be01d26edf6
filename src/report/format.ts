/** A media report for people. */
import type { LegStats } from '../../media/index.ts';
import type { MediaReport } from './media-reports.ts';

/** @param start Unix ms from which times are counted; default: that of the first event */
export function formatMediaReport(report: MediaReport, start: number | undefined = report.events[0]?.at): string {
  const { direction, cause, stats, events, others } = report;
  const how = cause && [cause.by, cause.status, cause.reason].filter((part) => part !== undefined).join(' ');
  const lines = [
    `leg ${direction}, ${how === undefined ? 'runs' : `ended by ${how}`}`,
    ...(stats ? figures(stats) : ['no audio']),
    ...events.map(({ at, name, detail }) => {
      const seconds = ((at - (start ?? at)) / 1000).toFixed(3).padStart(8);
      return `${seconds}  ${name}  ${words(detail)}`.trimEnd();
    }),
    ...(others.length > 0 ? [`other legs: ${others.join(' ')}`] : []),
  ];
  return lines.map(printable).join('\n');
}

function figures({ codec, latched, received, sent, rtcp, srtp, ice }: LegStats): string[] {
  const { packets, lost, jitterMs, outOfOrder, invalid, mos } = received;
  return [
    `codec ${codec ?? 'none'}, audio ${latched ? `from ${latched.address}:${latched.port}` : 'never came'}`,
    `received ${packets} packets, ${lost} lost, ${outOfOrder} out of order, ${invalid} invalid, jitter ${jitterMs.toFixed(1)} ms, MOS ${mos?.toFixed(1) ?? '-'}`,
    `sent ${sent.packets} packets, ${rtcp.remoteLost ?? '-'} lost over there, MOS ${sent.mos?.toFixed(1) ?? '-'}, round trip ${rtcp.roundTripMs?.toFixed(0) ?? '-'} ms`,
    ...(srtp ? [`SRTP ${srtp.profile}: ${srtp.failed} with a wrong tag, ${srtp.replayed} replayed`] : []),
    ...(ice ? [`ICE ${words(ice)}`] : []),
  ];
}

function words(detail: object): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

/** What a peer wrote must not steer a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
