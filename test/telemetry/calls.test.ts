import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe } from 'vitest';
import { type DialogServerSession, OtlpTraces, registerTelemetry, type TelemetryOptions } from '../../src/index.ts';
import { type Lab, seededRandom } from '../../src/testing/index.ts';
import type { LabHandler, LabTandemOptions } from '../../src/testing/lab.ts';
import { expect, prompts, test } from '../helpers/lab.ts';
import { type Span, spansIn, treesOf } from '../helpers/spans.ts';

const welcome = new URL('welcome.wav', prompts);
const collector = 'http://collector:4318/v1/traces';

interface Traced {
  /** All that was traced until now. */
  spans(): Promise<Span[]>;
}

async function serve(
  lab: Lab,
  handler: LabHandler,
  { telemetry, ...options }: LabTandemOptions & { readonly telemetry?: TelemetryOptions } = {},
): Promise<Traced> {
  lab.fetch.answer(collector, { status: 200 });
  const ports = { clock: lab.clock, random: seededRandom('spans'), fetch: lab.fetch };
  const provider = new OtlpTraces({ endpoint: 'http://collector:4318', serviceName: 'lab' }, ports);
  unregister = registerTelemetry(provider);
  await lab.serve(handler, { ...options, telemetry: { tracerProvider: provider, ...telemetry } });
  return {
    spans: async () => {
      await lab.advance(3_000);
      await lab.run(provider.close());
      return spansIn(lab.fetch.posted.filter(({ url }) => url === collector).map(({ body }) => body));
    },
  };
}

let unregister: () => void = () => {};
beforeEach(() => {
  unregister = () => {};
});
afterEach(() => unregister());

const bridged: LabHandler = async (call, tandem) => {
  const callee = await call.invite(`sip:${call.toUser}@${call.toUser}`);
  await using bridge = await tandem.bridge(call, callee);
  await bridge.ended;
};

const one = (spans: readonly Span[], name: string): Span => {
  const found = spans.filter((span) => span.name === name);
  expect(found.map((span) => span.name)).toEqual([name]);
  return found[0] as Span;
};

describe('the trace of a call', () => {
  test('has both legs, their ringing and talking, the bridge, and a transfer with its leg', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = carol.onCall = { answerAfterMs: 2_000 };
    const traced = await serve(lab, bridged, { transfer: 'execute' });
    await alice.dial('bob');
    await bob.isUp();
    await lab.advance(1_000);
    expect(await bob.transfer(carol.uri)).toBe(200);
    await lab.advance(1_000);
    await carol.hangup();
    await alice.ends();
    const spans = await traced.spans();
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(treesOf(spans)).toEqual([
      'call',
      '  leg inbound',
      '    ringing',
      '    answered',
      '    bridge',
      '  leg outbound',
      '    ringing',
      '    answered',
      '    transfer',
      '  leg outbound',
      '    ringing',
      '    answered',
    ]);
    const call = one(spans, 'call');
    expect(call.attributes).toMatchObject({
      'sip.from.uri': 'sip:***ice@10.0.1.1',
      'tandem.call.direction': 'inbound',
      'tandem.end.by': 'local',
    });
    expect(call.kind).toBe(2);
    const leg = one(spans, 'leg inbound');
    expect(leg.attributes).toMatchObject({ 'tandem.media.codec': 'PCMU/8000', 'tandem.media.received.lost': 0 });
    expect(leg.events).toContain('media started');
    expect(one(spans, 'transfer').attributes).toMatchObject({
      'sip.response.status_code': 200,
      'tandem.transfer.attended': false,
    });
    // The phases of a leg fill it, and the legs the call.
    const [ringing] = spans.filter(({ parentSpanId, name }) => name === 'ringing' && parentSpanId === leg.spanId);
    expect((ringing?.endMs ?? 0) - (ringing?.startMs ?? 0)).toBeGreaterThanOrEqual(1_990);
    expect(Math.max(...spans.map(({ endMs }) => endMs))).toBe(call.endMs);
  });

  test('of a call that fails says so, with the status of the callee', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 486 };
    const traced = await serve(lab, bridged);
    await alice.dial('bob').catch(() => {});
    const spans = await traced.spans();
    expect(treesOf(spans)).toEqual(['call !', '  leg inbound !', '  leg outbound !']);
    for (const span of spans) expect(span.attributes['error.type']).toBe('486');
  });

  test('of a call that its caller gives up is no failure', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 60_000 };
    const traced = await serve(lab, bridged);
    const dialling = alice.dial('bob').catch(() => {});
    await lab.advance(3_000);
    await alice.hangup();
    await dialling;
    const spans = await traced.spans();
    expect(treesOf(spans).filter((line) => line.includes('!'))).toEqual([]);
    expect(one(spans, 'call').attributes['sip.response.status_code']).toBe(487);
  });

  test('has what a script does: steps, prompts in them, recordings, digits without their values', async ({ lab }) => {
    const alice = lab.phone('alice');
    const traced = await serve(lab, async (call) => {
      await call.answer();
      await using _ = call.recording('/rec/secret.wav');
      await call.step('greet', async () => {
        await call.playback().play(welcome);
      });
      await call.gather({ digits: 2, timeout: 5_000 });
      await call.say('your code is 4711');
    });
    await alice.dial('1000');
    await alice.hears('welcome.wav');
    await alice.press('42');
    await alice.ends();
    const spans = await traced.spans();
    expect(treesOf(spans)).toEqual([
      'call',
      '  leg inbound',
      '    answered',
      '    record',
      '    step greet',
      '      play',
      '    gather',
      '    play',
    ]);
    expect(one(spans, 'gather').attributes).toMatchObject({ 'tandem.gather.end': 'digits', 'tandem.gather.length': 2 });
    const text = JSON.stringify(lab.fetch.posted);
    expect(text).not.toContain('"42"');
    expect(text).not.toContain('4711');
  });

  test('a step that throws has failed, and so has the call', async ({ lab }) => {
    const alice = lab.phone('alice');
    const traced = await serve(lab, async (call) => {
      await call.step('look up', () => Promise.reject(new RangeError('no such account')));
    });
    await alice.dial('1000').catch(() => {});
    const spans = await traced.spans();
    expect(treesOf(spans)).toEqual(['call !', '  leg inbound !', '    step look up !']);
    expect(one(spans, 'step look up').attributes['error.type']).toBe('RangeError');
  });

  test('has the conference that a call was in, and the time it was held', async ({ lab }) => {
    const alice = lab.phone('alice');
    const traced = await serve(lab, async (call, tandem) => {
      await tandem.conference('603').add(call);
      await call.ended;
    });
    await alice.dial('603');
    await lab.advance(1_000);
    await alice.hold();
    await lab.advance(1_000);
    await alice.hangup();
    const spans = await traced.spans();
    expect(treesOf(spans)).toEqual(['call', '  leg inbound', '    answered', '    conference', '    hold by remote']);
    expect(one(spans, 'conference').attributes['tandem.conference.name']).toBe('603');
  });
});

