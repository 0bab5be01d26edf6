import { describe, expect, it } from 'vitest';
import { indexOf } from '../../../media/srtp/packet-index.ts';
import { masterBytes, type SrtpMasterKey, type SrtpProfile, srtpProfiles } from '../../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../../media/srtp/receiver.ts';
import { SrtpSender } from '../../../media/srtp/sender.ts';
import { between, seededRandom } from '../../../src/testing/index.ts';
import { hex, rtpPacket, sealed } from './support.ts';

const profiles = Object.keys(srtpProfiles) as SrtpProfile[];
const seed = 3711;
const random = seededRandom(seed);
const newKey = (profile: SrtpProfile, more: Partial<SrtpMasterKey> = {}): SrtpMasterKey => ({
  inline: Buffer.from(random.bytes(masterBytes(profile))).toString('base64'),
  mki: '',
  lifetime: undefined,
  ...more,
});
const ssrc = 0xdeadbeef;
const payload = Buffer.alloc(160, 0x55);
const packet = (sequence: number, source = ssrc): Buffer => rtpPacket(sequence, source, payload);

/** What comes out at the other side; '' for what is refused. */
function opened(receiver: SrtpReceiver, kind: 'rtp' | 'rtcp', text: string): string {
  const bytes = Buffer.concat([hex('ffff'), hex(text), hex('ffff')]);
  const length = receiver[kind](bytes, 2, bytes.length - 4);
  if (length === 0) expect(hex(bytes.subarray(2, -2))).toBe(text);
  return hex(bytes.subarray(2, 2 + length));
}

