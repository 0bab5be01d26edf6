/** Lists of sources: one stream without a seam, whatever is in them. */
import { describe, expect, it } from 'vitest';
import { rmsLevel, ToneGenerator, wavHeader } from '../../media/audio/index.ts';
import { codecFor, pcma as pcmaCodec, pcmu as pcmuCodec, samplesIn } from '../../media/codec/index.ts';
import type { MediaLeg } from '../../media/index.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import type { FakeClock } from '../../src/testing/fake-clock.ts';
import { type Lab, openLab } from './support/lab.ts';
import { concat, noise } from './support/open-media.ts';
import { type Heard, negotiated, pcma } from './support/phone.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const hum = { frequencies: [425], cadence: [], level: -20 };

async function openLeg(lab: Lab<FakeClock>): Promise<MediaLeg> {
  const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated(remote));
  await lab.clock.advance(1);
  return leg;
}

const payloadOf = (heard: readonly Heard[]): Uint8Array => concat(heard.map(({ payload }) => payload));

function pcm(length: number, step: number): Int16Array {
  return Int16Array.from({ length }, (_, n) => Math.round(8000 * Math.sin(n * step)));
}

function wav(samples: Int16Array): Uint8Array {
  const data = new Uint8Array(samples.buffer);
  return concat([wavHeader({ sampleRate: 8000, channels: 1, dataBytes: data.length }), data]);
}

function encoded(samples: Int16Array, codec = pcmuCodec()): Uint8Array {
  const out = new Uint8Array(samples.length);
  codec.encode(samples, out);
  return out;
}

function expectSeamless(heard: readonly Heard[], ticks = 160): void {
  expect(heard.filter(({ marker }) => marker)).toHaveLength(1);
  for (let n = 1; n < heard.length; n++) {
    const [before, packet] = [heard[n - 1]!, heard[n]!];
    if (seqDiff(packet.sequence, before.sequence) !== 1 || timestampDiff(packet.timestamp, before.timestamp) !== ticks)
      throw new Error(`a seam before packet ${n}`);
  }
}

