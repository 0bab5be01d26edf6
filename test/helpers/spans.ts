/** Spans as a collector gets them by OTLP in JSON, and the trees that they make. */
interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly status: number;
  readonly links: number;
}

interface RawSpan extends Omit<Span, 'attributes' | 'events' | 'status' | 'links'> {
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly { readonly name: string }[];
  readonly status: { readonly code: number };
  readonly links: readonly unknown[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

/** @param bodies of POSTs to `/v1/traces` */
export function spansIn(bodies: readonly string[]): Span[] {
  return bodies.flatMap((body) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map(readable)),
    ),
  );
}

export function resourceIn(body: string): Readonly<Record<string, unknown>> {
  const [first] = (JSON.parse(body) as Export).resourceSpans;
  return plain(first?.resource.attributes ?? []);
}

function readable({ startTimeUnixNano, endTimeUnixNano, attributes, events, status, links, ...span }: RawSpan): Span {
  return {
    ...span,
    startMs: Number(startTimeUnixNano) / 1e6,
    endMs: Number(endTimeUnixNano) / 1e6,
    attributes: plain(attributes),
    events: events.map(({ name }) => name),
    status: status.code,
    links: links.length,
  };
}

function plain(pairs: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map(({ key, value: { intValue, ...other } }) => [
      key,
      intValue === undefined ? Object.values(other)[0] : Number(intValue),
    ]),
  );
}

/** Each span a line, below its parent, in the order in which they began; `!` is one that failed. */
export function treesOf(spans: readonly Span[]): string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const lines = (parent: Span | undefined, depth: number): string[] =>
    spans
      .filter(({ parentSpanId }) =>
        parent ? parentSpanId === parent.spanId : parentSpanId === undefined || !ids.has(parentSpanId),
      )
      .toSorted((a, b) => a.startMs - b.startMs || (a.name < b.name ? -1 : 1))
      .flatMap((span) => [
        `${'  '.repeat(depth)}${span.name}${span.status === 2 ? ' !' : ''}`,
        ...lines(span, depth + 1),
      ]);
  return lines(undefined, 0);
}
