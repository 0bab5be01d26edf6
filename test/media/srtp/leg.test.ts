/** A leg with SRTP in the lab; the peer is a pair of contexts. */
import { describe, expect, it } from 'vitest';
import type { MediaLeg, NegotiatedAudio, SrtpParameters } from '../../../media/index.ts';
import { readRtcp } from '../../../media/rtp/rtcp.ts';
import { seqDiff } from '../../../media/rtp/sequence.ts';
import type { SrtpMasterKey, SrtpProfile } from '../../../media/srtp/profiles.ts';
import { newMasterKey } from '../../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../../media/srtp/receiver.ts';
import { SrtpSender } from '../../../media/srtp/sender.ts';
import type { FakeClock } from '../../../src/testing/index.ts';
import { seededRandom } from '../../../src/testing/index.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { noise } from '../support/open-media.ts';
import { type Heard, negotiated, parseRtp, rtpBytes } from '../support/phone.ts';
import { hex } from './support.ts';

const random = seededRandom(9);
const profile: SrtpProfile = 'AES_CM_128_HMAC_SHA1_80';
const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };

const newKey = (of: SrtpProfile = profile): SrtpMasterKey => ({
  inline: newMasterKey(of, random),
  mki: '',
  lifetime: undefined,
});

const newKeys = (of: SrtpProfile = profile): SrtpParameters => ({
  profile: of,
  local: newKey(of),
  remote: [newKey(of)],
});

const secure = (srtp: SrtpParameters): NegotiatedAudio => ({ ...negotiated(remote), srtp });

/** The other end of a leg: speaks from port 4000 and understands what goes there. */
class Peer {
  readonly #lab: Lab<FakeClock>;
  readonly #port: number;
  readonly #sender: SrtpSender;
  readonly #receiver: SrtpReceiver;
  #read = 0;
  #readRtcp = 0;
  sequence = 100;

  constructor(lab: Lab<FakeClock>, leg: MediaLeg, { profile: of, local, remote: [own] }: SrtpParameters, port = 4000) {
    this.#lab = lab;
    this.#port = port;
    this.#to = leg.port;
    this.#sender = SrtpSender.create(of, own!);
    this.#receiver = SrtpReceiver.create(of, [local]);
  }

  readonly #to: number;