describe('a list', () => {
  it('is one stream, byte for byte, though its items end within packets', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const [first, second, third] = [pcm(1001, 0.1), pcm(333, 0.2), pcm(160, 0.3)];
    lab.files.set('/first.wav', wav(first));
    const items = ['/first.wav', { source: new Uint8Array(second.buffer), type: 'audio/pcm' }, wav(third)] as const;
    const playback = leg.play(items, 'audio/wav');
    await lab.clock.advance(1000);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 1494 / 8 });
    const heard = lab.heard(4000);
    expectSeamless(heard);
    expect(payloadOf(heard).slice(0, 1494)).toEqual(encoded(Int16Array.from([...first, ...second, ...third])));
    expect(heard).toHaveLength(Math.ceil(1494 / 160));
  });

  it('holds tones of some length, and streams', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const said = pcm(1234, 0.15);
    async function* chunks() {
      yield new Uint8Array(said.buffer, 0, 1001);
      yield new Uint8Array(said.buffer, 1001);
    }
    const list = [
      { tone: hum, duration: 55 },
      { source: chunks(), type: 'audio/pcm' },
      { tone: hum, duration: 45 },
    ];
    const playback = leg.play(list as never, 'audio/wav');
    await lab.clock.advance(1000);
    await expect(playback.done).resolves.toMatchObject({ end: 'completed', playedMs: 1234 / 8 + 100 });
    const heard = lab.heard(4000);
    expectSeamless(heard);
    expect(payloadOf(heard).slice(440, 440 + 1234)).toEqual(encoded(said));
    const sounded = new Int16Array(440);
    new ToneGenerator(hum, 8000).fill(sounded);
    expect(payloadOf(heard).slice(0, 440)).toEqual(encoded(sounded));
  });

  it('loops over all of it for ten minutes without a gap', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const parts = [noise(4001, 1), noise(799, 2), noise(3201, 3)];
    const playback = leg.play(parts, '', { loop: true });
    await lab.clock.advance(600_000);
    playback.stop();
    await playback.done;
    const heard = lab.heard(4000);
    expect(heard.length).toBeGreaterThanOrEqual(30_000);
    expectSeamless(heard);
    const round = concat(parts);
    const payload = payloadOf(heard);
    for (let at = 0; at + round.length <= payload.length; at += round.length)
      if (Buffer.compare(payload.subarray(at, at + round.length), round) !== 0) throw new Error(`wrong from ${at} on`);
  });

  it('of a stream is heard for ten minutes without a gap, however it is cut', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const sound = noise(8 * 600_000);
    async function* chunks() {
      for (let at = 0, n = 0; at < sound.length; n++) {
        const length = 1 + ((n * 7919) % 5000);
        yield sound.subarray(at, at + length);
        at += length;
      }
    }
    const playback = leg.play([chunks()], '');
    await lab.clock.advance(601_000);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 600_000 });
    const heard = lab.heard(4000);
    expectSeamless(heard);
    expect(Buffer.compare(payloadOf(heard), sound)).toBe(0);
  });

  it('has one position, and can be sought in', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const parts = [noise(1600, 1), noise(1600, 2), noise(1600, 3)];
    const playback = leg.play(parts, '');
    await lab.clock.advance(240);
    expect(await playback.position()).toBe(240);
    playback.seek(500);
    await lab.clock.advance(20);
    playback.seek(100);
    await lab.clock.advance(20);
    playback.stop();
    const payload = payloadOf(lab.heard(4000));
    const all = concat(parts);
    expect(payload.slice(1920, 2080)).toEqual(all.slice(4000, 4160));
    expect(payload.slice(2080, 2240)).toEqual(all.slice(800, 960));
  });

  it('with a stream is played once, whatever was asked for', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    async function* chunks() {
      yield noise(320, 2);
    }
    const playback = leg.play([noise(320, 1), chunks()], '', { loop: 3 });
    await lab.clock.advance(1000);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 80 });
    expect(payloadOf(lab.heard(4000))).toEqual(concat([noise(320, 1), noise(320, 2)]));
  });

  it('goes on in the codec of a re-INVITE where it was', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const [first, second] = [pcm(1600, 0.1), pcm(1600, 0.2)];
    const playback = leg.play([wav(first), wav(second)], 'audio/wav');
    await lab.clock.advance(240);
    leg.negotiate(negotiated(remote, { codec: pcma }));
    await lab.clock.advance(1000);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 400 });
    const heard = lab.heard(4000);
    const inMu = payloadOf(heard.filter(({ payloadType }) => payloadType === 0));
    const inA = payloadOf(heard.filter(({ payloadType }) => payloadType === 8));
    const all = Int16Array.from([...first, ...second]);
    expect(inMu).toEqual(encoded(all).slice(0, inMu.length));
    expect(inA).toEqual(encoded(all, pcmaCodec()).slice(inMu.length));
    expect(inMu.length).toBeGreaterThan(1600);
  });

  it.each([
    [{ name: 'G722', payloadType: 9, clockRate: 8000, channels: 1, fmtp: undefined }, 160, 47],
    // A packet of Opus is of one item.
    [{ name: 'OPUS', payloadType: 111, clockRate: 48_000, channels: 2, fmtp: undefined }, 960, 48],
  ])('is without a seam in $name', async (codec, ticks, packets) => {
    await using lab = await openLab({ opus: true });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote, { codec }));
    const said = pcm(2400, 0.2);
    async function* chunks() {
      yield new Uint8Array(said.buffer);
    }
    const stream = { source: chunks(), type: 'audio/pcm', sampleRate: 8000 } as const;
    const playback = leg.play([wav(pcm(4040, 0.1)), { tone: hum, duration: 130 }, stream], 'audio/wav');
    await lab.clock.advance(2000);
    await expect(playback.done).resolves.toMatchObject({ end: 'completed' });
    const heard = lab.heard(4000);
    expect(heard).toHaveLength(packets);
    expectSeamless(heard, ticks);
    const decoder = codecFor(codec)!;
    const levels = heard.map(({ payload }) => {
      const samples = new Int16Array(samplesIn(decoder, payload.length));
      decoder.decode(payload, samples);
      return rmsLevel(samples);
    });
    decoder.close?.();
    // All of it sounds, but for the first packet, in which a codec finds its way, and the last.
    expect(Math.min(...levels.slice(1, -1))).toBeGreaterThan(-35);
  });

  it('is part of a snapshot, and goes on in a leg that is made of it', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const samples = [pcm(800, 0.1), pcm(1600, 0.2)];
    lab.files.set('/0.wav', wav(samples[0]!));
    lab.files.set('/1.wav', wav(samples[1]!));
    leg.play(['/0.wav', { tone: hum, duration: 100 }, '/1.wav'], 'audio/wav');
    await lab.clock.advance(239);
    const snapshot = structuredClone(await leg.handOver());
    const before = lab.heard(4000).length;
    await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a', snapshot });
    await lab.clock.advance(1000);
    const payload = payloadOf(lab.heard(4000));
    expect(before).toBe(12);
    expect(payload).toHaveLength(3200);
    expect(payload.slice(1600)).toEqual(encoded(samples[1]!));
  });

  it('says what is wrong with an item before any is heard, and plays an empty list to its end', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const fails = async (items: readonly unknown[], code: string): Promise<void> => {
      const { done } = leg.play(items as never, 'audio/wav');
      await expect(done).rejects.toMatchObject({ code });
    };
    await fails([wav(pcm(800, 0.1)), '/nothing.wav'], 'ERR_FILE');
    await fails([wav(pcm(800, 0.1)), noise(100)], 'ERR_AUDIO_FORMAT');
    await fails([{ nothing: 1 }], 'ERR_ARGUMENT');
    await fails([{ tone: hum, duration: Number.NaN }], 'ERR_ARGUMENT');
    await fails(Array(1001).fill(hum), 'ERR_ARGUMENT');
    const empty = leg.play([], 'audio/wav', { loop: true });
    await lab.clock.advance(100);
    await expect(empty.done).resolves.toEqual({ end: 'completed', playedMs: 0 });
    expect(lab.heard(4000)).toEqual([]);
  });

  it('rejects when a stream in it breaks, behind what was heard before', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    async function* broken() {
      yield noise(160, 2);
      await new Promise<void>((resolve) => lab.clock.setTimer(200, resolve));
      throw new Error('cut');
    }
    const { done } = leg.play([noise(320, 1), broken(), noise(320, 3)], '');
    const failed = expect(done).rejects.toMatchObject({ code: 'ERR_FILE' });
    await lab.clock.advance(1000);
    await failed;
    expect(payloadOf(lab.heard(4000))).toEqual(concat([noise(320, 1), noise(160, 2)]));
  });
});
