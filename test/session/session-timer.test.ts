import { describe, expect, it } from 'vitest';
import {
  agreedInterval,
  askedInterval,
  deadlines,
  givenInterval,
  raisedFloor,
  type SessionInterval,
  sessionTimerSettings,
  shortInterval,
} from '../../src/session/session-timer.ts';
import { invite, parsedRequest } from '../sip/messages.ts';

const settings = sessionTimerSettings();
const asks = (fields: Record<string, string>) => parsedRequest(invite(fields));
const timer = { Supported: 'replaces, timer' };

describe('the timer given to a peer that asks (RFC 4028 table 2)', () => {
  // Supported: timer, refresher in the request → refresher in the response
  const table: [boolean, string, string | undefined][] = [
    [false, '1800', 'uas'],
    [false, '1800;refresher=uac', 'uas'],
    [false, '1800;refresher=uas', 'uas'],
    [true, '1800', 'uac'],
    [true, '1800;refresher=uac', 'uac'],
    [true, '1800;refresher=uas', 'uas'],
    [true, '', 'uac'],
    [false, '', undefined],
  ];
  it.each(table)('supported %s, asked %j: %s', (supported, expires, refresher) => {
    const request = asks({ ...(supported ? timer : {}), ...(expires ? { 'Session-Expires': expires } : {}) });
    const { interval, headers } = givenInterval(request, settings, undefined);
    if (!refresher) {
      expect([interval, headers]).toEqual([undefined, []]);
      return;
    }
    expect(interval).toEqual({ seconds: 1800, refresher: refresher === 'uas' ? 'us' : 'them' });
    expect(headers).toEqual([
      ['Session-Expires', `1800;refresher=${refresher}`],
      ...(supported ? [['Require', 'timer']] : []),
    ]);
  });

  const seconds: [string, Record<string, string>, number][] = [
    ['shorter than ours', { 'Session-Expires': '600' }, 600],
    ['longer than ours', { 'Session-Expires': '7200' }, 1800],
    ['no less than its Min-SE', { 'Session-Expires': '7200', 'Min-SE': '3600' }, 3600],
    ['in compact form', { x: '300' }, 300],
    ['in the largest number there is', { 'Session-Expires': '4294967295', 'Min-SE': '4294967295' }, 1_814_400],
    ['in no number', { 'Session-Expires': 'soon' }, 1800],
  ];
  it.each(seconds)('%s', (_name, fields, expected) => {
    expect(givenInterval(asks({ ...timer, ...fields }), settings, undefined).interval?.seconds).toBe(expected);
  });

  it('keeps who refreshes when the peer leaves it open', () => {
    const current: SessionInterval = { seconds: 600, refresher: 'us' };
    expect(givenInterval(asks({ ...timer, 'Session-Expires': '600' }), settings, current).interval).toEqual(current);
  });

  it('is the side that was chosen, where the peer leaves it open', () => {
    const chosen = sessionTimerSettings({ refresher: 'uas' });
    expect(givenInterval(asks(timer), chosen, undefined).interval?.refresher).toBe('us');
  });

  it('is none when a proxy wants it too short for a peer that knows no timers, or timers are off', () => {
    expect(givenInterval(asks({ 'Session-Expires': '5' }), settings, undefined).interval).toBeUndefined();
    const off = sessionTimerSettings({ enabled: false });
    expect(givenInterval(asks({ ...timer, 'Session-Expires': '600' }), off, undefined).headers).toEqual([]);
  });
});

describe('an interval that is too short', () => {
  it('is refused with Min-SE, unless the peer knows no timers', () => {
    expect(shortInterval(asks({ ...timer, 'Session-Expires': '89' }), settings)).toEqual([['Min-SE', '90']]);
    expect(shortInterval(asks({ ...timer, 'Session-Expires': '90' }), settings)).toBeUndefined();
    expect(shortInterval(asks({ 'Session-Expires': '10' }), settings)).toBeUndefined();
    expect(shortInterval(asks(timer), settings)).toBeUndefined();
  });
});

describe('the timer that we ask for', () => {
  it('is ours at first, and then what runs, with the same refresher', () => {
    expect(askedInterval(settings, undefined, 90)).toEqual([['Session-Expires', '1800']]);
    expect(askedInterval(settings, { seconds: 600, refresher: 'us' }, 90)).toEqual([
      ['Session-Expires', '600;refresher=uac'],
    ]);
    expect(askedInterval(settings, { seconds: 600, refresher: 'them' }, 90)).toEqual([
      ['Session-Expires', '600;refresher=uas'],
    ]);
  });

  it('is no shorter than a 422 said', () => {
    expect(askedInterval(settings, undefined, 3600)).toEqual([
      ['Session-Expires', '3600'],
      ['Min-SE', '3600'],
    ]);
    const refusal = (value: string) => asks({ 'Min-SE': value });
    expect(raisedFloor(refusal('3600'), 90)).toBe(3600);
    expect(raisedFloor(refusal('3600'), 3600)).toBeUndefined();
    expect(raisedFloor(refusal('4294967295'), 90)).toBeUndefined();
    expect(raisedFloor(refusal('much'), 90)).toBeUndefined();
  });

  it('is what the 2xx says', () => {
    const says = (value: string) => agreedInterval(asks({ 'Session-Expires': value }), settings);
    expect(says('600;refresher=uac')).toEqual({ seconds: 600, refresher: 'us' });
    expect(says('600;refresher=uas')).toEqual({ seconds: 600, refresher: 'them' });
    expect(says('600')).toEqual({ seconds: 600, refresher: 'us' });
    expect(says('0;refresher=uac')).toEqual({ seconds: 90, refresher: 'us' });
    expect(agreedInterval(asks({}), settings)).toBeUndefined();
  });
});

it('a session is refreshed at half its time and given up a third of it, or 32 s, before its end', () => {
  expect(deadlines(1800)).toEqual({ refreshMs: 900_000, expireMs: 1_768_000 });
  expect(deadlines(90)).toEqual({ refreshMs: 45_000, expireMs: 60_000 });
});

it.each([
  { expires: 0 },
  { expires: 1.5 },
  { minSE: -1 },
  { expires: 60, minSE: 90 },
  { expires: 1e9 },
])('settings that cannot work are refused: %j', (options) => {
  expect(() => sessionTimerSettings(options)).toThrow(/sessionTimers\.(expires|minSE)/);
});
