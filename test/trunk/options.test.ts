import { describe, expect, it } from 'vitest';
import { printUri } from '../../src/sip/uri.ts';
import { Tandem } from '../../src/tandem.ts';
import { checkedTrunk, numberAt, type TrunkOptions } from '../../src/trunk/options.ts';

describe('the settings of a trunk', () => {
  it.each<[TrunkOptions, string[]]>([
    [{ uri: 'provider.example' }, ['sip:provider.example']],
    [{ uri: '192.0.2.1:5070', transport: 'tcp' }, ['sip:192.0.2.1:5070;transport=tcp']],
    [{ uri: 'sips:provider.example', gateways: ['[2001:db8::1]'] }, ['sips:provider.example', 'sip:[2001:db8::1]']],
    [{ uri: 'sip:someone@provider.example;transport=tls', transport: 'tcp' }, ['sip:provider.example;transport=tls']],
  ])('%j', (options, gateways) => {
    expect(checkedTrunk('main', options).gateways.map(printUri)).toEqual(gateways);
  });

  it.each<[string, TrunkOptions, RegExp]>([
    ['main', { uri: '' }, /trunk main: "" is neither a host nor a SIP URI/],
    ['main', { uri: 'a b' }, /neither a host/],
    ['main', { uri: 'tel:+4930' }, /neither a host/],
    ['main', { uri: 'a', gateways: ['b:99999'] }, /"b:99999"/],
    ['main', { uri: 'a', transport: 'sctp' as 'udp' }, /transport "sctp"/],
    ['main', { uri: 'a', trusted: ['10.0.0.0/33'] }, /10\.0\.0\.0\/33/],
    ['main', { uri: 'a', register: true }, /register needs a username/],
    ['main', { uri: 'a', srtp: 'sdes' as 'off' }, /srtp is one of off, optional, required, dtls, not sdes/],
    ['main', { uri: 'a', maxChannels: 0 }, /maxChannels/],
    ['main', { uri: 'a', maxCallsPerSecond: Number.NaN }, /maxCallsPerSecond/],
    ['main', { uri: 'a', qualify: -1 }, /qualify is a number of seconds/],
    ['no name', { uri: 'a' }, /a name has letters/],
  ])('%s %j is refused in one line', (name, options, message) => {
    const make = (): unknown => new Tandem({ trunks: { [name]: options } });
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });

  it('a number is escaped', () => {
    const [gateway] = checkedTrunk('main', { uri: 'provider.example:5070', transport: 'tcp' }).gateways;
    expect(numberAt(gateway!, '#31#+49 30;x=1@evil')).toBe(
      'sip:%2331%23+49%2030;x=1%40evil@provider.example:5070;transport=tcp',
    );
  });
});
