/** RTCP of a leg: on which port, about whom, and what its figures say. */
import { describe, expect, it } from 'vitest';
import type { MediaLeg } from '../../media/index.ts';
import { readRtcp, writeRtcp } from '../../media/rtp/rtcp.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import { newMasterKey } from '../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../media/srtp/receiver.ts';
import { SrtpSender } from '../../media/srtp/sender.ts';
import { type FakeClock, seededRandom } from '../../src/testing/index.ts';
import { type Lab, openLab } from './support/lab.ts';
import { noise } from './support/open-media.ts';
import { type Heard, negotiated, parseRtp, rtpBytes } from './support/phone.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const muxed = { ...remote, rtcpPort: 4000 };

async function openLeg(lab: Lab<FakeClock>, mux = false): Promise<MediaLeg> {
  const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated(mux ? muxed : remote, { rtcpMux: mux }));
  await lab.clock.advance(1);
  return leg;
}

const isRtcp = (bytes: Uint8Array): boolean => bytes[1]! >= 192 && bytes[1]! <= 223;
const rtcpAt = (lab: Lab<FakeClock>, port: number) =>
  lab
    .sentTo(port)
    .filter(isRtcp)
    .map((bytes) => readRtcp(bytes)!);
const rtpAt = (lab: Lab<FakeClock>): Heard[] =>
  lab
    .sentTo(4000)
    .filter((bytes) => !isRtcp(bytes))
    .map((bytes) => parseRtp(bytes));

function say(lab: Lab<FakeClock>, leg: MediaLeg, n: number, ssrc = 77, port = 4000): void {
  lab.deliver(rtpBytes({ sequence: n, timestamp: n * 160, ssrc, payload: noise(160, n) }), port, leg.port);
}

const about = (ssrc: number, lost: number, lastSenderReport = 0) =>
  ({ ssrc, fractionLost: 0, lost, highest: 1, jitter: 80, lastSenderReport, delay: 0 }) as const;

describe('RTCP', () => {
  it('comes first after half an interval, then at random within half and one and a half (RFC 3550 §6.2)', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const at: number[] = [];
    const leg = await openLeg(lab);
    leg.play(noise(160 * 3000), '');
    let seen = 0;
    for (let ms = 0; ms < 50_000; ms += 10) {
      await lab.clock.advance(10);
      const count = rtcpAt(lab, 4001).length;
      if (count > seen) at.push(ms + 10);
      seen = count;
    }
    expect(at[0]).toBeGreaterThanOrEqual(240);
    expect(at[0]).toBeLessThanOrEqual(760);
    const gaps = at.slice(1).map((time, i) => time - at[i]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(490);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1510);
    expect(new Set(gaps).size).toBeGreaterThan(10);
    expect(gaps.reduce((a, b) => a + b) / gaps.length).toBeGreaterThan(800);
  });

  it('goes over the port of RTP when both sides want it so (RFC 5761), the goodbye too', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await openLeg(lab, true);
    leg.play(noise(160 * 500), '');
    say(lab, leg, 1);
    say(lab, leg, 2);
    await lab.clock.advance(2000);
    const [report] = rtcpAt(lab, 4000);
    const { sent } = await leg.stats();
    expect(report).toMatchObject({ ssrc: sent.ssrc, reports: [{ ssrc: 77 }] });
    expect(lab.sentTo(4001)).toEqual([]);
    const reply = writeRtcp({ ssrc: 77, cname: 'peer@example.com', report: about(sent.ssrc, 3, report!.ntp!) });
    lab.deliver(reply, 4000, leg.port);
    // From anybody else it is worth nothing.
    lab.deliver(writeRtcp({ ssrc: 77, cname: 'thief', report: about(sent.ssrc, 99) }), 4444, leg.port);
    const { rtcp, received } = await leg.stats();
    expect(rtcp).toMatchObject({ received: 1, remoteLost: 3, cname: 'peer@example.com' });
    expect(received).toMatchObject({ packets: 2, invalid: 1 });
    await leg.close();
    expect(rtcpAt(lab, 4000).at(-1)).toMatchObject({ bye: true });
  });

  it('is protected on the port of RTP as it is on its own', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await openLeg(lab, true);
    const profile = 'AES_CM_128_HMAC_SHA1_80';
    const random = seededRandom(3);
    const key = () => ({ inline: newMasterKey(profile, random), mki: '', lifetime: undefined });
    const [local, own] = [key(), key()];
    leg.negotiate({ ...negotiated(muxed, { rtcpMux: true }), srtp: { profile, local, remote: [own] } });
    leg.play(noise(160 * 500), '');
    await lab.clock.advance(2000);
    const [report] = lab.sentTo(4000).filter(isRtcp);
    const bytes = Uint8Array.from(report!);
    const clear = SrtpReceiver.create(profile, [local]).rtcp(bytes, 0, bytes.length);
    const { ssrc } = (await leg.stats()).sent;
    expect(readRtcp(bytes.subarray(0, clear))).toMatchObject({ ssrc, bye: false });

    const sender = SrtpSender.create(profile, own);
    const compound = writeRtcp({ ssrc: 77, cname: 'peer@example.com', report: about(ssrc, 3) });
    const sealed = sender.rtcp(compound, 0, compound.length)!.slice(0, sender.length);
    lab.deliver(sealed, 4000, leg.port);
    const { rtcp, received } = await leg.stats();
    expect(rtcp).toMatchObject({ received: 1, remoteLost: 3 });
    expect(received.invalid).toBe(0);
  });

  it('follows RTP through a NAT when they share a port', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await openLeg(lab, true);
    for (let n = 0; n < 3; n++) say(lab, leg, n, 77, 31_000);
    await lab.clock.advance(2000);
    expect(rtcpAt(lab, 31_000).length).toBeGreaterThan(0);
    expect(rtcpAt(lab, 4000)).toEqual([]);
  });

  it('goes to another host where the peer named one (RFC 3605)', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated({ ...remote, rtcpAddress: '10.0.0.7', rtcpPort: 4500 }));
    leg.play(noise(160 * 500), '');
    await lab.clock.advance(2000);
    expect(rtcpAt(lab, 4500).length).toBeGreaterThan(0);
  });
});

