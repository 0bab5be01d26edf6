import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeClock, nodeFetch } from '../../src/base/node.ts';
import { createLogger } from '../../src/index.ts';
import { type OtlpOptions, OtlpTraces } from '../../src/telemetry/otlp/otlp-traces.ts';
import { samplerOf } from '../../src/telemetry/otlp/sampler.ts';
import { parseTraceparent, printTraceparent } from '../../src/telemetry/traceparent.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { MemoryFetch } from '../../src/testing/memory-fetch.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';
import { resourceIn, spansIn } from '../helpers/spans.ts';

const url = 'http://collector:4318/v1/traces';

function provider(options: OtlpOptions = {}) {
  const clock = new FakeClock();
  const fetch = new MemoryFetch(clock);
  const { logger, lines } = memoryLogger();
  const traces = new OtlpTraces(
    { endpoint: 'http://collector:4318', ...options },
    { clock, fetch, random: seededRandom(1), logger },
  );
  const spans = (count: number): void => {
    for (let i = 0; i < count; i++) traces.getTracer('test').startSpan(`span ${++made}`).end();
  };
  let made = 0;
  const names = (): string[] => spansIn(fetch.posted.map(({ body }) => body)).map(({ name }) => name);
  return { clock, fetch, traces, spans, names, lines };
}

describe('what the collector gets', () => {
  test('is OTLP in JSON, with who we are', async () => {
    const { clock, fetch, traces } = provider({
      serviceName: 'pbx',
      resource: { 'deployment.environment.name': 'lab' },
    });
    fetch.answer(url, {});
    const tracer = traces.getTracer('tandem', '1.2.3');
    const root = tracer.startSpan('root', { kind: SpanKind.SERVER, attributes: { n: 1, f: 0.5, b: true, l: ['a'] } });
    const child = tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, root));
    await clock.advance(20);
    child.addEvent('half way', { x: 1 });
    child.end();
    root.end();
    root.setAttribute('late', 1).end();
    await clock.advance(6_000);
    const [posted] = fetch.posted;
    expect(posted?.headers['content-type']).toBe('application/json');
    expect(resourceIn(posted?.body ?? '')).toMatchObject({
      'service.name': 'pbx',
      'deployment.environment.name': 'lab',
      'telemetry.sdk.language': 'nodejs',
    });
    const [first, second] = spansIn([posted?.body ?? '']);
    expect([first?.name, first?.parentSpanId, first?.traceId]).toEqual(['child', second?.spanId, second?.traceId]);
    expect(second?.kind).toBe(2);
    expect(second?.attributes).toEqual({ n: 1, f: 0.5, b: true, l: { values: [{ stringValue: 'a' }] } });
    expect((second?.endMs ?? 0) - (second?.startMs ?? 0)).toBeCloseTo(20, 3);
    expect(first?.events).toEqual(['half way']);
  });

  test('a span holds so much and no more, and says what it lost', async () => {
    const { clock, fetch, traces } = provider();
    fetch.answer(url, {});
    const span = traces.getTracer('test').startSpan('greedy');
    for (let i = 0; i < 1_000; i++) span.setAttribute(`a${i}`, 'x'.repeat(10_000)).addEvent(`e${i}`);
    span.end();
    await clock.advance(6_000);
    const body = fetch.posted[0]?.body ?? '';
    expect(body.length).toBeLessThan(700_000);
    expect(body).toContain('"droppedAttributesCount":872');
    expect(body).toContain('"droppedEventsCount":872');
  });
});

describe('a collector that is away', () => {
  test('gets all in order when it is back, and is asked less and less until then', async () => {
    const { clock, fetch, traces, spans, names, lines } = provider();
    spans(3);
    await clock.advance(100_000);
    spans(2);
    expect(fetch.posted.length).toBeLessThan(10);
    expect(traces.report).toMatchObject({ sent: 0, waiting: 5, dropped: 0 });
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    fetch.posted.length = 0;
    fetch.answer(url, {});
    await clock.advance(31_000);
    expect(names()).toEqual(['span 1', 'span 2', 'span 3', 'span 4', 'span 5']);
    expect(traces.report).toEqual({ sent: 5, waiting: 0, dropped: 0, problem: undefined });
  });

  test('what it has no time for is sent again, what it refuses is not', async () => {
    const { clock, fetch, traces, spans } = provider();
    fetch.answer(url, { status: 503 });
    spans(1);
    await clock.advance(6_000);
    expect(traces.report).toMatchObject({ sent: 0, waiting: 1, problem: 'HTTP 503' });
    fetch.answer(url, { status: 400 });
    await clock.advance(60_000);
    expect(traces.report).toMatchObject({ sent: 0, waiting: 0, dropped: 1 });
    fetch.answer(url, {});
    spans(1);
    await clock.advance(6_000);
    expect(traces.report).toEqual({ sent: 1, waiting: 0, dropped: 1, problem: undefined });
  });

  test('of too many the oldest are lost, and counted', async () => {
    const { clock, fetch, traces, spans, names } = provider({ maxQueue: 2_000, maxBatch: 100 });
    spans(5_000);
    await clock.advance(60_000);
    expect(traces.report).toMatchObject({ waiting: 2_000, dropped: 3_000 });
    fetch.posted.length = 0;
    fetch.answer(url, {});
    await clock.advance(60_000);
    expect(names()).toHaveLength(2_000);
    expect(names().at(-1)).toBe('span 5000');
  });

  test('closing waits for it no longer than 2 s', async () => {
    const { clock, fetch, traces, spans } = provider();
    fetch.answer(url, { afterMs: 9_000 });
    spans(3);
    const closing = traces.close();
    await clock.advance(2_100);
    await closing;
    spans(1);
    expect(traces.report).toMatchObject({ sent: 0, waiting: 0, dropped: 4 });
    expect(clock.pendingTimers()).toEqual([]);
  });
});