describe.each(profiles)(`%s (seed ${seed})`, (profile) => {
  const key = newKey(profile);
  const seal = (sender: SrtpSender, sequence: number): string => sealed(sender, 'rtp', packet(sequence));

  it('carries packets over three wraps of the sequence number, with loss and reordering', () => {
    const sender = SrtpSender.create(profile, key);
    const receiver = SrtpReceiver.create(profile, [key]);
    const lost = seededRandom(seed, profile);
    const pass = (text: string, i: number): void => expect(opened(receiver, 'rtp', text)).toBe(hex(packet(i)));
    pass(seal(sender, 30_000), 30_000);
    for (let i = 30_001; i < 3 * 65_536 + 5000; i += between(lost, 2, 2000)) {
      const [text, next] = [seal(sender, i), seal(sender, i + 1)];
      const late = lost.uint32() % 2 === 0;
      if (!late) pass(text, i);
      if (lost.uint32() % 3) pass(next, i + 1);
      if (late) pass(text, i);
    }
    expect(receiver.state.rtp[0]?.highest).toBeGreaterThan(3 * 65_536);
  });

  it('takes late packets once, copies and what is too old never', () => {
    const sender = SrtpSender.create(profile, key);
    const receiver = SrtpReceiver.create(profile, [key]);
    const texts = Array.from({ length: 400 }, (_, i) => seal(sender, 65_400 + i));
    expect(opened(receiver, 'rtp', texts[0] ?? '')).toBe(hex(packet(65_400)));
    expect(opened(receiver, 'rtp', texts[300] ?? '')).toBe(hex(packet(65_700)));
    expect(opened(receiver, 'rtp', texts[300 - 255] ?? '')).toBe(hex(packet(65_445)));
    for (const i of [300, 300 - 255, 300 - 256, 0]) {
      expect(opened(receiver, 'rtp', texts[i] ?? '')).toBe('');
      expect(receiver.failure).toBe('replay');
    }
    expect(opened(receiver, 'rtp', texts[299] ?? '')).toBe(hex(packet(65_699)));
  });

  it('uses no index twice', () => {
    const sender = SrtpSender.create(profile, key);
    expect(seal(sender, 5)).not.toBe('');
    expect(seal(sender, 5)).toBe('');
    expect(seal(sender, 7)).not.toBe('');
    expect(seal(sender, 6)).not.toBe('');
    expect(seal(sender, 6)).toBe('');
  });

  it('finds the key by its MKI', () => {
    const keys = [newKey(profile, { mki: '01020304' }), newKey(profile, { mki: '01020305' })];
    const receiver = SrtpReceiver.create(profile, keys);
    const compound = Buffer.concat([packet(1).subarray(0, 8), payload]);
    for (const [i, one] of keys.entries()) {
      const sender = SrtpSender.create(profile, one);
      expect(opened(receiver, 'rtp', sealed(sender, 'rtp', packet(i)))).toBe(hex(packet(i)));
      const source = Buffer.from(compound);
      source.writeUInt32BE(i, 4);
      expect(opened(receiver, 'rtcp', sealed(sender, 'rtcp', source))).toBe(hex(source));
    }
    const stranger = SrtpSender.create(profile, newKey(profile, { mki: '01020306' }));
    expect(opened(receiver, 'rtp', sealed(stranger, 'rtp', packet(9)))).toBe('');
    expect(receiver.failure).toBe('authentication');
  });

  it('stops when the key has served its time', () => {
    const short = { ...key, lifetime: 3 };
    const sender = SrtpSender.create(profile, short);
    const receiver = SrtpReceiver.create(profile, [short]);
    const longer = SrtpSender.create(profile, key);
    for (let i = 0; i < 3; i++) expect(opened(receiver, 'rtp', seal(sender, i))).toBe(hex(packet(i)));
    expect(sender.expired).toBe(true);
    expect(seal(sender, 3)).toBe('');
    expect(opened(receiver, 'rtp', seal(longer, 3))).toBe('');
    expect(receiver.failure).toBe('expired');
  });

  it('ends at the last index of RTCP', () => {
    const sender = SrtpSender.create(profile, key);
    const report = Buffer.concat([hex('80c90001'), hex('00000001')]);
    expect(sealed(sender, 'rtcp', report)).not.toBe('');
    sender.leaveOut(0, 2 ** 31 - 3, 1);
    expect(sealed(sender, 'rtcp', report)).toContain('ffffffff');
    expect(sealed(sender, 'rtcp', report)).toBe('');
  });

  it('goes on from its state, by JSON, and past what may have been sent since', () => {
    const before = SrtpSender.create(profile, key);
    const receiver = SrtpReceiver.create(profile, [key]);
    for (let i = 65_530; i < 65_540; i++) opened(receiver, 'rtp', seal(before, i));
    const sender = new SrtpSender(JSON.parse(JSON.stringify(before.state)));
    const again = new SrtpReceiver(JSON.parse(JSON.stringify(receiver.state)));
    sender.leaveOut(20, 0, 1);
    for (let i = 65_500; i < 65_560; i++) expect(seal(sender, i)).toBe('');
    expect(opened(again, 'rtp', seal(sender, 65_560))).toBe(hex(packet(65_560)));
    expect(opened(again, 'rtp', seal(before, 65_540))).toBe(hex(packet(65_540)));
    expect(opened(again, 'rtp', seal(SrtpSender.create(profile, key), 65_539))).toBe('');
  });

  it('serves many sources, but no more than a call has', () => {
    const sender = SrtpSender.create(profile, key);
    const receiver = SrtpReceiver.create(profile, [key]);
    const texts = Array.from({ length: 64 }, (_, i) => sealed(sender, 'rtp', packet(1, i)));
    expect(texts.map((text) => opened(receiver, 'rtp', text) !== '')).not.toContain(false);
    expect(sealed(sender, 'rtp', packet(1, 64))).toBe('');
    const other = sealed(SrtpSender.create(profile, key), 'rtp', packet(1, 64));
    expect(opened(receiver, 'rtp', other)).toBe('');
    expect(receiver.failure).toBe('sources');
  });

  it('with a new key, takes a peer that counts on and one that begins anew', () => {
    const old = SrtpReceiver.create(profile, [key]);
    const oldSender = SrtpSender.create(profile, key);
    for (const i of [65_000, 65_600, 130_000]) opened(old, 'rtp', seal(oldSender, i));
    const next = newKey(profile);
    const onward = new SrtpSender({ ...structuredClone(oldSender.state), key: next });
    expect(opened(SrtpReceiver.create(profile, [next], old), 'rtp', seal(onward, 131_100))).toBe(hex(packet(131_100)));
    const anew = SrtpSender.create(profile, next);
    expect(opened(SrtpReceiver.create(profile, [next], old), 'rtp', seal(anew, 131_100))).toBe(hex(packet(131_100)));
  });

  it('refuses mutated packets without a trace', () => {
    const chance = seededRandom(seed, `mutants of ${profile}`);
    const sender = SrtpSender.create(profile, key);
    const receiver = SrtpReceiver.create(profile, [key]);
    opened(receiver, 'rtp', seal(sender, 10));
    const rtp = hex(seal(sender, 11));
    const rtcp = hex(sealed(sender, 'rtcp', Buffer.concat([hex('80c90008deadbeef'), payload])));
    const state = JSON.stringify(receiver.state);
    for (let i = 0; i < 3000; i++) {
      const [kind, whole] = i % 2 ? (['rtp', rtp] as const) : (['rtcp', rtcp] as const);
      const mutant = Buffer.from(whole.subarray(0, i % 3 ? whole.length : between(chance, 0, whole.length - 1)));
      const changes = mutant.length < whole.length ? 0 : between(chance, 1, 4);
      for (let n = 0; n < changes; n++) {
        const at = between(chance, 0, mutant.length - 1);
        mutant[at] = (whole[at] ?? 0) ^ between(chance, 1, 255);
      }
      expect(opened(receiver, kind, hex(mutant))).toBe('');
    }
    expect(JSON.stringify(receiver.state)).toBe(state);
    expect(opened(receiver, 'rtp', hex(rtp))).toBe(hex(packet(11)));
  });
});

describe('the index of a packet', () => {
  it.each([
    ['next', 10, 11, 11],
    ['over the wrap', 65_535, 0, 65_536],
    ['back over the wrap', 65_537, 65_535, 65_535],
    ['half a turn ahead', 100, 100 + 32_768, 100 + 32_768],
    ['more than half a turn ahead is behind', 65_536 + 100, 100 + 32_769, 100 + 32_769],
    ['behind the beginning', 5, 65_530, -6],
    ['far on', 2 ** 47 + 65_535, 3, 2 ** 47 + 65_539],
  ])('%s', (_name, highest, sequence, index) => {
    expect(indexOf(highest, sequence)).toBe(index);
  });
});