describe('spans of scripts', () => {
  test('are below the call, and what they do below them', async ({ lab }) => {
    const alice = lab.phone('alice');
    const traced = await serve(lab, async (call: DialogServerSession) => {
      await call.answer();
      await trace.getTracer('script').startActiveSpan('look up', async (span) => {
        await call.playback().play(welcome);
        span.end();
      });
    });
    await alice.dial('1000');
    await alice.ends();
    expect(treesOf(await traced.spans())).toEqual([
      'call',
      '  leg inbound',
      '    answered',
      '    look up',
      '      play',
    ]);
  });
});

describe('HTTP', () => {
  test('a prompt that is fetched is a part of what plays it, and the server is told the trace', async ({ lab }) => {
    const alice = lab.phone('alice');
    const url = 'http://prompts.example/welcome.wav?token=secret';
    lab.fetch.answer(url, { status: 404 });
    const traced = await serve(lab, async (call) => {
      await call.answer();
      await call
        .playback()
        .play(url)
        .catch(() => {});
    });
    await alice.dial('1000');
    await alice.ends();
    const spans = await traced.spans();
    expect(treesOf(spans)).toEqual(['call', '  leg inbound', '    answered', '    play !', '      GET !']);
    expect(one(spans, 'GET').attributes).toMatchObject({
      'url.full': 'http://prompts.example/welcome.wav?REDACTED',
      'server.address': 'prompts.example',
      'server.port': 80,
      'http.response.status_code': 404,
    });
    expect(JSON.stringify(spans)).not.toContain('secret');
  });

  test('the record of a call is posted in the trace of the call', async ({ lab }) => {
    const alice = lab.phone('alice');
    const url = 'http://billing.example/cdr';
    lab.fetch.answer(url, { status: 204 });
    const traced = await serve(lab, (call) => call.answer(), { cdr: { webhook: { url, secret: 'whsec_AAAA' } } });
    await alice.dial('1000');
    await alice.ends();
    const spans = await traced.spans();
    expect(treesOf(spans)).toEqual(['call', '  leg inbound', '    answered', '    POST']);
    const post = lab.fetch.posted.find((posted) => posted.url === url);
    const { traceId, spanId } = one(spans, 'POST');
    expect(post?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  });
});

describe('Traceparent of INVITEs', () => {
  const theirs = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const dial = async (lab: Lab, telemetry: TelemetryOptions) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    const traced = await serve(lab, bridged, { telemetry });
    await alice.dial('bob', { headers: [['Traceparent', theirs]] });
    const invite = await bob.rings();
    await alice.hangup();
    return { invite, spans: await traced.spans() };
  };

  test('with `propagate` the trace of the caller goes on, to the callee too', async ({ lab }) => {
    const { invite, spans } = await dial(lab, { propagate: true });
    const call = one(spans, 'call');
    expect([call.traceId, call.parentSpanId]).toEqual(['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']);
    const { spanId } = one(spans, 'leg outbound');
    expect(invite.header('traceparent')).toBe(`00-${call.traceId}-${spanId}-01`);
  });

  test('without it nothing is taken and nothing is told', async ({ lab }) => {
    const { invite, spans } = await dial(lab, {});
    expect(one(spans, 'call').parentSpanId).toBeUndefined();
    expect(invite.header('traceparent')).toBe('');
  });
});

test('a provider that throws ends no call', async ({ lab }) => {
  const alice = lab.phone('alice');
  const broken = (): never => {
    throw new Error('out of order');
  };
  const tracer = { startSpan: broken, startActiveSpan: broken };
  const telemetry = { tracerProvider: { getTracer: () => tracer } };
  await lab.serve(
    async (call) => {
      await call.answer();
      await call.step('one', () => call.playback().play(welcome));
    },
    { telemetry },
  );
  await alice.dial('1000');
  await alice.hears('welcome.wav');
  await alice.ends();
});

describe('numbers', () => {
  test.for([
    ['full', 'sip:alice@10.0.1.1'],
    ['none', 'sip:10.0.1.1'],
  ] as const)('are shown as %s says', async ([numbers, expected], { lab }) => {
    const alice = lab.phone('alice');
    const traced = await serve(lab, (call) => call.reject(404), { telemetry: { numbers } });
    await alice.dial('1000').catch(() => {});
    expect(one(await traced.spans(), 'call').attributes['sip.from.uri']).toBe(expected);
  });
});
