import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isIpv4,
  isIpv6,
  maxUriLength,
  parseUri,
  printUri,
  type SipUri,
  uriScheme,
  uriUser,
} from '../../src/sip/uri.ts';

function uri(text: string): SipUri {
  const result = parseUri(text);
  return result.ok ? result.value : expect.fail(`${text}: ${result.error}`);
}

describe('parseUri', () => {
  test('reads all the parts', () => {
    expect(uri('sip:alice:secret@Example.COM:5070;transport=tcp;lr?Subject=a%20b&Replaces=x%3Bto-tag%3D1')).toEqual({
      scheme: 'sip',
      user: 'alice',
      password: 'secret',
      host: 'example.com',
      port: 5070,
      params: { transport: 'tcp', lr: null },
      headers: { subject: 'a b', replaces: 'x;to-tag=1' },
    });
  });

  test.each<[string, Partial<SipUri>]>([
    ['SIP:bob@Host', { scheme: 'sip', user: 'bob', host: 'host' }],
    ['sips:example.com', { scheme: 'sips', user: undefined, host: 'example.com', port: undefined }],
    ['sip:a@[2001:DB8::9:1]:5061;lr', { host: '2001:db8::9:1', port: 5061 }],
    ['sip:[::1]', { host: '::1' }],
    ['sip:+1212;phone-context=example.com@gw.example.com;user=phone', { user: '+1212;phone-context=example.com' }],
    ['sip:j%C3%BCrgen%40home@h', { user: 'jürgen@home' }],
    ['sip:*67#@h', { user: '*67#' }],
    ['sip:null-%00-null@h', { user: 'null-\0-null' }],
    ['sip:h;Transport=TCP;p=a=b;maddr=[::1]', { params: { transport: 'TCP', p: 'a=b', maddr: '[::1]' } }],
    ['sip:h?Subject=', { headers: { subject: '' } }],
    ['sip:h?Route=a&route=b', { headers: { route: 'a, b' } }],
    ['tel:+1-212-555-0101;phone-context=x', { scheme: 'tel', user: '+1-212-555-0101', host: '' }],
    ['TEL:112', { scheme: 'tel', user: '112' }],
  ])('reads %s', (text, parts) => {
    expect(uri(text)).toMatchObject(parts);
  });

  test.each([
    '',
    'sip',
    'sip:',
    'sip:@h',
    'sip:a@',
    'sip:a@h:',
    'sip:a@h:0',
    'sip:a@1.2.3.4:99999',
    'sip:a@h:65536',
    'sip:a@h:5x',
    'sip:a@h:1:2',
    'sip:a@b@c',
    'sip:a%zz@h',
    'sip:a%4@h',
    'sip:a@[::1',
    'sip:a@[::g]',
    'sip:a@[1.2.3.4]',
    'sip:a@h..com',
    'sip:a@h/x',
    'sip:a@пример',
    'sip:a@h;',
    'sip:a@h;;lr',
    'sip:a@h;lr;LR',
    'sip:a@h?',
    'sip:a@h?=x',
    'sip:a b@h',
    'sip:a@h\r\nX: y',
    '<sip:a@h>',
    '"sip:a@h"',
    'tel:',
    'tel:alice',
    'tel:1;;',
    'urn:service:sos',
    'mailto:a@b',
  ])('refuses %j', (text) => {
    expect(parseUri(text).ok).toBe(false);
  });

  test('refuses an URI longer than the limit', () => {
    expect(parseUri(`sip:${'a'.repeat(maxUriLength - 8)}@h`).ok).toBe(true);
    expect(parseUri(`sip:${'a'.repeat(maxUriLength)}@h`).ok).toBe(false);
  });

  test('never throws, and what it reads it writes and reads again', () => {
    const piece = fc.constantFrom(
      'sip:',
      'tel:',
      '@',
      ':',
      ';',
      '=',
      '?',
      '&',
      '%41',
      '%',
      '[',
      ']',
      '::',
      'a',
      '1',
      '.',
      ' ',
      'é',
      'lr',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (list) => {
        const first = parseUri(`sip:${list.join('')}`);
        if (first.ok) expect(parseUri(printUri(first.value))).toEqual(first);
      }),
    );
  });
});

describe('printUri', () => {
  test('escapes what a user or header must not hold', () => {
    const text = printUri({ ...uri('sip:a@h'), user: 'a b@c:ü<>', headers: { subject: 'x&y=z' } });
    expect(text).toBe('sip:a%20b%40c%3A%C3%BC%3C%3E@h?subject=x%26y%3Dz');
    expect(uri(text)).toMatchObject({ user: 'a b@c:ü<>', headers: { subject: 'x&y=z' } });
  });

  test('puts an IPv6 host in brackets', () => {
    expect(printUri(uri('sips:a@[2001:db8::1]:5061;transport=tcp;lr'))).toBe(
      'sips:a@[2001:db8::1]:5061;transport=tcp;lr',
    );
  });

  test('is the inverse of parseUri for any user, host and port', () => {
    const user = fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { nil: undefined });
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
    fc.assert(
      fc.property(user, host, port, (user, host, port) => {
        const written = { ...uri('sip:h;lr'), user: user?.toWellFormed(), host: host.toLowerCase(), port };
        expect(uri(printUri(written))).toEqual(written);
      }),
    );
  });
});

test('uriUser gives the user or number', () => {
  expect(uriUser('sip:1%30@h')).toBe('10');
  expect(uriUser('tel:+1')).toBe('+1');
  expect(uriUser('sip:h')).toBeUndefined();
  expect(uriUser('nonsense')).toBeUndefined();
});

test('uriScheme knows any scheme', () => {
  expect(uriScheme('URN:service:sos')).toBe('urn');
  expect(uriScheme('soap.beep://h')).toBe('soap.beep');
  for (const text of ['', ':', 'sip:', '1a:b', 'Bell', 'a b:c']) expect(uriScheme(text)).toBeUndefined();
});

test('IP addresses', () => {
  fc.assert(fc.property(fc.ipV6(), (text) => isIpv6(text)));
  fc.assert(fc.property(fc.ipV4(), (text) => isIpv4(text)));
  for (const text of ['::', '::ffff:1.2.3.4', '1:2:3:4:5:6:7::', '1:2:3:4:5:6:1.2.3.4'])
    expect(isIpv6(text)).toBe(true);
  const bad6 = [
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '1:',
    '::1.2.3',
    '::1.2.3.256',
    '1:2:3:4:5:6:7:1.2.3.4',
    'fe80::1%eth0',
  ];
  for (const text of bad6) expect(isIpv6(text), text).toBe(false);
  for (const text of ['1.2.3', '1.2.3.256', '1.2.3.', '0x1.2.3.4', '1.2.3.4.5']) expect(isIpv4(text)).toBe(false);
});
