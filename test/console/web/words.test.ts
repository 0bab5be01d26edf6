import { describe, expect, it } from 'vitest';
import type { CallRow, TimelineEvent, Totals } from '../../../src/console/protocol.ts';
import { eventWords, isTelling, phasesOf } from '../../../src/console/web/console/event-words.ts';
import { averaged, loadRange, mosRange } from '../../../src/console/web/console/figures.ts';
import { duration, offset, percent, rate, shownUri } from '../../../src/console/web/console/format.ts';
import { barHeight, levelBars, mediaSeries } from '../../../src/console/web/console/media-series.ts';
import { codecName, mosWord, security, stateWord, worstMos } from '../../../src/console/web/console/quality.ts';
import { callHref, finishedHref, mailboxHref, readRoute } from '../../../src/console/web/console/route.ts';
import { FakeCalls } from '../fake-calls.ts';

const now = 1_700_000_000_000;
const fake = new FakeCalls(5, () => now);
const event = (name: string, detail: TimelineEvent['detail'] = {}, at = now, sessionId = 'a'): TimelineEvent => ({
  at,
  name,
  sessionId,
  detail,
});

describe('addresses', () => {
  it.each([
    ['sip:5001@10.0.0.1:5062;transport=ws', '5001', '10.0.0.1:5062'],
    ['"Ann" <sip:ann%20b@x.example>;tag=1', 'ann b', 'x.example'],
    ['sips:bob@[2001:db8::1]', 'bob', '[2001:db8::1]'],
    ['tel:+4930123', '+4930123', ''],
    ['sip:10.0.0.1', '10.0.0.1', ''],
    ['sip:%zz@x', '%zz', 'x'],
    ['', '', ''],
    ['<script>', '<script>', ''],
  ])('%s', (uri, user, host) => expect(shownUri(uri)).toEqual({ user, host }));
});

describe('times and figures', () => {
  it.each([
    [-5, '0:00'],
    [83_900, '1:23'],
    [3_700_000, '1:01:40'],
  ])('duration of %i ms', (ms, text) => expect(duration(ms)).toBe(text));
  it.each([
    [14, '+0.014 s'],
    [-250, '−0.250 s'],
    [12_345, '+12.345 s'],
    [83_007, '+1:23.007'],
  ])('offset of %i ms', (ms, text) => expect(offset(ms)).toBe(text));
  it('rates and shares', () => {
    expect([0, 6.891, 12.34, 1_600].map(rate)).toEqual(['0.00', '6.89', '12.3', '1,600']);
    expect([0.016, 0.5].map(percent)).toEqual(['1.6 %', '50 %']);
  });
});

describe('a call in words', () => {
  const call: CallRow = { ...fake.call(60_000), state: 'confirmed', conference: undefined };
  const legs = (...mos: (number | undefined)[]) => mos.map((one) => ({ ...call.legs[0]!, held: false, mos: one }));
  it('is held when a leg is', () => {
    expect(stateWord({ ...call, legs: legs(4) }).text).toBe('Talking');
    expect(stateWord({ ...call, legs: legs(4).map((leg) => ({ ...leg, held: true })) }).text).toBe('On hold');
  });
  it('is heard as well as the worse of its legs', () => {
    expect(worstMos({ ...call, legs: legs(4.2, 3.1) })).toBe(3.1);
    expect(worstMos({ ...call, legs: legs(undefined) })).toBeUndefined();
    expect([4.2, 3.7, 3.1].map((mos) => mosWord(mos).text)).toEqual(['good', 'fair', 'poor']);
  });
  it('is as safe as its legs', () => {
    const secured = (...secure: ('none' | 'dtls')[]) => ({
      ...call,
      legs: secure.map((one) => ({ ...call.legs[0]!, secure: one })),
    });
    expect(security(secured('dtls', 'dtls'))).toBe('all');
    expect(security(secured('dtls', 'none'))).toBe('part');
    expect(security(secured('none'))).toBe('none');
  });
});

