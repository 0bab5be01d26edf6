/** The jitter buffer where it is used: in a leg to whose audio somebody listens. */
import { describe, expect, it } from 'vitest';
import { readWav } from '../../../media/audio/index.ts';
import type { AudioReader, LegStats, MediaLeg, MediaOptions } from '../../../media/index.ts';
import type { FakeClock } from '../../../src/testing/index.ts';
import { type Lab, openLab, openLabOn } from '../support/lab.ts';
import { negotiated, rtpBytes } from '../support/phone.ts';
import { StallingClock } from '../support/stalling-clock.ts';
import { encoded, level, longestSilence, packets, throughCodec, voice } from './stream.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };

async function openLeg(lab: Lab<FakeClock>): Promise<MediaLeg> {
  const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated(remote));
  await lab.clock.advance(1);
  return leg;
}

/** All that a reader hears while `during` lasts. */
async function listen(reader: AudioReader, during: () => Promise<void>): Promise<Int16Array> {
  const frames: Int16Array[] = [];
  const reading = (async () => {
    for await (const frame of reader) frames.push(frame);
  })();
  await during();
  reader.close();
  await reading;
  return Int16Array.from(frames.flatMap((frame) => [...frame]));
}

async function through(options: MediaOptions, network: Parameters<typeof packets>[1]) {
  await using lab = await openLab(options);
  const leg = await openLeg(lab);
  const sent = packets(voice(8000 * 20), network);
  let stats: LegStats | undefined;
  const heard = await listen(leg.reader(), async () => {
    const start = lab.clock.now();
    for (const { at, ...packet } of sent) {
      await lab.clock.advance(Math.max(0, start + at - lab.clock.now()));
      lab.deliver(rtpBytes(packet), 4000, leg.port);
    }
    stats = await leg.stats();
    await lab.clock.advance(40);
  });
  return { heard, sent, received: stats?.received };
}

describe('a tap', () => {
  it('hears a lossy, uneven stream without holes, and its stats tell how', async () => {
    const { heard, sent, received } = await through({}, { loss: 0.1, jitter: 60, seed: 4 });
    const lost = 1000 - sent.length;
    const jitterBuffer = received?.jitterBuffer;
    expect(received?.packets).toBe(sent.length);
    expect(jitterBuffer?.targetMs).toBeGreaterThan(50);
    expect(jitterBuffer?.concealedMs).toBeGreaterThanOrEqual((lost - 10) * 20);
    expect(jitterBuffer?.concealedMs).toBeLessThanOrEqual((lost + 30) * 20);
    expect(Math.abs(level(heard) - level(throughCodec(voice(8000 * 20))))).toBeLessThan(0.6);
    expect(longestSilence(heard)).toBeLessThan(160 * 3);
  });

  it('hears every sample of a steady one, as late as it was told to', async () => {
    const { heard, received } = await through({ jitterBuffer: { mode: 'fixed', min: 100 } }, {});
    expect(received?.jitterBuffer).toMatchObject({ targetMs: 100, late: 0, dropped: 0, concealedMs: 0 });
    const clean = throughCodec(voice(8000 * 20));
    expect(heard).toEqual(clean.subarray(0, heard.length));
    expect(heard.length).toBeGreaterThan(8 * (20_000 - 200));
  });

  it('hears the noise of a peer that is silent, negotiated or not', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const payload = encoded(voice(1600));
    const heard = await listen(leg.reader(), async () => {
      await leg.stats();
      for (let n = 0; n < 10; n++) {
        const packet = { sequence: n, timestamp: n * 160, payload: payload.subarray(n * 160, n * 160 + 160) };
        lab.deliver(rtpBytes(packet), 4000, leg.port);
        await lab.clock.advance(20);
      }
      const described = { sequence: 10, timestamp: 1600, payloadType: 13, payload: Uint8Array.of(40) };
      lab.deliver(rtpBytes(described), 4000, leg.port);
      await lab.clock.advance(1000);
    });
    expect(Math.abs(level(heard.subarray(2400)) + 40)).toBeLessThan(1);
    expect((await leg.stats()).received.invalid).toBe(0);
  });

  it('loses nothing to a stall of ours: what came meanwhile is heard behind it', async () => {
    const clock = new StallingClock();
    await using lab = await openLabOn(clock, { jitterBuffer: { mode: 'fixed', min: 60 } });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const payload = encoded(voice(8000 * 2));
    const deliver = (n: number): void => {
      const packet = { sequence: n, timestamp: n * 160, payload: payload.subarray(n * 160, n * 160 + 160) };
      lab.deliver(rtpBytes(packet), 4000, leg.port);
    };
    let stats: LegStats | undefined;
    const heard = await listen(leg.reader(), async () => {
      await leg.stats();
      for (let n = 0; n < 100; n++) {
        // The beat of 240 ms comes first; then the packets of all that time are read.
        if (n === 40) clock.jump(800 + 240);
        deliver(n);
        if (n < 40 || n > 52) clock.jump(n * 20 + 20);
        stats = await leg.stats();
      }
    });
    expect(stats?.received.jitterBuffer).toMatchObject({ late: 0, dropped: 0, concealedMs: 0 });
    expect(heard).toEqual(throughCodec(voice(8000 * 2)).subarray(0, heard.length));
    expect(heard.length).toBeGreaterThan(8 * 1800);
  });

  it('that is closed leaves the leg with nothing to do', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const reader = leg.reader();
    await lab.clock.advance(40);
    const busy = lab.clock.pendingTimers().length;
    reader.close();
    await lab.clock.advance(40);
    expect(lab.clock.pendingTimers().length).toBe(busy - 1);
    expect((await leg.stats()).received.jitterBuffer).toBeUndefined();
  });

  it('begins anew after hold: nothing of before is heard behind it', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const loud = encoded(voice(160));
    const heard = await listen(leg.reader(), async () => {
      await leg.stats();
      lab.deliver(rtpBytes({ sequence: 1, timestamp: 160, payload: loud }), 4000, leg.port);
      leg.negotiate(negotiated(remote, { direction: 'sendonly' }));
      await lab.clock.advance(400);
      leg.negotiate(negotiated(remote));
      await lab.clock.advance(400);
    });
    expect(heard.length).toBe(0);
  });
});

