import { describe, expect, it } from 'vitest';
import { type TimeRule, timeTest } from '../../src/routes/schedule.ts';

const calendar = { timeZone: 'Europe/Berlin', holidays: ['12-25', '2026-04-03', '12-31..01-01'], times: {} };
const at = (text: string): number => Date.parse(text);

describe('a time', () => {
  it.each<[TimeRule, string, boolean]>([
    [{ hours: '09:00-17:00' }, '2026-01-14T08:00:00Z', true],
    [{ hours: '09:00-17:00' }, '2026-01-14T07:59:59Z', false],
    [{ hours: '09:00-17:00' }, '2026-01-14T15:59:59Z', true],
    [{ hours: '09:00-17:00' }, '2026-01-14T16:00:00Z', false],
    // Summer time.
    [{ hours: '09:00-17:00' }, '2026-07-14T07:00:00Z', true],
    [{ hours: '09:00-17:00', timeZone: 'UTC' }, '2026-07-14T07:00:00Z', false],
    [{ hours: ['08:00-12:00', '13:00-24:00'] }, '2026-01-14T22:59:00Z', true],
    [{ hours: '08:00-12:00, 13:00-17:00' }, '2026-01-14T11:30:00Z', false],
    [{ days: 'mon-fri' }, '2026-01-16T22:30:00Z', true],
    [{ days: 'mon-fri' }, '2026-01-16T23:30:00Z', false],
    [{ days: 'fri-mon' }, '2026-01-18T12:00:00Z', true],
    [{ days: ['tue', 'thu'] }, '2026-01-14T12:00:00Z', false],
    [{ days: 'mon, wed' }, '2026-01-14T12:00:00Z', true],
    [{ dates: '2026-01-14' }, '2026-01-14T12:00:00Z', true],
    [{ dates: '01-10..01-20' }, '2031-01-14T12:00:00Z', true],
    [{ dates: '12-24..01-06' }, '2026-01-05T12:00:00Z', true],
    [{ dates: '12-24..01-06' }, '2026-01-07T12:00:00Z', false],
    [{ dates: ['2026-01-01..2026-01-13'] }, '2026-01-14T12:00:00Z', false],
    [{ holidays: 'only' }, '2026-12-25T12:00:00Z', true],
    [{ holidays: 'only' }, '2027-01-01T12:00:00Z', true],
    [{ days: 'mon-fri', holidays: 'except' }, '2026-04-03T12:00:00Z', false],
    [{ days: 'mon-fri', holidays: 'except' }, '2026-04-02T12:00:00Z', true],
    // Past midnight it is still the night of the day that it began on.
    [{ days: 'fri', hours: '22:00-06:00' }, '2026-01-16T21:30:00Z', true],
    [{ days: 'fri', hours: '22:00-06:00' }, '2026-01-17T04:30:00Z', true],
    [{ days: 'fri', hours: '22:00-06:00' }, '2026-01-16T04:30:00Z', false],
    [{ days: 'fri', hours: '22:00-06:00' }, '2026-01-17T05:30:00Z', false],
    // The night in which clocks are put forward.
    [{ days: 'sat', hours: '22:00-06:00' }, '2026-03-29T03:30:00Z', true],
    [{ days: 'sun', hours: '22:00-06:00' }, '2026-03-29T22:30:00Z', true],
    // And the one after it, whose day had 23 hours.
    [{ days: 'sun', hours: '22:00-06:00' }, '2026-03-29T23:00:00Z', true],
  ])('%j at %s: %s', (rule, now, is) => {
    expect(timeTest(rule, calendar)(at(now))).toBe(is);
  });
});
