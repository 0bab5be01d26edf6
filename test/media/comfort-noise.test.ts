/** Comfort noise (RFC 3389) between legs: passed on, made, described and left out, as each side agreed. */
import { beforeAll, describe, expect, it } from 'vitest';
import { codecFor, loadOpus } from '../../media/codec/index.ts';
import type { Codec, NegotiatedAudio } from '../../media/index.ts';
import { level } from './jitter/stream.ts';
import { openLab } from './support/lab.ts';
import { noise } from './support/open-media.ts';
import { negotiated, pcma, rtpBytes } from './support/phone.ts';
import { speech } from './support/speech.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const other = { address: '10.0.0.1', port: 5000, rtcpPort: 5001 };
const comfortNoise = { sendPayloadType: 13, receivePayloadType: 13 };
const mapped = { sendPayloadType: 97, receivePayloadType: 98 };
const opus: Codec = { name: 'OPUS', payloadType: 111, clockRate: 48_000, channels: 2, fmtp: 'usedtx=1' };

beforeAll(() => loadOpus());

async function bridged(a: Partial<NegotiatedAudio>, b: Partial<NegotiatedAudio>) {
  const lab = await openLab({ opus: true });
  const first = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  const second = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b', beside: first });
  first.negotiate(negotiated(remote, a));
  second.negotiate(negotiated(other, b));
  const bridge = lab.media.createBridge({ transcode: true });
  bridge.add(first);
  bridge.add(second);
  await lab.clock.advance(1);
  const say = async (sequence: number, timestamp: number, payload: Uint8Array, payloadType: number): Promise<void> => {
    lab.deliver(rtpBytes({ sequence, timestamp, payload, payloadType }), 4000, first.port);
    await lab.clock.advance(20);
  };
  return { lab, first, second, say };
}

describe('in a bridge of one codec', () => {
  /** Two packets, noise, and after 2 s two more. */
  async function pause(b: Partial<NegotiatedAudio>) {
    const { lab, say } = await bridged({ comfortNoise: mapped }, b);
    await using _lab = lab;
    await say(1, 0, noise(160, 1), 0);
    await say(2, 160, noise(160, 2), 0);
    await say(3, 320, Uint8Array.of(48, 90), 98);
    await lab.clock.advance(2000);
    await say(4, 16_480, noise(160, 3), 0);
    return lab.heard(5000).map(({ payloadType, payload, sequence, timestamp }) => ({
      payloadType,
      length: payload.length,
      sequence: (sequence - lab.heard(5000)[0]!.sequence) & 0xffff,
      timestamp: (timestamp - lab.heard(5000)[0]!.timestamp) >>> 0,
    }));
  }

  it('noise goes from one that has it to the other, under its payload type there', async () => {
    expect(await pause({ comfortNoise: { sendPayloadType: 19, receivePayloadType: 13 } })).toEqual([
      { payloadType: 0, length: 160, sequence: 0, timestamp: 0 },
      { payloadType: 0, length: 160, sequence: 1, timestamp: 160 },
      { payloadType: 19, length: 2, sequence: 2, timestamp: 320 },
      { payloadType: 0, length: 160, sequence: 3, timestamp: 16_480 },
    ]);
  });

  it('it is left out where the other did not agree to it: a pause, and no packet is missing', async () => {
    expect(await pause({})).toEqual([
      { payloadType: 0, length: 160, sequence: 0, timestamp: 0 },
      { payloadType: 0, length: 160, sequence: 1, timestamp: 160 },
      { payloadType: 0, length: 160, sequence: 2, timestamp: 16_480 },
    ]);
  });
});

