import { describe, expect, it } from 'vitest';
import { type RegistryOptions, registrySettings } from '../../src/registry/options.ts';

describe('options of the registry', () => {
  it('have the defaults of Kamailio, but for the BYE', () => {
    expect(registrySettings()).toMatchObject({
      hashSize: 4096,
      hIdStart: 0,
      hIdStep: 1,
      defaultTimeout: 43_200,
      earlyTimeout: 300,
      noackTimeout: 60,
      endTimeout: 300,
      sendBye: true,
      timeoutNoreset: false,
      kaTimer: 0,
      kaInterval: 0,
      kaFailedLimit: 1,
      byeEarlyCode: 480,
      byeEarlyReason: 'Temporarily Unavailable',
    });
  });

  it('take names of profiles as Kamailio and the seeds write them', () => {
    const { profilesWithValue, profilesNoValue } = registrySettings({
      profilesWithValue: 'caller; callee ;',
      profilesNoValue: 'inbound,outbound',
    });
    expect([profilesWithValue, profilesNoValue]).toEqual([
      ['caller', 'callee'],
      ['inbound', 'outbound'],
    ]);
  });

  it('round the slots down to a power of two', () => {
    expect([1, 2, 3, 1000, 4096].map((hashSize) => registrySettings({ hashSize }).hashSize)).toEqual([
      1, 2, 2, 512, 4096,
    ]);
  });

  it('read header lines', () => {
    expect(registrySettings({ dlgExtraHdrs: 'X-A: 1\r\nX-B : two words \r\n' }).dlgExtraHdrs).toEqual([
      ['X-A', '1'],
      ['X-B', 'two words'],
    ]);
  });

  const wrong: readonly [RegistryOptions, RegExp][] = [
    [{ defaultTimeout: 0 }, /registry.defaultTimeout/],
    [{ earlyTimeout: 1.5 }, /registry.earlyTimeout/],
    [{ hIdStep: 0 }, /registry.hIdStep/],
    [{ hIdStep: 2 ** 30 }, /registry.hIdStep/],
    [{ hashSize: 0 }, /registry.hashSize/],
    [{ kaInterval: 29 }, /30 and more/],
    [{ byeEarlyCode: 200 }, /byeEarlyCode/],
    [{ profilesWithValue: 'a;b;a' }, /names a twice/],
    [{ profilesWithValue: ['a-b'] }, /letters, digits and _/],
    [{ profilesWithValue: ['a'], profilesNoValue: ['a'] }, /with and without a value/],
    [{ autoProfiles: { caller: 'fromUri' } }, /caller is not in profilesWithValue/],
    [{ profilesWithValue: ['caller'], autoProfiles: { caller: 'none' } }, /not in profilesNoValue/],
    [{ profilesWithValue: ['caller'], autoProfiles: { caller: 'from' as never } }, /fromUser, toUser, none, not from/],
    [{ dlgExtraHdrs: 'no header' }, /is no header line/],
    [{ lreqCalleeHeaders: 'X-A: 1\r\nCall-ID: x' }, /lreqCalleeHeaders: .* call-id/],
  ];
  it.each(wrong)('refuse %o', (options, message) => {
    expect(() => registrySettings(options)).toThrow(message);
  });
});
