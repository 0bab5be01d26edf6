/** A bridge that converts, over a network that loses packets and delays them unevenly: what the other side hears. */
import { beforeAll, describe, expect, it } from 'vitest';
import { codecFor, loadOpus } from '../../media/codec/index.ts';
import type { Codec, LegStats } from '../../media/index.ts';
import { chance, fraction, seededRandom } from '../../src/testing/index.ts';
import { level, longestSilence, voice } from './jitter/stream.ts';
import { openLab, openLabOn } from './support/lab.ts';
import { type Heard, negotiated, parseRtp, pcma, pcmu, rtpBytes } from './support/phone.ts';
import { correlation, speech } from './support/speech.ts';
import { StallingClock } from './support/stalling-clock.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const other = { address: '10.0.0.1', port: 5000, rtcpPort: 5001 };
const opus: Codec = { name: 'OPUS', payloadType: 111, clockRate: 48_000, channels: 2, fmtp: 'useinbandfec=1' };
const seed = 7;

beforeAll(() => loadOpus());

interface Result {
  /** With the ms at which it went out. */
  readonly packets: readonly (Heard & { readonly at: number })[];
  /** In its place by timestamp: what does not come is a hole. */
  readonly samples: Int16Array;
  readonly rate: number;
  readonly lost: number;
  readonly stats: LegStats;
}

/** What is said in packets of 20 ms into one leg, and what comes out of the other. */
async function through(from: Codec, to: Codec, said: Int16Array, loss: number, jitter: number): Promise<Result> {
  await using lab = await openLab({ opus: true });
  const first = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  const second = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b', beside: first });
  first.negotiate(negotiated(remote, { codec: from }));
  second.negotiate(negotiated(other, { codec: to }));
  const bridge = lab.media.createBridge({ transcode: true });
  bridge.add(first);
  bridge.add(second);
  await lab.clock.advance(3);
  const encoder = codecFor(from, { live: true })!;
  encoder.expectLoss?.(loss * 100);
  const random = seededRandom(seed);
  const samples = encoder.sampleRate / 50;
  const count = said.length / samples;
  const out = new Uint8Array(1500);
  const sent: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  for (let i = 0; i < count; i++) {
    const payload = out.slice(0, encoder.encode(said.subarray(i * samples, (i + 1) * samples), out));
    const timestamp = (i * from.clockRate) / 50;
    const at = i * 20 + fraction(random) * jitter;
    if (i < 5 || !chance(random, loss))
      sent.push({ at, bytes: rtpBytes({ payloadType: from.payloadType, sequence: i, timestamp, payload }) });
  }
  encoder.close?.();
  const packets: (Heard & { readonly at: number })[] = [];
  const waiting = sent.toSorted((a, b) => a.at - b.at);
  for (let ms = 0; ms < count * 20; ms++) {
    while (waiting[0] && waiting[0].at <= ms) lab.deliver(waiting.shift()!.bytes, 4000, first.port);
    await lab.clock.advance(1);
    for (const bytes of lab.sentTo(5000).slice(packets.length)) packets.push({ ...parseRtp(bytes), at: ms });
  }
  const decoder = codecFor(to)!;
  const rate = decoder.sampleRate;
  const heard = new Int16Array(said.length * (rate / encoder.sampleRate));
  const frame = new Int16Array(rate / 10);
  for (const { payload, timestamp } of packets) {
    const length = decoder.decode(payload, frame);
    const at = (((timestamp - packets[0]!.timestamp) >>> 0) * rate) / to.clockRate;
    heard.set(frame.subarray(0, Math.min(length, heard.length - at)), at);
  }
  decoder.close?.();
  const last = packets.at(-1)!;
  const end = (((last.timestamp - packets[0]!.timestamp) >>> 0) * rate) / to.clockRate;
  return { packets, samples: heard.subarray(0, end), rate, lost: count - sent.length, stats: await first.stats() };
}

const pairs: [string, Codec, Codec][] = [
  ['Opus to PCMU', opus, pcmu],
  ['PCMU to Opus', pcmu, opus],
  ['PCMU to PCMA', pcmu, pcma],
];
const sampleRate = (codec: Codec): number => codecFor(codec)!.sampleRate;

describe(`a bridge that converts (seed ${seed})`, () => {
  it.each(
    pairs,
  )('%s: with 10 % loss and 60 ms of jitter it is even, without a gap, and as loud', async (_, from, to) => {
    const { packets, samples, rate, lost } = await through(
      from,
      to,
      voice(sampleRate(from) * 10, sampleRate(from)),
      0.1,
      60,
    );
    expect(lost).toBeGreaterThan(30);
    for (let i = 1; i < packets.length; i++) {
      expect((packets[i]!.sequence - packets[i - 1]!.sequence) & 0xffff).toBe(1);
      expect((packets[i]!.timestamp - packets[i - 1]!.timestamp) >>> 0).toBe(to.clockRate / 50);
      expect(packets[i]!.at - packets[i - 1]!.at).toBe(20);
    }
    expect(longestSilence(samples)).toBeLessThan(rate / 50);
    expect(Math.abs(level(samples) - level(voice(rate * 10, rate)))).toBeLessThan(1.5);
  });

  it.each(pairs)('%s: without loss it is the same speech', async (_, from, to) => {
    const { samples, rate, packets } = await through(from, to, speech(sampleRate(from), 4), 0, 10);
    expect(correlation(speech(rate, 4), samples, rate)).toBeGreaterThan(0.95);
    // The network's delay, what an even stream is kept, and the beat.
    expect(packets[0]!.at).toBeLessThan(50);
  });

  it('is as late as before soon after a stall of ours, and makes up for it', async () => {
    const clock = new StallingClock();
    await using lab = await openLabOn(clock);
    const first = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const second = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b', beside: first });
    first.negotiate(negotiated(remote));
    second.negotiate(negotiated(other, { codec: pcma }));
    const bridge = lab.media.createBridge({ transcode: true });
    bridge.add(first);
    bridge.add(second);
    await first.stats();
    // One packet of a tone in silence, 300 ms behind the stall.
    const [quiet, loud] = [new Uint8Array(160).fill(0xff), new Uint8Array(160)];
    let wentOut = -1;
    for (let n = 0; n < 80; n++) {
      // The beat of 240 ms comes first; then the packets of all that time are read.
      if (n === 40) clock.jump(800 + 240);
      const packet = { sequence: n, timestamp: n * 160, payload: n === 67 ? loud : quiet };
      lab.deliver(rtpBytes(packet), 4000, first.port);
      if (n < 40 || n > 52) clock.jump(n * 20 + 20);
      await first.stats();
      const newest = lab.heard(5000).at(-1);
      if (wentOut < 0 && newest?.payload.some((byte) => byte !== 0xd5 && byte !== 0x55)) wentOut = n;
    }
    expect(wentOut - 67).toBeLessThanOrEqual(3);
    expect(wentOut).toBeGreaterThanOrEqual(67);
    // And nothing of the stall is missing.
    const heard = lab.heard(5000);
    const timestamps = heard.map(({ timestamp }) => (timestamp - heard[0]!.timestamp) >>> 0);
    expect(timestamps).toEqual(heard.map((_, i) => i * 160));
    expect(heard.length).toBeGreaterThan(75);
  });
});
