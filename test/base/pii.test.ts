import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numbersShown, shownNumber } from '../../src/base/pii.ts';

test.for([
  ['sip:+4930123456@example.com:5060;user=phone', 'sip:***456@example.com:5060', 'sip:example.com:5060'],
  ['"Alice" <sips:alice:secret@[2001:db8::1]>;tag=1', 'sips:***ice@[2001:db8::1]', 'sips:[2001:db8::1]'],
  ['sip:1000@host?Replaces=x', 'sip:***@host', 'sip:host'],
  ['tel:+4930123456;phone-context=x', 'tel:***456', 'tel:***'],
  ['sip:example.com', 'sip:example.com', 'sip:example.com'],
  ['nonsense', '***', '***'],
] as const)('%s is shown masked as %s', ([uri, masked, none]) => {
  expect([shownNumber(uri, 'full'), shownNumber(uri, 'masked'), shownNumber(uri, 'none')]).toEqual([uri, masked, none]);
});

test('of a number no more than three digits are left, whatever is around it', () => {
  const number = fc.stringMatching(/^\d{5,15}$/);
  fc.assert(
    fc.property(number, fc.constantFrom('sip', 'sips', 'tel', 'SIP'), (user, scheme) => {
      expect(shownNumber(`${scheme}:${user}@host.example`, 'masked')).not.toContain(user.slice(-4));
    }),
  );
  fc.assert(fc.property(fc.string(), fc.constantFrom(...numbersShown), (text, how) => void shownNumber(text, how)));
});
