/** Spans as OTLP has them in JSON (opentelemetry-proto, trace/v1 and common/v1; ids in hexadecimal). */
import type { Attributes, AttributeValue, Link } from '@opentelemetry/api';
import type { FinishedSpan, SpanEvent, SpanScope } from './span.ts';

type Value =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly Value[] } };

interface KeyValue {
  readonly key: string;
  readonly value: Value;
}

/** The body of a POST to `/v1/traces`. */
export function exportRequest(resource: Attributes, spans: readonly FinishedSpan[]): string {
  const scopes = Map.groupBy(spans, ({ scope }) => scope);
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [...scopes].map(([scope, own]) => ({ scope: scopeOf(scope), spans: own.map(spanOf) })),
      },
    ],
  });
}

function scopeOf({ name, version }: SpanScope): object {
  return version === undefined ? { name } : { name, version };
}

function spanOf(span: FinishedSpan): object {
  const { name, context, parent, kind, start, end, attributes, events, links, status, dropped } = span;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parent ? { parentSpanId: parent.spanId } : {}),
    flags: context.traceFlags | hasIsRemote | (parent?.isRemote ? isRemote : 0),
    name,
    // There is a kind before the first one: unspecified.
    kind: kind + 1,
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: keyValues(attributes),
    ...(dropped.attributes > 0 ? { droppedAttributesCount: dropped.attributes } : {}),
    events: events.map(eventOf),
    ...(dropped.events > 0 ? { droppedEventsCount: dropped.events } : {}),
    links: links.map(linkOf),
    ...(dropped.links > 0 ? { droppedLinksCount: dropped.links } : {}),
    status: { code: status.code, ...(status.message === undefined ? {} : { message: status.message }) },
  };
}

/** Bits of `flags` beside those of W3C: whether the parent came from elsewhere, and that this is known. */
const hasIsRemote = 0x100;
const isRemote = 0x200;

function eventOf({ name, at, attributes }: SpanEvent): object {
  return { timeUnixNano: nanoseconds(at), name, attributes: keyValues(attributes) };
}

function linkOf({ context: { traceId, spanId }, attributes = {} }: Link): object {
  return { traceId, spanId, attributes: keyValues(attributes) };
}

/** As text: a number has not so many digits. @param ms Unix time */
export function nanoseconds(ms: number): string {
  const micros = Math.max(0, Math.round(ms * 1000));
  return micros === 0 ? '0' : `${micros}000`;
}

function keyValues(attributes: Attributes): KeyValue[] {
  const found: KeyValue[] = [];
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value !== undefined) found.push({ key, value: anyValue(value) });
  }
  return found;
}

function anyValue(value: AttributeValue | null | undefined): Value {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  if (Number.isSafeInteger(value)) return { intValue: String(value) };
  // JSON has no word for what is no number.
  return Number.isFinite(value) ? { doubleValue: value as number } : { stringValue: String(value) };
}
