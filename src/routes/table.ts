/** Routes, in the order in which they are tried: the first that fits a call says where it goes. Pure. */
import { ConfigError } from '../base/errors.ts';
import { covers, matchPattern, type Pattern, parsePattern } from './pattern.ts';
import { type Calendar, type IsTime, type TimeRule, timeTest } from './schedule.ts';
import { isForKnown, type Target } from './target.ts';

export interface Route {
  /** For the log. */
  readonly name?: string | undefined;
  readonly called?: string | readonly string[] | undefined;
  readonly caller?: string | readonly string[] | undefined;
  /** By which the call came: names, `any`, or `none`. */
  readonly trunk?: string | readonly string[] | undefined;
  /** Who calls: names, `anyone`, `known` (a user, or by a trunk), `users`. Default: `known` for people and lines. */
  readonly user?: string | readonly string[] | undefined;
  /** A rule, its name in the calendar, or that after `not`. */
  readonly time?: string | TimeRule | undefined;
  readonly to: Target;
}

/** What routes ask of a call. */
export interface CallFacts {
  readonly called: string;
  readonly caller: string;
  readonly trunk?: string | undefined;
  /** Who has shown to be a user. */
  readonly user?: string | undefined;
  /** Taken for known whoever it is: somebody answers for it, as a menu that lets callers dial. */
  readonly known?: boolean | undefined;
  /** Who it is has not been asked yet: it may be anybody. */
  readonly anybody?: boolean | undefined;
}

export interface RouteMatch {
  readonly route: Route;
  readonly index: number;
  /** The called number, then what the brackets of its pattern took. */
  readonly groups: readonly string[];
}

export const callerWords = ['anyone', 'known', 'users'] as const;
export const trunkWords = ['any', 'none'] as const;

interface Compiled {
  readonly route: Route;
  readonly called: readonly Pattern[] | undefined;
  readonly caller: readonly Pattern[] | undefined;
  readonly isTime: IsTime | undefined;
}

export class RouteTable {
  readonly #routes: readonly Compiled[];

  /** @throws ConfigError for routes that were not checked */
  constructor(routes: readonly Route[], calendar: Calendar) {
    this.#routes = routes.map((route) => ({
      route,
      called: patternsOf(route.called),
      caller: patternsOf(route.caller),
      isTime: timeOf(route.time, calendar),
    }));
  }

  /** @param now Unix ms @param accept passes over routes that it says no to */
  match(facts: CallFacts, now: number, accept: (match: RouteMatch) => boolean = () => true): RouteMatch | undefined {
    for (const [index, { route, called, caller, isTime }] of this.#routes.entries()) {
      const groups = called ? firstMatch(called, facts.called) : [facts.called];
      if (!groups) continue;
      if (caller && !firstMatch(caller, facts.caller)) continue;
      if (!isCaller(route, facts) || !isTrunk(route, facts)) continue;
      if (isTime && !isTime(now)) continue;
      const match = { route, index, groups };
      if (accept(match)) return match;
    }
    return undefined;
  }
}

function isCaller({ user, trunk, to }: Route, facts: CallFacts): boolean {
  if (facts.anybody) return true;
  const known = facts.known === true || facts.user !== undefined || facts.trunk !== undefined;
  if (user === undefined) return known || trunk !== undefined || !isForKnown(to);
  return several(user).some((one) => {
    if (one === 'anyone') return true;
    if (one === 'known') return known;
    if (facts.user === undefined) return false;
    return one === 'users' || one === facts.user;
  });
}

function isTrunk({ trunk }: Route, facts: CallFacts): boolean {
  if (trunk === undefined) return true;
  return several(trunk).some((one) => {
    if (one === 'none') return facts.trunk === undefined;
    return facts.trunk !== undefined && (one === 'any' || one === facts.trunk);
  });
}

function firstMatch(patterns: readonly Pattern[], number: string): readonly string[] | undefined {
  for (const pattern of patterns) {
    const groups = matchPattern(pattern, number);
    if (groups) return groups;
  }
  return undefined;
}

export function several(given: string | readonly string[]): readonly string[] {
  return typeof given === 'string' ? [given] : given;
}

function patternsOf(given: string | readonly string[] | undefined): readonly Pattern[] | undefined {
  return given === undefined
    ? undefined
    : several(given).map((text) => {
        const parsed = parsePattern(text);
        if (parsed.ok) return parsed.value;
        throw new ConfigError(parsed.error);
      });
}

function timeOf(given: string | TimeRule | undefined, calendar: Calendar): IsTime | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string') return timeTest(given, calendar);
  const { name, isNot } = timeNamed(given);
  const rule = Object.hasOwn(calendar.times, name) ? calendar.times[name] : undefined;
  if (!rule) throw new ConfigError(`there is no time ${JSON.stringify(name)} in the calendar`);
  const test = timeTest(rule, calendar);
  return isNot ? (now) => !test(now) : test;
}

/** `not office` */
export function timeNamed(text: string): { readonly name: string; readonly isNot: boolean } {
  const isNot = text.startsWith('not ');
  return { name: (isNot ? text.slice(4) : text).trim(), isNot };
}

/** The route before this one that takes all its calls; undefined where there is none, or that cannot be told. */
export function hiddenBy(routes: readonly Route[], index: number): number | undefined {
  const one = routes[index] as Route;
  const before = routes.findIndex((other, at) => at < index && takesAll(other, one));
  return before < 0 ? undefined : before;
}

function takesAll(outer: Route, inner: Route): boolean {
  for (const key of ['called', 'caller'] as const) {
    const [a, b] = [outer[key], inner[key]];
    if (a === undefined) continue;
    const wide = patternsOf(a) ?? [];
    const narrow = patternsOf(b ?? '*') ?? [];
    if (!narrow.every((one) => wide.some((other) => covers(other, one)))) return false;
  }
  if (outer.time !== undefined && !isSame(outer.time, inner.time)) return false;
  if (outer.trunk !== undefined && !isSame(outer.trunk, inner.trunk)) return false;
  return isSame(callersOf(outer), callersOf(inner)) || isSame(callersOf(outer), 'anyone');
}

function callersOf({ user, trunk, to }: Route): string | readonly string[] {
  return user ?? (trunk === undefined && isForKnown(to) ? 'known' : 'anyone');
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
