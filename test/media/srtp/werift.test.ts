/** werift-rtp as the reference: the same bytes in both directions, for the profiles that it has. */
import { describe, expect, it } from 'vitest';
import {
  ProtectionProfileAeadAes128Gcm,
  ProtectionProfileAes128CmHmacSha1_80,
  RtpPacket,
  SrtcpSession,
  SrtpSession,
} from 'werift-rtp';
import { SrtpReceiver } from '../../../media/srtp/receiver.ts';
import { SrtpSender } from '../../../media/srtp/sender.ts';
import { seededRandom } from '../../../src/testing/index.ts';
import { hex, rtpPacket, sealed } from './support.ts';

const seed = 7711;

describe.each([
  ['AES_CM_128_HMAC_SHA1_80', ProtectionProfileAes128CmHmacSha1_80, 14],
  ['AEAD_AES_128_GCM', ProtectionProfileAeadAes128Gcm, 12],
] as const)(`%s (seed ${seed})`, (profile, number, saltBytes) => {
  const random = seededRandom(seed, profile);
  const [key, salt] = [Buffer.from(random.bytes(16)), Buffer.from(random.bytes(saltBytes))];
  const master = { inline: Buffer.concat([key, salt]).toString('base64'), mki: '', lifetime: undefined };
  const keys = { localMasterKey: key, localMasterSalt: salt, remoteMasterKey: key, remoteMasterSalt: salt };
  const ssrc = random.uint32();
  // Over the wrap of the sequence number, so that the roll-over counter counts.
  const packets = Array.from({ length: 60 }, (_, i) =>
    rtpPacket(65_500 + i, ssrc, random.bytes(random.uint32() % 200), { csrcs: i % 3, extension: i % 4 === 0 }),
  );

  it('RTP', () => {
    const theirs = new SrtpSession({ keys, profile: number });
    const sender = SrtpSender.create(profile, master);
    const receiver = SrtpReceiver.create(profile, [master]);
    for (const packet of packets) {
      const parsed = RtpPacket.deSerialize(Buffer.from(packet));
      const expected = theirs.encrypt(parsed.payload, parsed.header);
      const ours = sealed(sender, 'rtp', packet);
      expect(ours).toBe(hex(expected));
      expect(hex(theirs.decrypt(hex(ours)))).toBe(hex(packet));
      const length = receiver.rtp(expected, 0, expected.length);
      expect(hex(expected.subarray(0, length))).toBe(hex(packet));
    }
  });

  it('RTCP', () => {
    const theirs = new SrtcpSession({ keys, profile: number });
    const sender = SrtpSender.create(profile, master);
    const receiver = SrtpReceiver.create(profile, [master]);
    for (let i = 0; i < 20; i++) {
      const compound = Buffer.concat([hex('80c9000a'), random.bytes(4 + 4 * i)]);
      compound.writeUInt32BE(ssrc, 4);
      const expected = theirs.encrypt(compound);
      const ours = sealed(sender, 'rtcp', compound);
      expect(ours).toBe(hex(expected));
      expect(hex(theirs.decrypt(hex(ours)))).toBe(hex(compound));
      const length = receiver.rtcp(expected, 0, expected.length);
      expect(hex(expected.subarray(0, length))).toBe(hex(compound));
    }
  });
});
