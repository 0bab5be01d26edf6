import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Observer } from '../../src/base/events.ts';
import type { TandemEvents } from '../../src/session/events.ts';
import { createCounters } from '../../src/sip/counters.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Bench, bench, call, FakeLeg } from '../registry/helpers.ts';
import { openStream, type Page } from './support.ts';

const calls = 10_000;

function openBench(): ReturnType<typeof openStream> & Bench {
  const made = bench({ profilesWithValue: ['caller'] });
  const tandem = {
    registry: made.registry,
    registrar: undefined,
    observer: new Observer<TandemEvents>(() => {}),
    ...{ queues: [], mailboxes: [] },
    sipCounters: createCounters(),
    trace: () => [],
    keepTrace: () => {},
    findCall: () => undefined,
  };
  const stream = openStream(tandem as unknown as Tandem, made.clock);
  return Object.assign(Object.create(stream), made, { [Symbol.dispose]: () => stream[Symbol.dispose]() });
}

function connect(made: Bench, number: number): FakeLeg {
  const [record, leg] = call(made.registry, `call-${number}`, { fromUri: `sip:${number}@example.com` });
  record.profiles.set('caller', `sip:${number}@example.com`);
  new FakeLeg(`call-${number}-b`).join(record, { direction: 'outbound' }).up();
  return leg.up();
}

async function until(page: Page, type: string): Promise<void> {
  while (!page.messages.some((one) => one.type === type)) await setImmediate();
}

describe('ten thousand calls', () => {
  it('come in pieces, between which others have their turn', async () => {
    using made = openBench();
    for (let i = 0; i < calls; i++) connect(made, i);
    const page = made.open();
    let turns = 0;
    let isDone = false;
    const counting = (async () => {
      while (!isDone) {
        await setImmediate();
        turns++;
      }
    })();
    await until(page, 'calls');
    isDone = true;
    await counting;
    const pieces = page.of('calls');
    expect(pieces.map(({ changed }) => changed.length)).toEqual(Array.from({ length: 20 }, () => 500));
    expect(pieces.map(({ full }) => full)).toEqual([true, ...Array.from({ length: 19 }, () => false)]);
    expect(new Set(page.rows().map(({ id }) => id)).size).toBe(calls);
    expect(turns).toBeGreaterThan(1);
  });

  it('a page that cannot take them all at once gets them as it reads, and is up to date in the end', async () => {
    using made = openBench();
    const legs = Array.from({ length: calls }, (_, i) => connect(made, i));
    const page = made.open();
    page.socket.stalls = true;
    await until(page, 'calls');
    expect(page.of('calls').length).toBeLessThan(5);
    for (const leg of legs.slice(0, 100)) leg.end();
    for (let i = 0; i < 50; i++) {
      page.socket.bufferedAmount = 0;
      await made.clock.advance(250);
      await setImmediate();
    }
    expect(page.rows()).toHaveLength(made.registry.size);
  });

  it('a change of one is one row', async () => {
    using made = openBench();
    for (let i = 0; i < 1_000; i++) connect(made, i);
    const page = made.open();
    await until(page, 'calls');
    const before = page.of('calls').length;
    const [record] = made.registry.withCallId('call-7');
    record?.profiles.set('caller', 'somebody else');
    await made.clock.advance(250);
    await setImmediate();
    const [change] = page.of('calls').slice(before);
    expect(change?.changed).toMatchObject([{ callId: 'call-7' }]);
  });
});

describe('whatever calls do, and pages read', () => {
  it('in the end every page shows the calls that there are', async () => {
    const step = fc.oneof(
      fc.record({ does: fc.constant('call' as const) }),
      fc.record({ does: fc.constant('end' as const), which: fc.nat() }),
      fc.record({ does: fc.constant('change' as const), which: fc.nat(), to: fc.string() }),
      fc.record({ does: fc.constant('stall' as const), which: fc.nat(), on: fc.boolean() }),
      fc.record({ does: fc.constant('open' as const) }),
      fc.record({ does: fc.constant('leave' as const), which: fc.nat() }),
      fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        using made = openBench();
        const legs: FakeLeg[] = [];
        const pages: Page[] = [];
        for (const one of steps) {
          const at = <T>(list: readonly T[]): T | undefined =>
            'which' in one ? list[one.which % list.length] : undefined;
          if (one.does === 'call') legs.push(connect(made, legs.length));
          if (one.does === 'end') at(legs)?.end();
          if (one.does === 'change') at([...made.registry])?.variables.set('v', one.to);
          if (one.does === 'change') at([...made.registry])?.profiles.set('caller', one.to);
          if (one.does === 'open' && pages.length < 5) pages.push(made.open());
          if (one.does === 'leave') at(pages)?.socket.terminate();
          const page = at(pages);
          if (one.does === 'stall' && page) {
            page.socket.stalls = one.on;
            page.socket.bufferedAmount = one.on ? 2_000_000 : 0;
          }
          if (one.does === 'wait') await made.clock.advance(one.ms);
        }
        for (const { socket } of pages) {
          socket.stalls = false;
          socket.bufferedAmount = 0;
          socket.emit('pong');
        }
        for (let i = 0; i < 4; i++) {
          await made.clock.advance(250);
          await setImmediate();
        }
        const fresh = made.open();
        for (let i = 0; i < 4; i++) await setImmediate();
        const shown = (page: Page): unknown[] =>
          page
            .rows()
            .map(({ id, state, profiles }) => ({ id, state, profiles }))
            .sort((a, b) => (a.id < b.id ? -1 : 1));
        expect(fresh.rows()).toHaveLength(made.registry.size);
        for (const page of pages.filter(({ socket }) => socket.readyState === 1))
          expect(shown(page)).toEqual(shown(fresh));
        made.stream.close();
        expect(made.clock.pendingTimers().filter(({ label }) => label.startsWith('console'))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
