/**
 * A `TracerProvider` of our own: samples, records, and sends by OTLP over HTTP in JSON. In place of the packages of the
 * OpenTelemetry SDK, which are many (docs/adr/0016).
 */
import {
  type Context,
  context as contexts,
  INVALID_SPANID,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { Clock } from '../../base/clock.ts';
import { ConfigError } from '../../base/errors.ts';
import type { Fetch } from '../../base/io.ts';
import { createLogger, type Logger } from '../../base/log.ts';
import { createNodeRandom, nodeClock, nodeFetch } from '../../base/node.ts';
import { type Random, token } from '../../base/random.ts';
import { type Sampler, type SamplerName, samplerOf } from './sampler.ts';
import { type FinishedSpan, RecordedSpan, type SpanScope } from './span.ts';
import { SpanQueue, type SpanReport } from './span-queue.ts';

export interface OtlpOptions {
  /** Of the collector: spans go to `/v1/traces` below it. Default `http://localhost:4318`. */
  readonly endpoint?: string;
  /** Where spans go, as it is; in place of `endpoint`. */
  readonly tracesEndpoint?: string | undefined;
  /** More headers, such as an API key. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `tandem`. */
  readonly serviceName?: string;
  /** More that is said of this server, as `deployment.environment.name`. */
  readonly resource?: Readonly<Record<string, string>>;
  /** Default `parentbased_always_on`. */
  readonly sampler?: SamplerName;
  /** The share of the traces that `traceidratio` records, 0 to 1; default 1. */
  readonly samplerArg?: number;
  /** Spans that wait for the collector; more push out the oldest. Default 20,000. */
  readonly maxQueue?: number;
  /** Spans in one request; default 512. */
  readonly maxBatch?: number;
  /** ms that a span waits for others; default 5,000. */
  readonly delay?: number;
  /** ms that the collector may take; default 10,000. */
  readonly timeout?: number;
}

export interface OtlpPorts {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly fetch?: Fetch;
  readonly logger?: Logger;
}

/** ms that what waits may take when it is closed. */
const farewellMs = 2_000;

export class OtlpTraces implements TracerProvider {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sampler: Sampler;
  readonly #queue: SpanQueue;
  readonly #take = (span: FinishedSpan): void => this.#queue.add(span);
  readonly #tracers = new Map<string, OtlpTracer>();

  /** Opens nothing. @throws ConfigError */
  constructor(options: OtlpOptions = {}, ports: OtlpPorts = {}) {
    const { clock = nodeClock, random = createNodeRandom(), fetch = nodeFetch, logger = createLogger() } = ports;
    const { endpoint = 'http://localhost:4318', tracesEndpoint, headers = {}, serviceName = 'tandem' } = options;
    const { sampler = 'parentbased_always_on', samplerArg = 1, resource = {} } = options;
    if (!fetch.post) throw new ConfigError('telemetry needs a fetch that can post');
    this.#clock = clock;
    this.#random = random;
    this.#sampler = samplerOf(sampler, samplerArg);
    const { maxQueue = 20_000, maxBatch = 512, delay = 5_000, timeout = 10_000 } = options;
    this.#queue = new SpanQueue(
      {
        url: tracesEndpoint === undefined ? below(endpoint) : checkedUrl(tracesEndpoint),
        headers,
        resource: {
          'telemetry.sdk.name': 'tandem',
          'telemetry.sdk.language': 'nodejs',
          'service.instance.id': token(random, 8),
          ...resource,
          'service.name': serviceName,
        },
        ...{ maxQueue, maxBatch: Math.max(1, maxBatch), delay, timeout },
      },
      { clock, fetch, logger },
    );
  }

  get report(): SpanReport {
    return this.#queue.report;
  }

  getTracer(name: string, version?: string): Tracer {
    const key = `${name} ${version ?? ''}`;
    const tracer = this.#tracers.get(key) ?? new OtlpTracer({ name, version }, this);
    this.#tracers.set(key, tracer);
    return tracer;
  }

  /** Sends what waits, and resolves when it was taken or refused once. */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /** Sends what waits, for 2 s at most, and records nothing any more. Idempotent. */
  close(): Promise<void> {
    return this.#queue.close(farewellMs);
  }

  /** @internal */
  start(scope: SpanScope, name: string, options: SpanOptions, context: Context): Span {
    const parent = options.root ? undefined : trace.getSpanContext(context);
    const known = parent && parent.spanId !== INVALID_SPANID ? parent : undefined;
    const traceId = known?.traceId ?? hex(this.#random.bytes(16));
    const isSampled = this.#sampler(traceId, known && (known.traceFlags & TraceFlags.SAMPLED) !== 0);
    const own: SpanContext = {
      traceId,
      spanId: hex(this.#random.bytes(8)),
      traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(known?.traceState ? { traceState: known.traceState } : {}),
    };
    if (!isSampled) return trace.wrapSpanContext(own);
    const { kind = SpanKind.INTERNAL, attributes, links = [] as Link[], startTime } = options;
    const birth = { name, scope, context: own, parent: known, kind, start: startTime, attributes, links };
    return new RecordedSpan(birth, this.#clock, this.#take);
  }
}

class OtlpTracer implements Tracer {
  readonly #scope: SpanScope;
  readonly #provider: OtlpTraces;

  constructor(scope: SpanScope, provider: OtlpTraces) {
    this.#scope = scope;
    this.#provider = provider;
  }

  startSpan(name: string, options: SpanOptions = {}, context: Context = contexts.active()): Span {
    return this.#provider.start(this.#scope, name, options, context);
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(name: string, options: SpanOptions, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: readonly unknown[]): ReturnType<F> {
    const fn = rest.at(-1) as F;
    const [options = {}, parent = contexts.active()] = rest.slice(0, -1) as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, parent);
    return contexts.with(trace.setSpan(parent, span), fn as (span: Span) => ReturnType<F>, undefined, span);
  }
}

/** As `token`, three times as fast: there are several ids for each call. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function below(endpoint: string): string {
  const url = checkedUrl(endpoint);
  return `${url.endsWith('/') ? url : `${url}/`}v1/traces`;
}

/** @throws ConfigError, whose text has no secret of the URL */
function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new ConfigError('telemetry.endpoint is no http(s) URL: write http://host:4318');
  return text;
}