describe('a recording', () => {
  it.each([400, -400])('keeps time with our clock when the peer’s is off by %i ppm', async (drift) => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    // 50 ms of a tone at each second of the peer.
    const beeps = Int16Array.from({ length: 8000 * 300 }, (_, i) =>
      i % 8000 < 400 ? Math.round(9000 * Math.sin((2 * Math.PI * 500 * i) / 8000)) : 0,
    );
    const recording = leg.record('call.wav', { direction: 'in', channels: 1 });
    await leg.stats();
    const start = lab.clock.now();
    for (const { at, ...packet } of packets(beeps, { drift, jitter: 10 })) {
      await lab.clock.advance(Math.max(0, start + at - lab.clock.now()));
      lab.deliver(rtpBytes(packet), 4000, leg.port);
    }
    await recording.close();
    const wav = readWav(lab.files.get('call.wav'));
    if (!wav.ok) throw new Error(wav.error);
    const { data } = wav.value;
    const samples = new Int16Array(data.slice().buffer, 0, data.length >> 1);
    const onsets: number[] = [];
    for (let i = 0; i < samples.length; i++)
      if (Math.abs(samples[i]!) > 3000) {
        onsets.push(i / 8);
        i += 4000;
      }
    expect(onsets).toHaveLength(300);
    // By its own clock the peer would be 120 ms off in the end.
    const off = onsets.map((at, n) => at - onsets[0]! - n * 1000 * (1 + drift / 1e6));
    expect(Math.max(...off) - Math.min(...off)).toBeLessThan(60);
    expect(Math.abs(off.at(-1)!)).toBeLessThan(40);
  });
});

describe('the settings', () => {
  it.each([
    [{ mode: 'other' as 'fixed' }, /jitterBuffer.mode/],
    [{ min: -1 }, /jitterBuffer.min/],
    [{ max: 5000 }, /jitterBuffer.max/],
    [{ min: 300, max: 100 }, /more than max/],
  ])('are checked: %j', async (jitterBuffer, message) => {
    await expect(openLab({ jitterBuffer })).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(message),
    });
  });
});
