import { describe, expect, it } from 'vitest';
import { type CallerIdOptions, callerIdOf } from '../../src/trunk/caller-id.ts';

const caller = (uri: string, displayName?: string) => ({ displayName, uri, params: {} });
const of = (uri: string, options: CallerIdOptions = {}) =>
  callerIdOf(caller(uri, 'Ann'), 'account', 'provider.example', options);

describe('the caller ID of a trunk', () => {
  it.each<[string, CallerIdOptions, string]>([
    ['sip:1001@10.0.0.5', {}, 'sip:1001@provider.example'],
    ['sip:1001@10.0.0.5', { fixed: '+4930123' }, 'sip:+4930123@provider.example'],
    ['sip:1001@10.0.0.5', { add: '+493012' }, 'sip:+4930121001@provider.example'],
    ['sip:03012345@10.0.0.5', { strip: '0', add: '+49' }, 'sip:+493012345@provider.example'],
    ['sip:3012345@10.0.0.5', { strip: '0', add: '+49' }, 'sip:+493012345@provider.example'],
    ['tel:+4930', {}, 'sip:+4930@provider.example'],
    ['sip:10.0.0.5', {}, 'sip:account@provider.example'],
    ['sip:a%20b@10.0.0.5', {}, 'sip:a%20b@provider.example'],
  ])('%s with %j is %s', (uri, options, expected) => {
    expect(of(uri, options)).toEqual({ from: expected, displayName: 'Ann', headers: [] });
  });

  it('is the account where nobody calls', () => {
    expect(callerIdOf(undefined, 'account', '2001:db8::1')).toMatchObject({ from: 'sip:account@[2001:db8::1]' });
  });

  it.each([
    ['p-asserted-identity', 'P-Asserted-Identity'],
    ['p-preferred-identity', 'P-Preferred-Identity'],
  ] as const)('goes into %s, and the account into From', (header, name) => {
    expect(of('sip:1001@10.0.0.5', { header, add: '+4930', displayName: 'Company' })).toEqual({
      from: 'sip:account@provider.example',
      displayName: 'Company',
      headers: [[name, '"Company" <sip:+49301001@provider.example>']],
    });
  });

  it('stays hidden where the caller hides it', () => {
    for (const uri of ['sip:anonymous@anonymous.invalid', 'sip:Anonymous@10.0.0.5'])
      expect(of(uri, { header: 'p-asserted-identity', add: '0' })).toEqual({
        from: 'sip:anonymous@anonymous.invalid',
        displayName: 'Anonymous',
        headers: [['Privacy', 'id']],
      });
  });
});