describe('a real collector', () => {
  const listen = async (port: number, bodies: string[]): Promise<Server> => {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        bodies.push(body);
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return server;
  };
  const kill = (server: Server): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });

  test('killed and started again in mid-run has every span once', async () => {
    const bodies: string[] = [];
    const first = await listen(0, bodies);
    const { port } = first.address() as AddressInfo;
    const traces = new OtlpTraces(
      { endpoint: `http://127.0.0.1:${port}` },
      { clock: nodeClock, fetch: nodeFetch, logger: createLogger('silent') },
    );
    const tracer = traces.getTracer('test');
    tracer.startSpan('before').end();
    await traces.flush();
    await kill(first);
    tracer.startSpan('meanwhile').end();
    await traces.flush();
    expect(traces.report).toMatchObject({ sent: 1, waiting: 1, dropped: 0 });
    const second = await listen(port, bodies);
    tracer.startSpan('after').end();
    await traces.flush();
    expect(spansIn(bodies).map(({ name }) => name)).toEqual(['before', 'meanwhile', 'after']);
    await traces.close();
    await kill(second);
  });
});

describe('sampling', () => {
  const id = fc.stringMatching(/^[0-9a-f]{32}$/);

  test('a share of the traces is about that share, and always the same ones', () => {
    const random = seededRandom(7);
    const ids = Array.from({ length: 4_000 }, () => Buffer.from(random.bytes(16)).toString('hex'));
    const quarter = ids.filter((one) => samplerOf('traceidratio', 0.25)(one, undefined));
    expect(quarter.length / ids.length).toBeCloseTo(0.25, 1);
    const half = samplerOf('traceidratio', 0.5);
    for (const one of quarter) expect(half(one, undefined)).toBe(true);
  });

  test('parentbased does as the parent, the others as they say', () => {
    fc.assert(
      fc.property(id, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), (traceId, parent, ratio) => {
        expect(samplerOf('parentbased_traceidratio', ratio)(traceId, parent)).toBe(parent);
        expect(samplerOf('always_on', ratio)(traceId, parent)).toBe(true);
        expect(samplerOf('always_off', ratio)(traceId, parent)).toBe(false);
        expect(samplerOf('traceidratio', 1)(traceId, parent)).toBe(true);
        expect(samplerOf('traceidratio', 0)(traceId, parent)).toBe(false);
      }),
    );
  });

  test('what is not sampled goes nowhere, and neither does what is below it', async () => {
    const { clock, fetch, traces } = provider({ sampler: 'always_off' });
    const tracer = traces.getTracer('test');
    const root = tracer.startSpan('root');
    tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, root)).end();
    root.end();
    await clock.advance(10_000);
    expect(root.isRecording()).toBe(false);
    expect(fetch.posted).toEqual([]);
  });

  test('a sampler or share that cannot be is refused', () => {
    expect(() => provider({ samplerArg: 2 })).toThrow('telemetry.samplerArg');
    expect(() => provider({ sampler: 'some' as 'always_on' })).toThrow('telemetry.sampler');
    expect(() => provider({ endpoint: 'collector:4318' })).toThrow('telemetry.endpoint');
  });
});

describe('Traceparent', () => {
  test('is read as it is printed', () => {
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, isSampled) => {
        fc.pre(/[^0]/.test(traceId) && /[^0]/.test(spanId));
        const context = { traceId, spanId, traceFlags: isSampled ? 1 : 0 };
        expect(parseTraceparent(printTraceparent(context))).toEqual({ ...context, isRemote: true });
      }),
    );
  });

  test('of what is none nothing is taken, whatever it is', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTraceparent(text)));
    for (const text of [
      '',
      '00-00000000000000000000000000000000-b7ad6b7169203331-01',
      '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
      'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
      '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    ])
      expect(parseTraceparent(text)).toBeUndefined();
    const later = 'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what the future will be like';
    expect(parseTraceparent(later)?.traceFlags).toBe(1);
  });
});
