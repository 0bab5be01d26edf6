/** One seed of the fuzz of what peers write into traces: Traceparent, URIs, and whatever a span is given. */
import { isSpanContextValid } from '@opentelemetry/api';
import { numbersShown, shownNumber } from '../../src/base/pii.ts';
import { exportRequest } from '../../src/telemetry/otlp/encode.ts';
import { type FinishedSpan, RecordedSpan } from '../../src/telemetry/otlp/span.ts';
import { parseTraceparent, printTraceparent } from '../../src/telemetry/traceparent.ts';
import { FakeClock, pick, seededRandom } from '../../src/testing/index.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import { mutate } from './mutate.ts';

const corpus = [
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more',
  'sip:+4930123456@example.com:5060;user=phone',
  '"Alice" <sips:alice:secret@[2001:db8::1]>;tag=1',
  'tel:+4930123456;phone-context=example.com',
];

export interface TelemetryFuzzReport {
  readonly messages: number;
  readonly understood: number;
}

/** @throws FuzzFinding */
export async function fuzzTelemetry(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<TelemetryFuzzReport> {
  const random = seededRandom(seed, 'telemetry');
  const clock = new FakeClock();
  const context = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
  let understood = 0;
  for (let message = 0; message < messages; message++) {
    const text = mutate(pick(random, corpus), random, pick(random, corpus));
    const finding = (what: unknown): FuzzFinding => new FuzzFinding(seed, message, Buffer.from(text), what);
    watch(() => {
      const parent = parseTraceparent(text);
      if (parent) {
        understood++;
        if (!isSpanContextValid(parent)) throw finding('a context that is none');
        if (parseTraceparent(printTraceparent(parent))?.traceId !== parent.traceId)
          throw finding('printed, it is another');
      }
      const [full, masked, none] = numbersShown.map((how) => shownNumber(text, how)) as [string, string, string];
      if (full !== text || masked.length > text.length + 10 || none.length > text.length + 10)
        throw finding('shown, it has grown');
      let body = '';
      const birth = { name: text, scope: { name: 'fuzz', version: undefined }, context, parent, kind: 0 as const };
      const span = new RecordedSpan(
        { ...birth, start: undefined, attributes: { [text]: text }, links: [] },
        clock,
        (done: FinishedSpan) => {
          body = exportRequest({ 'service.name': masked }, [done]);
        },
      );
      span.addEvent(text, { [masked]: none }).setStatus({ code: 2, message: text });
      span.recordException(text);
      span.end();
      JSON.parse(body);
    });
  }
  return { messages, understood };
}
