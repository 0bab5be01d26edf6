import { describe, expect, it, vi } from 'vitest';
import type { CallDetail, CallRow, MediaPoint } from '../../../src/console/protocol.ts';
import { backOff, Live } from '../../../src/console/web/console/live.ts';
import { FakeCalls } from '../fake-calls.ts';

const now = 1_700_000_000_000;
const fake = new FakeCalls(3, () => now);
const detailed = (): { live: Live; detail: CallDetail } => {
  const live = new Live();
  const detail = fake.detail(fake.call(60_000));
  live.take({ type: 'call', id: 'x', detail }, now);
  return { live, detail };
};

describe('what the server tells', () => {
  it('changes, adds and takes away calls; a full list replaces all', () => {
    const live = new Live();
    const [a, b, c] = [fake.call(), fake.call(), fake.call()] as [CallRow, CallRow, CallRow];
    live.take({ type: 'calls', full: true, changed: [a, b], gone: [] }, now);
    live.take({ type: 'calls', full: false, changed: [{ ...a, recording: true }, c], gone: [b.id] }, now);
    expect([...live.calls.keys()]).toEqual([a.id, c.id]);
    expect(live.calls.get(a.id)?.recording).toBe(true);
    live.take({ type: 'calls', full: true, changed: [b], gone: [] }, now);
    expect([...live.calls.keys()]).toEqual([b.id]);
  });

  it('tells only those who asked for it, until they have heard enough', () => {
    const live = new Live();
    const [calls, totals] = [vi.fn(), vi.fn()];
    const stop = live.subscribe('calls', calls);
    live.subscribe('totals', totals);
    live.take({ type: 'calls', full: true, changed: [], gone: [] }, now);
    stop();
    live.take({ type: 'calls', full: true, changed: [], gone: [] }, now);
    expect(calls).toHaveBeenCalledTimes(1);
    expect(totals).not.toHaveBeenCalled();
  });

  it('asks for messages of mailboxes anew only when mailboxes changed, not queues', () => {
    const live = new Live();
    const [queues, mailboxes] = [vi.fn(), vi.fn()];
    live.subscribe('queues', queues);
    live.subscribe('mailboxes', mailboxes);
    const counts = { name: '5001', new: 1, saved: 0 };
    live.take({ type: 'pbx', queues: [], mailboxes: [counts] }, now);
    live.take({ type: 'pbx', queues: [], mailboxes: [{ ...counts }] }, now);
    expect([queues.mock.calls.length, mailboxes.mock.calls.length]).toEqual([2, 1]);
    live.take({ type: 'pbx', queues: [], mailboxes: [{ ...counts, new: 0, saved: 1 }] }, now);
    expect(mailboxes).toHaveBeenCalledTimes(2);
    expect(live.mailboxes).toEqual([{ name: '5001', new: 0, saved: 1 }]);
  });

  it('knows of no queues any more when a server that has none comes back', () => {
    const live = new Live();
    const hello = { type: 'hello', now, history: [] } as const;
    const calls = { type: 'calls', full: true, changed: [], gone: [] } as const;
    const pbx = { type: 'pbx', queues: [], mailboxes: [{ name: '5001', new: 1, saved: 0 }] } as const;
    for (const message of [hello, pbx, calls, calls]) live.take(message, now);
    expect(live.mailboxes).toHaveLength(1);
    for (const message of [hello, calls]) live.take(message, now);
    expect(live.mailboxes).toEqual([]);
  });

  it('knows how far the clocks are apart', () => {
    const live = new Live();
    live.take({ type: 'hello', now: now + 5_000, history: [fake.totals(now, 3)] }, now);
    expect(live.ahead).toBe(5_000);
    expect(live.totals?.at).toBe(now);
  });

  it('appends to a call that is looked at, and keeps its media bounded', () => {
    const { live, detail } = detailed();
    const [sessionId] = Object.keys(detail.media) as [string];
    const point = detail.media[sessionId]?.[0] as MediaPoint;
    for (let i = 0; i < 1_300; i += 1)
      live.take({ type: 'call-more', id: 'x', media: { [sessionId]: { ...point, at: now + i } } }, now);
    live.take({ type: 'call-more', id: 'x', events: [{ at: now, name: 'e', sessionId: undefined, detail: {} }] }, now);
    const after = live.watched.get('x');
    expect(after?.media[sessionId]).toHaveLength(1_200);
    expect(after?.media[sessionId]?.at(-1)?.at).toBe(now + 1_299);
    expect(after?.events).toHaveLength(detail.events.length + 1);
    expect(after?.ladder).toBe(detail.ladder);
  });

  it('leaves a call that ends as it was last seen', () => {
    const { live, detail } = detailed();
    live.take({ type: 'call', id: 'x', detail: undefined }, now);
    expect(live.watched.get('x')).toEqual({ ...detail, call: { ...detail.call, state: 'deleted' } });
    live.take({ type: 'call', id: 'unknown', detail: undefined }, now);
    expect(live.watched.has('unknown')).toBe(true);
    expect(live.watched.get('unknown')).toBeUndefined();
  });

  it('lets be what it does not know', () => {
    const live = new Live();
    live.take({ type: 'call-more', id: 'nobody watches' }, now);
    live.take({ type: 'of a later version' } as never, now);
    expect(live.calls.size).toBe(0);
  });
});

describe('the time between attempts', () => {
  it('doubles, to 15 s at the most, never twice the same for all', () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((attempt) => backOff(attempt, 0.5))).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
    ]);
    expect(backOff(3, 0)).toBe(3_000);
    expect(backOff(3, 1)).toBe(5_000);
  });
});
