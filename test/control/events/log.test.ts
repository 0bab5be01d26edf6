import { describe, expect, it } from 'vitest';
import { eventFilter, parsePatterns } from '../../../src/control/events/filter.ts';
import { EventLog } from '../../../src/control/events/log.ts';
import { FakeClock } from '../../../src/testing/index.ts';

const names = (events: readonly { readonly name: string }[]) => events.map(({ name }) => name);

describe('the event log', () => {
  it('gives what is behind a place, in order, with rising numbers', () => {
    const log = new EventLog(new FakeClock(1_000));
    log.append('call:created', { callId: 'a', at: 5 });
    log.append('call:ended', { callId: 'a', at: 6 });
    const first = log.read(log.beginning, 1);
    expect(names(first.events)).toEqual(['call:created']);
    const [created] = first.events;
    expect(created).toMatchObject({ seq: 1_000_000, callId: 'a' });
    expect(JSON.parse(created?.json ?? '')).toEqual({
      ...{ seq: 1_000_000, event: 'call:created', at: 1_000 },
      data: { callId: 'a', at: 5 },
    });
    const second = log.read(first.next, 10);
    expect(names(second.events)).toEqual(['call:ended']);
    expect(second.next).toBe(log.last);
    expect(log.read(second.next, 10)).toEqual({ events: [], next: log.last });
  });

  it('keeps so many at the most, and tells how many somebody missed', () => {
    const log = new EventLog(new FakeClock(), { maxEvents: 3 });
    const start = log.beginning;
    for (let i = 0; i < 10; i++) log.append(`t:${i}`, {});
    expect(log.size).toBe(3);
    expect(log.missed(start)).toBe(7);
    expect(log.missed(start + 7)).toBe(0);
    expect(log.missed(log.last)).toBe(0);
    expect(names(log.read(start, 10).events)).toEqual(['t:7', 't:8', 't:9']);
  });

  it('keeps so much at the most, and nothing that is too long by itself', () => {
    const log = new EventLog(new FakeClock(), { maxLength: 500 });
    for (let i = 0; i < 10; i++) log.append(`t:${i}`, { text: 'x'.repeat(50) });
    expect(names(log.read(log.beginning, 10).events)).toEqual(['t:7', 't:8', 't:9']);
    log.append('t:long', { text: 'x'.repeat(500) });
    expect(log.size).toBe(0);
    log.append('t:next', {});
    expect(names(log.read(log.beginning, 10).events)).toEqual(['t:next']);
    expect(log.missed(log.beginning)).toBe(11);
  });

  it('has higher numbers after a restart, and knows a place of another run', () => {
    const clock = new FakeClock();
    const before = new EventLog(clock);
    for (let i = 0; i < 500; i++) before.append('t:a', {});
    clock.jumpWallclock(1);
    const after = new EventLog(clock);
    after.append('t:b', {});
    expect(after.last).toBeGreaterThan(before.last);
    expect(after.missed(before.last)).toBe(Number.POSITIVE_INFINITY);
    expect(after.missed(after.last + 1)).toBe(Number.POSITIVE_INFINITY);
  });

  it('leaves no hole where an event cannot be written', () => {
    const log = new EventLog(new FakeClock());
    expect(() => log.append('t:a', { big: 1n })).toThrow();
    log.append('t:b', {});
    expect(names(log.read(log.beginning, 10).events)).toEqual(['t:b']);
  });
});

describe('a filter', () => {
  const log = new EventLog(new FakeClock());
  for (const [name, callId] of [
    ['call:created', 'a'],
    ['call:ended', 'b'],
    ['dialog:created', 'a'],
    ['sip:banned', undefined],
  ] as const)
    log.append(name, { callId });
  const { events } = log.read(log.beginning, 10);
  const wanted = (text: string, callId?: string) => {
    const filter = eventFilter(parsePatterns(text), callId);
    return filter.ok ? names(events.filter(filter.value)) : filter.error;
  };

  it.each([
    ['', undefined, ['call:created', 'call:ended', 'dialog:created', 'sip:banned']],
    ['*', undefined, ['call:created', 'call:ended', 'dialog:created', 'sip:banned']],
    ['call:*', undefined, ['call:created', 'call:ended']],
    ['dialog:*, call:ended', undefined, ['call:ended', 'dialog:created']],
    ['', 'a', ['call:created', 'dialog:created']],
    ['call:*', 'b', ['call:ended']],
    ['call:*', '', []],
  ])('"%s" of call %s', (text, callId, expected) => {
    expect(wanted(text, callId)).toEqual(expected);
  });

  it.each(['call', 'call:', ':ended', '*:ended', 'call:*ed', 'call:ended:x', 'CALL:*'])('"%s" is none', (text) => {
    expect(wanted(text)).toContain('names no events');
  });
});
