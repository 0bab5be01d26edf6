import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NameAddr } from '../../src/sip/message.ts';
import { parseNameAddr, parseNameAddrList, printNameAddr } from '../../src/sip/name-addr.ts';

function address(text: string): NameAddr {
  const result = parseNameAddr(text);
  return result.ok ? result.value : expect.fail(`${text}: ${result.error}`);
}

describe('parseNameAddr', () => {
  test.each<[string, string | undefined, string, Record<string, string | null>]>([
    ['sip:a@h', undefined, 'sip:a@h', {}],
    ['sip:a@h;tag=1', undefined, 'sip:a@h', { tag: '1' }],
    ['<sip:a@h;lr>;tag=1', undefined, 'sip:a@h;lr', { tag: '1' }],
    ['Alice  <sip:a@h> ; TAG = 1', 'Alice', 'sip:a@h', { tag: '1' }],
    ['A. G. Bell <sip:agb@bell>;tag=a48s', 'A. G. Bell', 'sip:agb@bell', { tag: 'a48s' }],
    ['"A \\"B\\" \\\\ <sip:x@y>;tag=9" <sip:a@h>;tag=1', 'A "B" \\ <sip:x@y>;tag=9', 'sip:a@h', { tag: '1' }],
    ['"" <sip:a@h>', '', 'sip:a@h', {}],
    ['Jürgen <sip:a@h>;tag=1', 'Jürgen', 'sip:a@h', { tag: '1' }],
    ['<sip:a@h>;host=[::1];tag=Qq', undefined, 'sip:a@h', { host: '[::1]', tag: 'Qq' }],
    [
      '<sip:a@h>;+sip.instance="<urn:uuid:1;2,3>";q=0.5',
      undefined,
      'sip:a@h',
      { '+sip.instance': '"<urn:uuid:1;2,3>"', q: '0.5' },
    ],
    [
      '<sip:a@h>;flag;__proto__=1',
      undefined,
      'sip:a@h',
      Object.fromEntries([
        ['flag', null],
        ['__proto__', '1'],
      ]),
    ],
    ['<tel:+1>', undefined, 'tel:+1', {}],
    ['<sip:a@[2001:db8::1]:5060>', undefined, 'sip:a@[2001:db8::1]:5060', {}],
  ])('reads %s', (text, displayName, uri, params) => {
    const read = address(text);
    expect(read.displayName).toBe(displayName);
    expect(read.uri).toBe(uri);
    expect(Object.entries(read.params)).toEqual(Object.entries(params));
  });

  test.each([
    '',
    ' ',
    '<>',
    '<',
    '>',
    '<sip:a@h',
    '"Alice <sip:a@h>',
    '"Alice" sip:a@h',
    '"Alice"',
    'Bell, Alexander <sip:a@h>',
    'a@b <sip:a@h>',
    '< sip:a@h>',
    '<sip:a@h >',
    '<sip:a@h>>',
    '<<sip:a@h>>',
    '<sip:a@h> x',
    '<sip:a@h>;',
    '<sip:a@h>;tag=',
    '<sip:a@h>;tag=1;tag=2',
    '<sip:a@h>;tag="1',
    '<sip:a@h>, <sip:b@h>',
    'sip:a@h?Subject=x',
    'alice',
    '*',
  ])('refuses %j', (text) => {
    expect(parseNameAddr(text).ok).toBe(false);
  });
});

describe('parseNameAddrList', () => {
  const uris = (text: string) => {
    const result = parseNameAddrList(text);
    return result.ok ? result.value.map((one) => one.uri) : undefined;
  };

  test('reads addresses with and without brackets', () => {
    expect(uris('sip:a@b, sip:c@d')).toEqual(['sip:a@b', 'sip:c@d']);
    expect(uris('"x, <y>" <sip:a@b;x=1,2>;q=1 ,<sip:c@d>;a="1,2",sip:e@f;x')).toEqual([
      'sip:a@b;x=1,2',
      'sip:c@d',
      'sip:e@f',
    ]);
  });

  test.each(['', 'sip:a@b,', ',sip:a@b', 'sip:a@b,,sip:c@d', 'sip:a@b sip:c@d', '*'])('refuses %j', (text) => {
    expect(uris(text)).toBeUndefined();
  });
});

describe('printNameAddr', () => {
  test('always writes brackets, and quotes the display name', () => {
    expect(printNameAddr(address('sip:a@h;tag=1'))).toBe('<sip:a@h>;tag=1');
    expect(printNameAddr(address('Alice <sip:a@h>'))).toBe('"Alice" <sip:a@h>');
  });

  test('is the inverse of parseNameAddr for any display name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('1', '"a;b,c \\" d"', null), (name, value) => {
        const displayName = name.toWellFormed();
        const written: NameAddr = { displayName, uri: 'sip:a@h;x=1', params: { tag: 't', x: value } };
        expect(address(printNameAddr(written))).toEqual(written);
      }),
    );
  });

  test('whatever is read is written and read again', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '"',
      '\\',
      ';',
      ',',
      '=',
      'sip:a@h',
      'tag',
      'x',
      ' ',
      '?',
      'é',
      '<sip:a@h>',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (list) => {
        const first = parseNameAddr(list.join(''));
        if (first.ok) expect(parseNameAddr(printNameAddr(first.value))).toEqual(first);
      }),
    );
  });
});
