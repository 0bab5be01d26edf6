/** SRTP on real sockets, with media inline and in threads. */
import { describe, expect, it } from 'vitest';
import type { SrtpMasterKey, SrtpProfile } from '../../../media/index.ts';
import { newMasterKey } from '../../../media/srtp/profiles.ts';
import { concat, hosts, machine, noise, openMedia } from '../support/open-media.ts';
import { negotiated, Phone } from '../support/phone.ts';

/** One of each kind. */
const profiles: readonly SrtpProfile[] = ['AES_CM_128_HMAC_SHA1_32', 'AEAD_AES_256_GCM'];

describe.each(hosts)('with %i workers over %s', (workers, io) => {
  it.each(profiles)('audio goes over a bridge into %s, is echoed there and comes back', async (profile) => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    const [plain, near, far] = [
      await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' }),
      await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' }),
      await media.createLeg({ bindAddress: '127.0.0.1', callId: 'b' }),
    ];
    const key = (): SrtpMasterKey => ({
      inline: newMasterKey(profile, machine.random),
      mki: '',
      lifetime: undefined,
    });
    const [one, other] = [key(), key()];
    const at = ({ port, rtcpPort }: typeof near) => ({ address: '127.0.0.1', port, rtcpPort });
    plain.negotiate(phone.audio());
    near.negotiate(negotiated(at(far), { srtp: { profile, local: one, remote: [other] } }));
    far.negotiate(negotiated(at(near), { srtp: { profile, local: other, remote: [one] } }));
    far.echo(true);
    const bridge = media.createBridge();
    bridge.add(plain);
    bridge.add(near);
    await media.counts();
    const words = Array.from({ length: 20 }, (_, i) => noise(160, i + 1));
    for (const [i, payload] of words.entries()) {
      phone.send({ sequence: i, timestamp: i * 160, payload }, plain.port);
      await phone.hears(i + 1);
    }
    expect(concat(phone.heard.map(({ payload }) => payload))).toEqual(concat(words));
    for (const leg of [near, far])
      expect(await leg.stats()).toMatchObject({ received: { packets: 20 }, srtp: { profile, failed: 0 } });
  });
});