  /** @returns the packet as it went */
  say(payload: Uint8Array, port = this.#port): Uint8Array {
    const sequence = this.sequence++;
    const bytes = rtpBytes({ sequence, timestamp: sequence * 160, payload });
    const sealed = Uint8Array.from(this.#sender.rtp(bytes, 0, bytes.length)!.subarray(0, this.#sender.length));
    this.#lab.deliver(sealed, port, this.#to);
    return sealed;
  }

  report(compound: Uint8Array): void {
    const sealed = Uint8Array.from(this.#sender.rtcp(compound, 0, compound.length)!.subarray(0, this.#sender.length));
    this.#lab.deliver(sealed, 4001, this.#to + 1);
  }

  /** What came since, decrypted. */
  hear(): Heard[] {
    const news = this.#lab.sentTo(this.#port).slice(this.#read);
    this.#read += news.length;
    return news.map((bytes) => {
      const packet = Uint8Array.from(bytes);
      const length = this.#receiver.rtp(packet, 0, packet.length);
      expect(length).toBe(bytes.length - 10);
      return parseRtp(packet.subarray(0, length));
    });
  }

  reports(): Uint8Array[] {
    const news = this.#lab.sentTo(4001).slice(this.#readRtcp);
    this.#readRtcp += news.length;
    return news.map((bytes) => {
      const packet = Uint8Array.from(bytes);
      return packet.subarray(0, this.#receiver.rtcp(packet, 0, packet.length));
    });
  }
}

const payloads = (heard: readonly Heard[]): string[] => heard.map(({ payload }) => hex(payload));
const noises = (...seeds: number[]): string[] => seeds.map((seed) => hex(noise(160, seed)));

const newLeg = (lab: Lab<FakeClock>): Promise<MediaLeg> =>
  lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });

const problemsOf = (leg: MediaLeg): string[] => {
  const problems: string[] = [];
  leg.onSrtp = ({ problem }) => problems.push(problem);
  return problems;
};

describe('SRTP', () => {
  it('is what is played and what is echoed, in both directions', async () => {
    await using lab = await openLab();
    const leg = await newLeg(lab);
    const keys = newKeys();
    leg.negotiate(secure(keys));
    const peer = new Peer(lab, leg, keys);
    const prompt = noise(160 * 5);
    leg.play(prompt, '');
    await lab.clock.advance(120);
    expect(Buffer.concat(peer.hear().map(({ payload }) => payload))).toEqual(Buffer.from(prompt));
    leg.echo(true);
    await lab.clock.advance(1);
    const words = noise(160, 4);
    const sent = peer.say(words);
    await lab.clock.advance(1);
    const wire = lab.sentTo(4000).at(-1)!;
    expect(payloads(peer.hear())).toEqual([hex(words)]);
    for (const bytes of [sent, wire]) expect(hex(bytes)).not.toContain(hex(words).slice(0, 16));
    expect(await leg.stats()).toMatchObject({ srtp: { profile, failed: 0, replayed: 0 }, received: { packets: 1 } });
  });

  it('goes over a bridge to plain RTP and back, and is recorded in the clear', async () => {
    await using lab = await openLab();
    const [a, b] = [await newLeg(lab), await newLeg(lab)];
    const keys = newKeys();
    a.negotiate(secure(keys));
    b.negotiate(negotiated({ address: '10.0.0.2', port: 5000, rtcpPort: 5001 }));
    const bridge = lab.media.createBridge();
    bridge.add(a);
    bridge.add(b);
    const recording = a.record('/a.wav', { direction: 'out' });
    const peer = new Peer(lab, a, keys);
    await lab.clock.advance(1);
    const words = [1, 2, 3].map((seed) => noise(160, seed));
    for (const one of words) peer.say(one);
    for (const [i, payload] of words.entries())
      lab.deliver(rtpBytes({ sequence: 7 + i, timestamp: i * 160, payload }), 5000, b.port);
    await lab.clock.advance(60);
    expect(payloads(lab.heard(5000))).toEqual(noises(1, 2, 3));
    expect(payloads(peer.hear())).toEqual(noises(1, 2, 3));
    const { durationMs } = await recording.close();
    expect(durationMs).toBeGreaterThan(0);
    bridge.close();
  });

  it('has RTCP under it', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await newLeg(lab);
    const keys = newKeys('AEAD_AES_256_GCM');
    leg.negotiate(secure(keys));
    const peer = new Peer(lab, leg, keys);
    await lab.clock.advance(1);
    peer.report(hex('80c9000100001234'));
    await lab.clock.advance(2000);
    const [report] = peer.reports();
    expect(readRtcp(report!)?.cname).toMatch(/^[0-9a-f]+$/);
    expect((await leg.stats()).rtcp).toMatchObject({ received: 1 });
    lab.deliver(hex('80c9000100001234'), 4001, leg.rtcpPort);
    await lab.clock.advance(1);
    expect(await leg.stats()).toMatchObject({ rtcp: { received: 1 }, srtp: { failed: 1 } });
  });

  it('latches on what is authenticated, whoever else sends', async () => {
    await using lab = await openLab();
    const leg = await newLeg(lab);
    const keys = newKeys();
    leg.negotiate(secure(keys));
    leg.echo(true);
    const peer = new Peer(lab, leg, keys);
    const forger = new Peer(lab, leg, { ...keys, remote: [newKey()] });
    await lab.clock.advance(1);
    for (let i = 0; i < 4; i++) {
      forger.say(noise(160, i), 6000);
      lab.deliver(rtpBytes({ sequence: i, timestamp: 0, payload: noise(160) }), 6000, leg.port);
    }
    await lab.clock.advance(1);
    expect((await leg.stats()).latched).toBeUndefined();
    const copy = peer.say(noise(160), 4444);
    peer.say(noise(160, 2), 4444);
    for (let i = 0; i < 3; i++) lab.deliver(copy, 6000, leg.port);
    await lab.clock.advance(1);
    expect(await leg.stats()).toMatchObject({
      latched: { address: '10.0.0.1', port: 4444 },
      received: { packets: 2 },
      srtp: { failed: 8, replayed: 3 },
    });
    expect(lab.sentTo(6000)).toEqual([]);
  });

  it('tells once that the key does not fit, and hears none of it', async () => {
    await using lab = await openLab();
    const leg = await newLeg(lab);
    const keys = newKeys();
    leg.negotiate(secure(keys));
    leg.echo(true);
    const problems = problemsOf(leg);
    const wrong = new Peer(lab, leg, { ...keys, remote: [newKey()] });
    await lab.clock.advance(1);
    for (let i = 0; i < 49; i++) wrong.say(noise(160, i));
    await lab.clock.advance(1);
    expect(problems).toEqual([]);
    for (let i = 0; i < 100; i++) wrong.say(noise(160, i));
    await lab.clock.advance(1);
    expect(problems).toEqual(['key-mismatch']);
    expect(lab.sentTo(4000)).toEqual([]);
    expect(await leg.stats()).toMatchObject({ received: { packets: 0 }, srtp: { failed: 149 } });
  });

  it('stops sending when the key has served its time, and says so once', async () => {
    await using lab = await openLab();
    const leg = await newLeg(lab);
    const keys = newKeys();
    leg.negotiate(secure({ ...keys, local: { ...keys.local, lifetime: 3 } }));
    const problems = problemsOf(leg);
    leg.play(noise(160 * 10), '');
    await lab.clock.advance(300);
    expect(lab.sentTo(4000)).toHaveLength(3);
    expect(problems).toEqual(['key-expired']);
  });

  it('is kept over a new offer and answer: the same keys go on counting, a new key of the peer is taken', async () => {
    await using lab = await openLab();
    const leg = await newLeg(lab);
    const keys = newKeys();
    leg.negotiate(secure(keys));
    leg.echo(true);
    const peer = new Peer(lab, leg, keys);
    await lab.clock.advance(1);
    const copy = peer.say(noise(160, 1));
    leg.negotiate(secure(structuredClone(keys)));
    await lab.clock.advance(1);
    lab.deliver(copy, 4000, leg.port);
    peer.say(noise(160, 2));
    expect(payloads(peer.hear())).toEqual(noises(1, 2));
    const next = { ...keys, remote: [newKey()] };
    leg.negotiate(secure(next));
    await lab.clock.advance(1);
    // What was under way, then the first under the new key, and nothing of the old one from then on.
    peer.say(noise(160, 3));
    expect(payloads(peer.hear())).toEqual(noises(3));
    const renewed = new Peer(lab, leg, next);
    renewed.sequence = peer.sequence;
    renewed.say(noise(160, 4));
    peer.sequence = renewed.sequence;
    peer.say(noise(160, 5));
    expect(payloads(peer.hear())).toEqual(noises(4));
    expect((await leg.stats()).srtp).toMatchObject({ failed: 1, replayed: 1 });
  });

  it('goes on from a snapshot without an index used twice', async () => {
    await using lab = await openLab();
    const leg = await newLeg(lab);
    const keys = newKeys();
    leg.negotiate(secure(keys));
    leg.echo(true);
    const peer = new Peer(lab, leg, keys);
    await lab.clock.advance(1);
    for (let i = 0; i < 5; i++) peer.say(noise(160, i));
    const snapshot = JSON.parse(JSON.stringify(await leg.snapshot()));
    // Nobody knows of these.
    for (let i = 0; i < 5; i++) peer.say(noise(160, i));
    await lab.clock.advance(100);
    await leg.handOver();
    const again = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a', snapshot });
    const before = peer.hear();
    expect(before).toHaveLength(10);
    peer.say(noise(160, 20));
    const [after] = peer.hear();
    expect(payloads([after!])).toEqual(noises(20));
    expect(after?.ssrc).toBe(before[0]?.ssrc);
    expect(seqDiff(after!.sequence, before.at(-1)!.sequence)).toBeGreaterThan(1);
    expect(seqDiff(after!.sequence, before.at(-1)!.sequence)).toBeLessThan(100);
    // The same keys once more, as a re-INVITE brings them, change nothing.
    again.negotiate(secure(keys));
    await lab.clock.advance(1);
    peer.say(noise(160, 21));
    expect(payloads(peer.hear())).toEqual(noises(21));
  });
});