describe('an SSRC that both sides have (RFC 3550 §8.2)', () => {
  it('is given up with a BYE; the stream goes on under another', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    leg.play(noise(160 * 500), '');
    await lab.clock.advance(100);
    const before = (await leg.stats()).sent.ssrc;
    say(lab, leg, 1, before);
    await lab.clock.advance(100);
    const { ssrc } = (await leg.stats()).sent;
    expect(ssrc).not.toBe(before);
    expect(rtcpAt(lab, 4001)).toMatchObject([{ ssrc: before, bye: true }]);
    const heard = rtpAt(lab);
    expect(new Set(heard.map((packet) => packet.ssrc))).toEqual(new Set([before, ssrc]));
    for (const [i, packet] of heard.slice(1).entries()) {
      expect(seqDiff(packet.sequence, heard[i]!.sequence)).toBe(1);
      expect(timestampDiff(packet.timestamp, heard[i]!.timestamp)).toBe(160);
    }
    // Sender reports count what went out under the new one.
    await leg.close();
    expect(lab.sentTo(4001).length).toBeGreaterThanOrEqual(2);
    const last = lab.sentTo(4001).at(-1)!;
    const packets = new DataView(last.buffer, last.byteOffset).getUint32(20);
    expect(packets).toBe(heard.filter((packet) => packet.ssrc === ssrc).length);
  });

  it('is changed once only for a peer that sends back whatever it gets, who is heard', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    leg.play(noise(160 * 500), '');
    const ssrcs = new Set([(await leg.stats()).sent.ssrc]);
    let returned = 0;
    for (let n = 0; n < 50; n++) {
      await lab.clock.advance(20);
      for (const bytes of lab.sentTo(4000).slice(returned)) lab.deliver(bytes, 4000, leg.port);
      returned = lab.sentTo(4000).length;
      ssrcs.add((await leg.stats()).sent.ssrc);
    }
    expect(ssrcs.size).toBe(2);
    expect((await leg.stats()).received.packets).toBe(returned);
  });

  it('is found by a report, too', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const before = (await leg.stats()).sent.ssrc;
    lab.deliver(writeRtcp({ ssrc: before, cname: 'x' }), 4001, leg.rtcpPort);
    expect((await leg.stats()).sent.ssrc).not.toBe(before);
  });
});

describe('stats', () => {
  it('say how a stream sounds, here and there', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await openLeg(lab);
    expect((await leg.stats()).received.mos).toBeUndefined();
    leg.play(noise(160 * 3000), '');
    for (let n = 0; n < 500; n++) {
      if (n % 10 !== 3) say(lab, leg, n);
      await lab.clock.advance(20);
    }
    const { received, sent } = await leg.stats();
    expect(received.mos).toBeGreaterThan(2.8);
    expect(received.mos).toBeLessThan(3.6);
    expect(sent.mos).toBeUndefined();
    lab.deliver(writeRtcp({ ssrc: 77, cname: 'x', report: about(sent.ssrc, 0) }), 4001, leg.rtcpPort);
    expect((await leg.stats()).sent.mos).toBeGreaterThan(4.3);
  });
});
