import { describe, expect, it } from 'vitest';
import { filled, filledUri, hasWords, rewritten } from '../../src/routes/numbers.ts';
import { type CallFacts, hiddenBy, type Route, RouteTable } from '../../src/routes/table.ts';

const calendar = { timeZone: 'UTC', holidays: [], times: { office: { hours: '09:00-17:00' } } };
const noon = Date.UTC(2026, 0, 14, 12);
const night = Date.UTC(2026, 0, 14, 23);
const echo = { service: 'echo' } as const;
const people = { user: '$0' };

function index(routes: readonly Route[], facts: Partial<CallFacts>, now = noon): number | undefined {
  return new RouteTable(routes, calendar).match({ called: '600', caller: '4711', ...facts }, now)?.index;
}

describe('the first route that fits', () => {
  it('is found by the called number, and says what its brackets took', () => {
    const routes: Route[] = [{ called: ['0(*)', '9(*)'], to: echo }, { to: echo }];
    expect(new RouteTable(routes, calendar).match({ called: '9123', caller: '' }, noon)).toMatchObject({
      index: 0,
      groups: ['9123', '123'],
    });
    expect(index(routes, {})).toBe(1);
    expect(index(routes.slice(0, 1), {})).toBeUndefined();
  });

  it('is found by the caller', () => {
    const routes: Route[] = [{ caller: '+49*', to: echo }, { to: echo }];
    expect(index(routes, { caller: '+4930' })).toBe(0);
    expect(index(routes, { caller: '' })).toBe(1);
  });

  it.each<[Route['trunk'], string | undefined, boolean]>([
    ['any', 'a', true],
    ['any', undefined, false],
    ['none', undefined, true],
    ['none', 'a', false],
    [['a', 'b'], 'b', true],
    ['a', 'b', false],
  ])('is found by the trunk: %j for %s is %s', (trunk, came, fits) => {
    expect(index([{ trunk, to: echo }], { trunk: came }) === 0).toBe(fits);
  });

  it.each<[Route['user'], Partial<CallFacts>, boolean]>([
    ['anyone', {}, true],
    ['known', {}, false],
    ['known', { user: '5001' }, true],
    ['known', { trunk: 'a' }, true],
    ['known', { known: true }, true],
    ['users', { trunk: 'a' }, false],
    ['users', { user: '5001' }, true],
    [['5001', '5002'], { user: '5002' }, true],
    ['5001', { user: '5002' }, false],
    ['5001', { known: true }, false],
  ])('is found by who calls: %j for %j is %s', (user, facts, fits) => {
    expect(index([{ user, to: echo }], facts) === 0).toBe(fits);
  });

  it('is for known callers where it leads to people or lines, and says nothing else', () => {
    for (const to of [
      people,
      { trunk: 'a' },
      { queue: 'a' },
      { ringGroup: 'a' },
      { voicemail: 'a' },
      { uri: 'sip:a@b' },
    ]) {
      expect(index([{ to }], {})).toBeUndefined();
      expect(index([{ to }], { user: '5001' })).toBe(0);
      expect(index([{ user: 'anyone', to }], {})).toBe(0);
      expect(index([{ trunk: 'any', to }], { trunk: 'a' })).toBe(0);
    }
  });

  it('is found by the time', () => {
    const routes: Route[] = [
      { time: 'office', to: echo },
      { time: 'not office', to: echo },
    ];
    expect(index(routes, {}, noon)).toBe(0);
    expect(index(routes, {}, night)).toBe(1);
    expect(index([{ time: { hours: '22:00-24:00' }, to: echo }], {}, night)).toBe(0);
  });
});

describe('a route that no call gets to', () => {
  it.each<[string, Route, Route, boolean]>([
    ['the same number', { called: '600', to: echo }, { called: '600', to: echo }, true],
    ['another number', { called: '600', to: echo }, { called: '601', to: echo }, false],
    ['one at another time', { called: '600', time: 'office', to: echo }, { called: '600', to: echo }, false],
    ['one of the same time', { time: 'office', to: echo }, { called: '6', time: 'office', to: echo }, true],
    ['what is left to strangers', { to: people }, { to: echo }, false],
    ['what strangers got before', { to: echo }, { to: people }, true],
    ['one of two numbers', { called: '600', to: echo }, { called: ['600', '601'], to: echo }, false],
    ['one by another trunk', { trunk: 'a', to: echo }, { trunk: 'b', to: echo }, false],
    ['one by a trunk', { to: echo }, { trunk: 'b', to: echo }, true],
    ['another caller', { caller: '1*', to: echo }, { caller: '12', to: echo }, true],
  ])('%s', (_, first, second, hidden) => {
    expect(hiddenBy([first, second], 1)).toBe(hidden ? 0 : undefined);
  });
});

describe('texts of targets', () => {
  it('take in what was called, and who calls', () => {
    const words = { groups: ['0049', '049'], caller: '5001', user: undefined };
    expect(filled('sip:$1@$caller.example;u=$user;$$0;$7', words)).toBe('sip:049@5001.example;u=;$0;');
    const evil = { groups: ['a@evil.example;x=1?b', '+49*#'], caller: '\ud800', user: 'a b' };
    expect(filledUri('sip:$0@h;u=$1-$caller-$user', evil)).toBe(
      'sip:a%40evil.example%3Bx%3D1%3Fb@h;u=+49*%23-%EF%BF%BD-a%20b',
    );
    expect([hasWords('$0'), hasWords('$$'), hasWords('a')]).toEqual([true, false, false]);
    expect(rewritten('049', 1, '+')).toBe('+49');
  });
});
