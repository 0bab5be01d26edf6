/**
 * CPU time per answered call, in µs: of its events alone, of following it where none or some are traced, with contexts for
 * scripts and without, and of making and encoding its five spans.
 */

import { Observer } from '../../src/base/events.ts';
import { createLogger } from '../../src/base/log.ts';
import { createNodeRandom, nodeClock } from '../../src/base/node.ts';
import { type DialogSession, OtlpTraces, registerTelemetry } from '../../src/index.ts';
import type { TandemEvents } from '../../src/session/events.ts';
import { CallTracer } from '../../src/telemetry/call-tracer.ts';

const calls = 20_000;
const work = async (): Promise<void> => {};
const legStats = {
  codec: 'PCMU/8000',
  received: { packets: 1, lost: 0, jitterMs: 0.5, mos: 4.4 },
  sent: { packets: 1, mos: 4.4 },
  rtcp: { roundTripMs: 3 },
} as TandemEvents['media:stats']['stats'];

/** @param share of the calls that are traced; undefined: nobody follows */
async function microseconds(share: number | undefined): Promise<number> {
  const observer = new Observer<TandemEvents>(() => {});
  const fetch = { get: () => Promise.reject(new Error('none')), post: async () => 200 };
  const tracerProvider = new OtlpTraces(
    { sampler: 'traceidratio', samplerArg: share ?? 0 },
    { clock: nodeClock, random: createNodeRandom(), fetch, logger: createLogger('silent') },
  );
  const ports = { clock: nodeClock, observer, logger: createLogger('silent'), version: '0' };
  const tracer = share === undefined ? undefined : new CallTracer({ tracerProvider }, ports);
  const birth = {
    direction: 'inbound',
    fromUri: 'sip:5001@10.0.0.2',
    toUri: 'sip:1000@10.0.0.1',
    requestUri: 'sip:1000@10.0.0.1',
  } as const;
  const call = async (id: string): Promise<void> => {
    const session = { data: {}, id, callId: `${id}@10.0.0.2`, transport: 'udp' } as DialogSession;
    const stamp = { callId: session.callId, sessionId: id, at: 0 };
    tracer?.began(session, birth);
    observer.emit('call:created', { ...stamp, ...birth });
    const handler = async (): Promise<void> => {
      observer.emit('call:answered', stamp);
      observer.emit('media:started', { ...stamp, codec: 'PCMU' });
      observer.emit('call:confirmed', stamp);
      const play = tracer?.activity(session, 'play', { source: 'welcome.wav' });
      await (play ? play.run(work) : work());
      play?.end({ end: 'completed', playedMs: 20 });
    };
    await (tracer ? tracer.handle(session, handler) : handler());
    observer.emit('call:ended', { ...stamp, cause: { by: 'remote' } });
    observer.emit('media:stats', { ...stamp, stats: legStats });
  };
  const run = async (count: number, name: string): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await call(`${name}${i}`);
      if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
    }
    await tracerProvider.flush();
  };
  await run(calls / 4, 'warm');
  const before = process.cpuUsage();
  await run(calls, 'call');
  const { user, system } = process.cpuUsage(before);
  tracer?.close();
  await tracerProvider.close();
  return (user + system) / calls;
}

const figures: Record<string, number> = { events: await microseconds(undefined) };
for (const share of [0, 0.1, 1]) figures[`${100 * share} %`] = await microseconds(share);
const unregister = registerTelemetry(new OtlpTraces());
figures['100 %, with contexts'] = await microseconds(1);
unregister();
console.error(`done ${JSON.stringify(figures)}`);
