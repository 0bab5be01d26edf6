/** HTTP of calls: each request is a span of the call that it is for, and carries its traceparent (W3C Trace Context). */
import {
  type Context,
  context as contexts,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { TandemError } from '../base/errors.ts';
import type { Fetch } from '../base/io.ts';
import { withoutSecrets } from './activities.ts';
import { printTraceparent } from './traceparent.ts';

export interface HttpTracing {
  readonly tracer: Tracer;
  /** Of the call with this Call-ID. */
  contextOf(callId: string): Context | undefined;
}

/** What is asked for by no call, and in no span of a script, is left as it is. */
export function tracedFetch(fetch: Fetch, tracing: HttpTracing): Fetch {
  const { open, post } = fetch;
  return {
    get: (url, options) =>
      traced(tracing, 'GET', url, options.about, (headers) => fetch.get(url, withHeaders(options, headers))),
    ...(open && {
      open: (url, options) =>
        traced(tracing, 'GET', url, options.about, (headers) => open.call(fetch, url, withHeaders(options, headers))),
    }),
    ...(post && {
      post: (url, options) =>
        traced(
          tracing,
          'POST',
          url,
          options.about,
          (headers) => post.call(fetch, url, { ...options, headers: { ...options.headers, ...headers } }),
          (status) => status,
        ),
    }),
  };
}

type Headers = Readonly<Record<string, string>>;

function withHeaders<T extends { readonly headers?: Headers }>(options: T, headers: Headers): T {
  return { ...options, headers: { ...options.headers, ...headers } };
}

async function traced<T>(
  tracing: HttpTracing,
  method: 'GET' | 'POST',
  url: string,
  about: string | undefined,
  ask: (headers: Headers) => Promise<T>,
  statusOf: (result: T) => number = () => 200,
): Promise<T> {
  const parent = parentOf(about === undefined ? undefined : tracing.contextOf(about));
  if (!parent) return ask({});
  const span = begin(tracing.tracer, method, url, parent);
  if (!span) return ask({});
  try {
    const result = await ask({ traceparent: printTraceparent(span.spanContext()) });
    answered(span, statusOf(result));
    return result;
  } catch (error) {
    const status = error instanceof TandemError ? error.facts.status : undefined;
    if (typeof status === 'number') answered(span, status);
    else failed(span, error instanceof TandemError ? error.code : 'error');
    throw error;
  } finally {
    span.end();
  }
}

/** @returns undefined where the tracer, which is somebody else's, throws */
function begin(tracer: Tracer, method: 'GET' | 'POST', url: string, parent: Context): Span | undefined {
  const to = URL.parse(url);
  const attributes = {
    'http.request.method': method,
    'url.full': withoutSecrets(url),
    ...(to ? { 'server.address': to.hostname, 'server.port': portOf(to) } : {}),
  };
  try {
    return tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes }, parent);
  } catch {
    return undefined;
  }
}

function parentOf(call: Context | undefined): Context | undefined {
  if (call) return call;
  const active = contexts.active();
  return trace.getSpanContext(active) ? active : undefined;
}

function answered(span: Span, status: number): void {
  span.setAttribute('http.response.status_code', status);
  if (status >= 400) failed(span, String(status));
}

function failed(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
