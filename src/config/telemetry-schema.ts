/** Settings of traces, and the variables of the OpenTelemetry specification that say the same. */
import { z } from 'zod';
import { ConfigError } from '../base/errors.ts';
import { milliseconds } from './schema-pieces.ts';

const url = z.string().regex(/^(none|https?:\/\/.+)$/, 'expected http://host:4318');
const texts = z.record(z.string().min(1), z.string());

export const telemetrySchema = z
  .strictObject({
    endpoint: url
      .default('none')
      .describe('collector that gets a trace of each call by OTLP over HTTP: http://host:4318; "none": none are made'),
    tracesEndpoint: url.optional().describe('where traces go, path and all, in place of endpoint'),
    headers: texts.default({}).describe('sent along, such as an API key'),
    serviceName: z.string().min(1).default('tandem'),
    resource: texts
      .default({})
      .describe('more that is said of this server, as deployment.environment.name: production'),
    sampler: z
      .enum([
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ])
      .default('parentbased_always_on')
      .describe('which calls are traced'),
    samplerArg: z.number().min(0).max(1).default(1).describe('of traceidratio: the share of the calls'),
    numbers: z
      .enum(['full', 'masked', 'none'])
      .default('masked')
      .describe('how users in SIP URIs are shown: masked is ***001'),
    propagate: z
      .boolean()
      .default(false)
      .describe('take the trace of a caller from its INVITE (Traceparent), and tell the callee ours'),
    maxQueue: z.int().min(1).max(1_000_000).default(20_000).describe('spans that wait for the collector'),
    maxBatch: z.int().min(1).max(10_000).default(512).describe('spans in one request'),
    delay: milliseconds.default(5_000).describe('ms that a span waits for others'),
    timeout: milliseconds.default(10_000).describe('ms that the collector may take'),
  })
  .prefault({})
  .describe('a trace of each call, for OpenTelemetry');

/** Variable → setting. Of several for one setting the later counts. */
const variables: readonly (readonly [variable: string, path: string, read: (text: string) => unknown])[] = [
  ['OTEL_RESOURCE_ATTRIBUTES', 'telemetry.resource', pairs],
  ['OTEL_SERVICE_NAME', 'telemetry.serviceName', String],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'telemetry.endpoint', String],
  ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'telemetry.tracesEndpoint', String],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'telemetry.headers', pairs],
  ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'telemetry.headers', pairs],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', 'telemetry.timeout', Number],
  ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'telemetry.timeout', Number],
  ['OTEL_TRACES_SAMPLER', 'telemetry.sampler', String],
  ['OTEL_TRACES_SAMPLER_ARG', 'telemetry.samplerArg', Number],
  ['OTEL_BSP_MAX_QUEUE_SIZE', 'telemetry.maxQueue', Number],
  ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'telemetry.maxBatch', Number],
  ['OTEL_BSP_SCHEDULE_DELAY', 'telemetry.delay', Number],
];

const protocols = ['http/json', 'http/protobuf'];

/**
 * What the standard variables set; an empty one says nothing.
 * @returns path of a setting → value, and the variable that said so
 * @throws ConfigError for a protocol that is not spoken here, and for pairs that are none
 */
export function* telemetryVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Generator<readonly [path: string, value: unknown, variable: string]> {
  for (const [variable, path, read] of variables) {
    const text = environment[variable]?.trim();
    if (text) yield [path, readAs(variable, text, read), variable];
  }
  for (const variable of ['OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']) {
    const text = environment[variable];
    // Collectors take JSON wherever they take protobuf over HTTP.
    if (text && !protocols.includes(text))
      throw new ConfigError(`variable ${variable}: ${text} is not spoken here: use http/json and port 4318`);
  }
  for (const [variable, off] of [
    ['OTEL_SDK_DISABLED', 'true'],
    ['OTEL_TRACES_EXPORTER', 'none'],
  ] as const) {
    if (environment[variable]?.toLowerCase() !== off) continue;
    yield ['telemetry.endpoint', 'none', variable];
    yield ['telemetry.tracesEndpoint', 'none', variable];
  }
}

function readAs(variable: string, text: string, read: (text: string) => unknown): unknown {
  try {
    const value = read(text);
    if (!Number.isNaN(value)) return value;
  } catch {
    // As for what is no number.
  }
  throw new ConfigError(`variable ${variable}: ${JSON.stringify(text)} cannot be read`);
}

/** `a=b,c=d`, with percent-encoding (W3C Baggage). @throws Error */
function pairs(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => {
        const at = pair.indexOf('=');
        if (at < 1) throw new Error('no pair');
        return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
      }),
  );
}
