import { describe, expect, it } from 'vitest';
import type { Loaded, NativeAddon } from '../../../media/net/native-addon.ts';
import { chooseUdpIo } from '../../../media/net/own-udp-io.ts';

const built = (): Loaded => ({ ok: true, addon: {} as NativeAddon });
const missing = (): Loaded => ({ ok: false, reason: 'it is not built' });

describe('how RTP sockets are read', () => {
  it.each([
    ['auto', built, { io: 'native' }],
    ['auto', missing, { io: 'dgram', reason: 'it is not built' }],
    ['native', built, { io: 'native' }],
    ['dgram', built, { io: 'dgram' }],
    ['dgram', missing, { io: 'dgram' }],
  ] as const)('%s with %o is %o', (wanted, load, choice) => {
    expect(chooseUdpIo(wanted, load)).toEqual(choice);
  });

  it('says how to build what is asked for and missing', () => {
    expect(() => chooseUdpIo('native', missing)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringMatching(/not built: `tandem native`/) }),
    );
  });
});
