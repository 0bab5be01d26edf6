/** Times of day, days, dates and holidays, in a time zone. Pure: it is told what time it is. */
import { ConfigError, fail, ok, type Result } from '../base/errors.ts';

export interface TimeRule {
  /** `mon-fri`, `[mon, wed]` */
  readonly days?: string | readonly string[] | undefined;
  /** `08:00-17:30`; past midnight as `22:00-06:00`, which belongs to the day that it began on. */
  readonly hours?: string | readonly string[] | undefined;
  /** `2026-12-24`, `12-24` of every year, `12-24..01-06` */
  readonly dates?: string | readonly string[] | undefined;
  /** Default: they are days as others. */
  readonly holidays?: 'only' | 'except' | undefined;
  /** IANA name; default the calendar's. */
  readonly timeZone?: string | undefined;
}

export interface Calendar {
  /** IANA name, as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly holidays: readonly string[];
  /** Rules by name. */
  readonly times: Readonly<Record<string, TimeRule>>;
}

/** Whether it is that time. @param now Unix ms */
export type IsTime = (now: number) => boolean;

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface LocalDay {
  /** 0 is Sunday. */
  readonly weekday: number;
  /** `2026-12-24` */
  readonly date: string;
}

type DayTest = (day: LocalDay) => boolean;

/** @throws ConfigError for a rule that was not checked */
export function timeTest(rule: TimeRule, calendar: Calendar): IsTime {
  const zone = clockIn(rule.timeZone ?? calendar.timeZone);
  const ofDay = dayTest(rule, calendar.holidays);
  const ranges = listOf(rule.hours).map((text) => must(parseHours(text)));
  return (now) => {
    const { day, minute } = zone(now);
    if (ranges.length === 0) return ofDay(day);
    return ranges.some(({ from, to }) => {
      if (from < to) return minute >= from && minute < to && ofDay(day);
      if (minute >= from) return ofDay(day);
      // Some hours before midnight it was yesterday, whatever the clocks were put to.
      return minute < to && ofDay(zone(now - (minute + 180) * 60_000).day);
    });
  };
}

function dayTest(rule: TimeRule, holidays: readonly string[]): DayTest {
  const days =
    rule.days === undefined ? undefined : new Set(listOf(rule.days).flatMap((text) => must(parseDays(text))));
  const dates = rule.dates === undefined ? undefined : listOf(rule.dates).map((text) => must(parseDates(text)));
  const free = holidays.map((text) => must(parseDates(text)));
  return (day) => {
    if (days && !days.has(day.weekday)) return false;
    if (dates && !dates.some((test) => test(day))) return false;
    if (rule.holidays === undefined) return true;
    return free.some((test) => test(day)) === (rule.holidays === 'only');
  };
}

/** `mon-fri` or `fri-mon`; several with commas. */
export function parseDays(text: string): Result<number[]> {
  const found: number[] = [];
  for (const part of text.split(',')) {
    const [first = '', last = first, ...more] = part.trim().toLowerCase().split('-');
    const [from, to] = [dayNames.indexOf(first.trim()), dayNames.indexOf(last.trim())];
    if (from < 0 || to < 0 || more.length > 0)
      return fail(`"${text}" is no day: write ${dayNames.join(', ')}, or a range as mon-fri`);
    for (let day = from; ; day = (day + 1) % 7) {
      found.push(day);
      if (day === to) break;
    }
  }
  return ok(found);
}

/** In minutes since midnight. */
export function parseHours(text: string): Result<{ readonly from: number; readonly to: number }> {
  const match = /^\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*$/.exec(text);
  const [fromHour = 99, fromMinute = 0, toHour = 99, toMinute = 0] = (match ?? []).slice(1).map(Number);
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  if (!match || fromMinute > 59 || toMinute > 59 || from >= 1440 || to > 1440 || from === to)
    return fail(`"${text}" are no hours: write 08:00-17:30, from 00:00 to 24:00`);
  return ok({ from, to });
}

/** Days of one year, or of every year; a range includes both its ends. */
export function parseDates(text: string): Result<DayTest> {
  const [first = '', last = first, ...more] = text.split('..').map((part) => part.trim());
  const [from, to] = [dateOf(first), dateOf(last)];
  const sameKind = first.length === last.length;
  if (!from || !to || more.length > 0 || !sameKind)
    return fail(`"${text}" is no date: write 2026-12-24, 12-24 for every year, or two of a kind with .. between them`);
  if (first.length === 10) {
    if (first > last) return fail(`"${text}" ends before it begins`);
    return ok(({ date }) => date >= first && date <= last);
  }
  return ok(({ date }) => {
    const day = date.slice(5);
    return first <= last ? day >= first && day <= last : day >= first || day <= last;
  });
}

/** Days per month, of a leap year. */
const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function dateOf(text: string): boolean {
  const match = /^(?:(\d{4})-)?(\d\d)-(\d\d)$/.exec(text);
  if (!match) return false;
  const [, year, month, day] = match.map(Number) as [number, number, number, number];
  if (day < 1 || day > (monthDays[month - 1] ?? 0)) return false;
  const leap = match[1] === undefined || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
  return leap || month !== 2 || day < 29;
}

export function isTimeZone(name: string): boolean {
  try {
    clockIn(name);
    return true;
  } catch {
    return false;
  }
}

/** What clocks and calendars of a zone show. */
function clockIn(timeZone: string): (now: number) => { readonly day: LocalDay; readonly minute: number } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    weekday: 'short',
  });
  return (now) => {
    const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
    const { weekday = '', year = '', month = '', day = '', hour = '', minute = '' } = parts;
    return {
      day: { weekday: dayNames.indexOf(weekday.toLowerCase()), date: `${year.padStart(4, '0')}-${month}-${day}` },
      minute: Number(hour) * 60 + Number(minute),
    };
  };
}

/** One or several, in a list or with commas. */
export function listOf(given: string | readonly string[] | undefined): readonly string[] {
  return given === undefined ? [] : typeof given === 'string' ? given.split(',').map((one) => one.trim()) : given;
}

function must<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new ConfigError(result.error);
}