describe('in a bridge that converts', () => {
  it('noise is heard by one that knows none', async () => {
    const { lab, say } = await bridged({ comfortNoise }, { codec: pcma });
    await using _lab = lab;
    for (let i = 0; i < 5; i++) await say(i, i * 160, noise(160, i), 0);
    await say(5, 800, Uint8Array.of(45), 13);
    await lab.clock.advance(3000);
    const heard = lab.heard(5000);
    expect(heard.every(({ payloadType }) => payloadType === 8)).toBe(true);
    expect(heard.length).toBeGreaterThan(150);
    const samples = new Int16Array(160);
    for (const { payload } of heard.slice(-100)) {
      codecFor(pcma)!.decode(payload, samples);
      expect(Math.abs(level(samples) + 45)).toBeLessThan(3);
    }
  });

  it('noise goes through as it was described where both have it', async () => {
    const { lab, say } = await bridged({ comfortNoise }, { codec: pcma, comfortNoise: mapped });
    await using _lab = lab;
    for (let i = 0; i < 5; i++) await say(i, i * 160, noise(160, i), 0);
    await say(5, 800, Uint8Array.of(45, 100, 120), 13);
    await lab.clock.advance(500);
    const heard = lab.heard(5000);
    expect(heard.map(({ payloadType }) => payloadType)).toEqual([...Array(5).fill(8), 97]);
    expect(heard.at(-1)!.payload).toEqual(Uint8Array.of(45, 100, 120));
    expect((heard[5]!.timestamp - heard[4]!.timestamp) >>> 0).toBe(160);
  });

  it('what Opus does not send in silence is described to one that takes noise, and sent as silence to others', async () => {
    const through = async (b: Partial<NegotiatedAudio>): Promise<readonly number[]> => {
      const { lab, say } = await bridged({ codec: opus }, b);
      await using _lab = lab;
      const encoder = codecFor(opus, { live: true })!;
      const said = new Int16Array(48_000 * 4);
      said.set(speech(48_000, 1));
      const out = new Uint8Array(1500);
      let sequence = 0;
      for (let i = 0; i < 200; i++) {
        const bytes = encoder.encode(said.subarray(i * 960, (i + 1) * 960), out);
        if (bytes > 0) await say(sequence++, i * 960, out.slice(0, bytes), 111);
        else await lab.clock.advance(20);
      }
      encoder.close?.();
      return lab.heard(5000).map(({ payloadType }) => payloadType);
    };
    const [without, described] = [await through({}), await through({ comfortNoise })];
    expect(without.every((type) => type === 0)).toBe(true);
    expect(without.length).toBeGreaterThan(190);
    expect(described.filter((type) => type === 13).length).toBeGreaterThan(2);
    expect(described.length).toBeLessThan(160);
  });
});

describe('a leg with nothing to send', () => {
  async function played(audio: Partial<NegotiatedAudio>) {
    const lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote, audio));
    await lab.clock.advance(1000);
    expect(lab.heard(4000)).toEqual([]);
    leg.play(noise(320), '');
    await lab.clock.advance(1000);
    leg.play(noise(160), '');
    await lab.clock.advance(1000);
    return { lab, heard: lab.heard(4000) };
  }

  it('says so once behind what it sent, where the peer agreed to that', async () => {
    const { lab, heard } = await played({ comfortNoise: mapped });
    await using _lab = lab;
    expect(heard.map(({ payloadType }) => payloadType)).toEqual([0, 0, 97, 0, 97]);
    expect(heard.map(({ marker }) => marker)).toEqual([true, false, false, true, false]);
    expect((heard[2]!.timestamp - heard[1]!.timestamp) >>> 0).toBe(160);
    const gap = (heard[3]!.timestamp - heard[2]!.timestamp) >>> 0;
    expect(gap).toBeGreaterThan(7000);
    for (const [i, { sequence }] of heard.entries()) expect(sequence).toBe((heard[0]!.sequence + i) & 0xffff);
  });

  it('is silent where it did not, and on hold', async () => {
    const { lab, heard } = await played({});
    await using _lab = lab;
    expect(heard.map(({ payloadType }) => payloadType)).toEqual([0, 0, 0]);
    const held = await played({ comfortNoise: mapped, direction: 'recvonly' });
    await using _held = held.lab;
    expect(held.heard).toEqual([]);
  });
});
