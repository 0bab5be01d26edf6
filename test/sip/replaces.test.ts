import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSipfrag, parseTokenValue, printSipfrag } from '../../src/sip/event.ts';
import { parseReplaces, printReplaces } from '../../src/sip/replaces.ts';

const word = fc.stringMatching(/^[a-zA-Z0-9.\-!%*_+`'~]{1,20}$/);

describe('Replaces', () => {
  it('is read as RFC 3891 §6.1 writes it', () => {
    expect(parseReplaces('98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff')).toEqual({
      ok: true,
      value: { callId: '98732@sip.example.com', toTag: 'ff87ff', fromTag: 'r33th4x0r', earlyOnly: false },
    });
    expect(parseReplaces('12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only')).toMatchObject({
      value: { earlyOnly: true },
    });
  });

  it.each([
    '',
    'a',
    ';to-tag=a;from-tag=b',
    'a;to-tag=b',
    'a;from-tag=b',
    'a;to-tag;from-tag=b',
    'a b;to-tag=a;from-tag=b',
  ])('refuses %j', (text) => {
    expect(parseReplaces(text).ok).toBe(false);
  });

  it('is read again as it was written', () => {
    fc.assert(
      fc.property(word, word, word, fc.boolean(), (callId, toTag, fromTag, earlyOnly) => {
        const value = { callId, toTag, fromTag, earlyOnly };
        expect(parseReplaces(printReplaces(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof parseReplaces(text).ok === 'boolean'));
  });
});

describe('Event and Subscription-State', () => {
  it('are a token with parameters', () => {
    expect(parseTokenValue(' Refer ; id=93809824')).toEqual({ name: 'refer', params: { id: '93809824' } });
    expect(parseTokenValue('active;expires=60')).toMatchObject({ name: 'active', params: { expires: '60' } });
    for (const bad of ['', ';id=1', 'refer;', 'refer;id=', 'refer id', 'a;b=1;b=2'])
      expect(parseTokenValue(bad)).toBe(undefined);
  });
});

describe('a message/sipfrag', () => {
  it('begins with a status line', () => {
    expect(parseSipfrag(printSipfrag({ status: 486, reason: 'Busy\r\nHere' }))).toEqual({
      status: 486,
      reason: 'Busy Here',
    });
    expect(parseSipfrag(Buffer.from('SIP/2.0 200\n'))).toEqual({ status: 200, reason: 'OK' });
    expect(parseSipfrag(Buffer.from('SIP/2.0 200 OK\r\nServer: x\r\n'))).toEqual({ status: 200, reason: 'OK' });
    for (const bad of ['', 'SIP/2.0', 'SIP/2.0 20 OK', 'SIP/2.0 2000 OK', 'INVITE sip:a@b SIP/2.0', ' SIP/2.0 200 OK'])
      expect(parseSipfrag(Buffer.from(bad))).toBe(undefined);
  });
});
