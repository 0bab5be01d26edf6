import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, shown } from '../../../src/console/web/phone/address.ts';

describe('what is typed', () => {
  it.each([
    ['1003', 'sip:1003@tandem.example'],
    [' 600 ', 'sip:600@tandem.example'],
    ['+49 (30) 123-45', 'sip:+493012345@tandem.example'],
    ['*21#', 'sip:*21%23@tandem.example'],
    ['anna', 'sip:anna@tandem.example'],
    ['anna@example.com', 'sip:anna@example.com'],
    ['sip:anna@example.com:5070', 'sip:anna@example.com:5070'],
    ['sips:anna@[2001:db8::1]', 'sip:anna@[2001:db8::1]'],
  ])('%s is %s', (typed, address) => {
    expect(addressOf(typed, 'tandem.example')).toBe(address);
  });

  it.each([
    '',
    '  ',
    '@',
    'anna@',
    '@example.com',
    'anna at example',
    'a@b c',
    'a@b>\r\nX: y',
    'a\r\nb',
    'sip:',
  ])('%j is no address', (typed) => expect(addressOf(typed, 'tandem.example')).toBeUndefined());

  it('never makes an address that could break a header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        expect(addressOf(typed, 'tandem.example') ?? '').not.toMatch(/[\s<>"]/);
      }),
    );
  });
});

describe('what is shown', () => {
  it.each([
    ['sip:5001@tandem.example', '5001'],
    ['sip:5001@TANDEM.example:5060;transport=ws', '5001'],
    ['sip:*21%23@tandem.example', '*21#'],
    ['sip:anna@elsewhere.example', 'anna@elsewhere.example'],
    ['sip:%zz@tandem.example', '%zz'],
    ['5001', '5001'],
  ])('%s as %s', (address, text) => expect(shown(address, 'tandem.example')).toBe(text));
});
