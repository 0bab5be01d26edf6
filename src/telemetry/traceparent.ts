/** The header by which a trace goes on elsewhere (W3C Trace Context §3.2). */
import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api';

/** version "-" trace-id "-" parent-id "-" trace-flags; of later versions more may follow. */
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const longest = 512;

export function printTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** @returns undefined for what is none: it counts as if it were not there (§4.3) */
export function parseTraceparent(text: string): SpanContext | undefined {
  if (text.length > longest) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = pattern.exec(text.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const context = { traceId, spanId, traceFlags, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}