describe('the course of a call', () => {
  const call: CallRow = { ...fake.call(60_000), startedAt: now, answeredAt: now + 5_000 };
  it('is without gaps from ringing to now', () => {
    const events = [event('call:held', {}, now + 9_000), event('call:resumed', {}, now + 12_000)];
    expect(phasesOf(call, events, now + 20_000).map(({ name, from, to }) => [name, from - now, to - now])).toEqual([
      ['ringing', 0, 5_000],
      ['talking', 5_000, 9_000],
      ['held', 9_000, 12_000],
      ['talking', 12_000, 20_000],
    ]);
  });
  it('stays on hold until the last leg is resumed', () => {
    const events = [
      event('call:held', {}, now + 6_000, 'a'),
      event('call:held', {}, now + 7_000, 'b'),
      event('call:resumed', {}, now + 8_000, 'a'),
    ];
    expect(phasesOf(call, events, now + 9_000).at(-1)).toMatchObject({ name: 'held', to: now + 9_000 });
  });
  it('is ringing only, unanswered', () => {
    expect(phasesOf({ ...call, answeredAt: undefined }, [], now + 100)).toEqual([
      { name: 'ringing', from: now, to: now + 100 },
    ]);
  });
  it.each([
    [event('call:early', { status: 183 }), 'Ringing 183'],
    [event('media:dtmf', { digit: '#' }), 'Key #'],
    [event('call:ended', { cause: { by: 'remote', method: 'BYE' } }), 'Ended by remote'],
    [event('call:ended', { cause: null }), 'Ended'],
    [event('some-thing:new'), 'some thing new'],
  ])('%o', (one, words) => expect(eventWords(one)).toBe(words));
});

describe('events and codecs', () => {
  it('leaves out what the messages say already', () => {
    const names = ['call:answered', 'dialog:created', 'dialog:confirmedNa', 'dialog:timeout', 'media:dtmf'];
    expect(names.filter((name) => isTelling(event(name)))).toEqual(['call:answered', 'dialog:timeout', 'media:dtmf']);
  });
  it('names codecs without their rates', () => {
    expect(['PCMU/8000', 'opus/48000/2', 'G722'].map(codecName)).toEqual(['PCMU', 'opus', 'G722']);
  });
});

describe('lines of charts', () => {
  it('puts what falls into one second of both legs together', () => {
    const leg = { ...fake.call(60_000).legs[0]!, mos: 4 };
    const legs = ['a', 'b'].map((sessionId) => ({ ...leg, sessionId }));
    const media = {
      a: [{ ...fake.media(now, leg), loss: 1 }],
      b: [
        { ...fake.media(now + 400, leg), loss: 2 },
        { ...fake.media(now + 1_000, leg), loss: 3 },
      ],
    };
    expect(mediaSeries(media, legs, 'loss')).toEqual([
      [now / 1_000, now / 1_000 + 1],
      [1, null],
      [2, 3],
    ]);
    expect(mediaSeries({}, legs, 'mos')).toEqual([[], [], []]);
  });

  it('draws the loudest level of each part', () => {
    const leg = { ...fake.call(60_000).legs[0]!, mos: 4 };
    const point = { ...fake.media(now, leg), received: Array.from({ length: 20 }, (_, i) => (i === 10 ? 0 : -96)) };
    expect([...levelBars([point], 'received', { from: now - 1_000, to: now, bars: 4 })]).toEqual([0, 0, 1, 0]);
    expect(levelBars([point], 'received', { from: now, to: now, bars: 4 }).every((bar) => bar === 0)).toBe(true);
    expect([barHeight(-96), barHeight(-30), barHeight(3)]).toEqual([0, 0.5, 1]);
  });

  it('averages long histories into as many points as are asked for, gaps left out', () => {
    const history = Array.from(
      { length: 600 },
      (_, i): Totals => ({
        ...fake.totals(now + i * 1_000, 100),
        active: i,
        mos: i < 300 ? undefined : 4,
      }),
    );
    const [times, active, mos] = averaged(history, [(one) => one.active, (one) => one.mos], 120);
    expect(times?.length).toBeGreaterThan(100);
    expect(times?.length).toBeLessThanOrEqual(122);
    expect(active).toEqual(active?.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
    expect(new Set(mos)).toEqual(new Set([null, 4]));
    expect(averaged([], [(one) => one.active], 10)).toEqual([[], []]);
  });

  it('chooses limits that show something', () => {
    const totals = fake.totals(now, 100);
    expect(loadRange([{ ...totals, cpu: 0.01 }])).toEqual([0, 0.1]);
    expect(loadRange([{ ...totals, cpu: 0.6 }])).toEqual([0, 1]);
    expect(mosRange([{ mos: 4.1 }])).toEqual([3, 4.6]);
    expect(mosRange([{ mos: 2.9 }, { mos: undefined }])).toEqual([1, 4.6]);
  });
});

describe('addresses of pages', () => {
  it.each([
    ['', { page: 'calls' }],
    ['#/', { page: 'calls' }],
    ['#/finished', { page: 'finished' }],
    ['#/queues', { page: 'queues' }],
    ['#/voicemail', { page: 'voicemail' }],
    [mailboxHref('büro/1'), { page: 'voicemail', box: 'büro/1' }],
    ['#/call/', { page: 'calls' }],
    ['#/call/%zz', { page: 'calls' }],
    [finishedHref('a.1'), { page: 'finished-call', id: 'a.1' }],
    [callHref('12:34/5'), { page: 'call', id: '12:34/5' }],
  ])('%s', (hash, route) => expect(readRoute(hash)).toEqual(route));
});
