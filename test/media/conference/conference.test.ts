import { describe, expect, it } from 'vitest';
import { readWav } from '../../../media/audio/index.ts';
import { type AudioCodec, codecFor, frameBytes } from '../../../media/codec/index.ts';
import type { Codec, MediaConference, MediaLeg } from '../../../media/index.ts';
import { seqDiff, timestampDiff } from '../../../media/rtp/sequence.ts';
import type { FakeClock } from '../../../src/testing/index.ts';
import { bestSine, sineWave } from '../audio/signal.ts';
import { type Lab, openLab, openLabOn } from '../support/lab.ts';
import { l16, negotiated, pcma, pcmu, rtpBytes } from '../support/phone.ts';
import { StallingClock } from '../support/stalling-clock.ts';

/** A phone of the lab at 10.0.0.1, which speaks on and on and keeps what it hears. */
class Caller {
  readonly leg: MediaLeg;
  readonly codec: AudioCodec;
  readonly port: number;
  readonly #lab: Lab<FakeClock>;
  readonly #format: Codec;
  readonly #says: Int16Array;
  #sent = 0;

  private constructor(lab: Lab<FakeClock>, leg: MediaLeg, port: number, format: Codec, says: Int16Array) {
    this.#lab = lab;
    this.leg = leg;
    this.port = port;
    this.codec = codecFor(format)!;
    this.#format = format;
    this.#says = says;
  }

  static async call(
    lab: Lab<FakeClock>,
    port: number,
    says: Int16Array = new Int16Array(0),
    format: Codec = pcmu,
  ): Promise<Caller> {
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: `${port}` });
    leg.negotiate(negotiated({ address: '10.0.0.1', port, rtcpPort: port + 1 }, { codec: format }));
    return new Caller(lab, leg, port, format, says);
  }

  speak(): void {
    const count = this.codec.sampleRate / 50;
    const samples = this.#says.subarray(this.#sent * count, (this.#sent + 1) * count);
    if (samples.length === count) {
      const payload = new Uint8Array(frameBytes(this.codec, 20));
      this.codec.encode(samples, payload);
      const { payloadType, clockRate } = this.#format;
      const packet = { payloadType, sequence: this.#sent, timestamp: (this.#sent * clockRate) / 50, payload };
      this.#lab.deliver(rtpBytes({ ...packet, ssrc: this.port }), this.port, this.leg.port);
    }
    this.#sent++;
  }

  /** A packet of what it says gets lost. */
  skip(): void {
    this.#sent++;
  }

  /** The last `count` samples it heard. */
  heard(count: number): Int16Array {
    const ear = codecFor(this.#format)!;
    const heard: number[] = [];
    const samples = new Int16Array(ear.sampleRate / 4);
    for (const { payload } of this.#lab.heard(this.port))
      heard.push(...samples.subarray(0, ear.decode(payload, samples)));
    ear.close?.();
    return Int16Array.from(heard.slice(-count));
  }

  /** RMS of a tone in the last 200 ms. */
  level(frequency: number): number {
    const { sampleRate } = this.codec;
    return Math.sqrt(bestSine(this.heard(sampleRate / 5), frequency, sampleRate).power);
  }
}

async function talk(lab: Lab<FakeClock>, callers: readonly Caller[], ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 20) {
    for (const caller of callers) caller.speak();
    await lab.clock.advance(20);
  }
}

const tone = (frequency: number, rate = 8000): Int16Array => sineWave(frequency, rate, rate * 20, 3000);

async function room(lab: Lab<FakeClock>, callers: readonly Caller[]): Promise<MediaConference> {
  const conference = lab.media.createConference();
  for (const { leg } of callers) conference.add(leg);
  await talk(lab, callers, 1000);
  return conference;
}

describe('a conference of legs', () => {
  it('gives each of 8 the 7 others, in whatever codec, in one continuous stream', async () => {
    await using lab = await openLab();
    const tones = [300, 500, 700, 900, 1100, 1300, 1500, 1700];
    const formats = [pcmu, pcma, l16, pcmu, pcma, l16, pcmu, pcma];
    const callers = await Promise.all(
      tones.map((frequency, i) => {
        const format = formats[i]!;
        return Caller.call(lab, 4000 + 2 * i, tone(frequency, format.clockRate), format);
      }),
    );
    await room(lab, callers);
    for (const [i, caller] of callers.entries()) {
      for (const [j, frequency] of tones.entries())
        if (i === j)
          expect(caller.level(frequency)).toBeLessThan(60); // quantisation noise
        else expect(Math.abs(caller.level(frequency) - 3000 / Math.SQRT2)).toBeLessThan(60);
      const heard = lab.heard(caller.port);
      expect(heard.length).toBeGreaterThanOrEqual(49);
      for (let n = 1; n < heard.length; n++) {
        expect(seqDiff(heard[n]!.sequence, heard[n - 1]!.sequence)).toBe(1);
        expect(timestampDiff(heard[n]!.timestamp, heard[n - 1]!.timestamp)).toBe(caller.codec.clockRate / 50);
        expect(heard[n]!.marker).toBe(false);
      }
    }
  });

  it('hears on after join, leave, mute and whisper, and says who speaks', async () => {
    await using lab = await openLab();
    const [a, b, c] = [
      await Caller.call(lab, 4000, tone(400)),
      await Caller.call(lab, 4002, tone(700)),
      await Caller.call(lab, 4004),
    ];
    const callers = [a, b, c];
    const conference = lab.media.createConference();
    const speakers: (MediaLeg | undefined)[] = [];
    conference.onSpeaker = (leg) => speakers.push(leg);
    conference.add(a.leg);
    conference.add(b.leg, true);
    conference.add(c.leg);
    expect(conference.legs).toEqual([a.leg, b.leg, c.leg]);
    await talk(lab, callers, 1000);
    expect(speakers).toEqual([a.leg]);
    expect([c.level(400) > 2000, c.level(700) < 10]).toEqual([true, true]);
    conference.mute(b.leg, false);
    conference.whisper(a.leg, b.leg);
    await talk(lab, callers, 1000);
    expect([c.level(400) < 10, c.level(700) > 2000, b.level(400) > 2000]).toEqual([true, true, true]);
    expect(conference.snapshot()).toEqual({
      version: 1,
      conference: conference.id,
      members: [
        { leg: a.leg.id, muted: false, whispersTo: b.leg.id },
        { leg: b.leg.id, muted: false, whispersTo: undefined },
        { leg: c.leg.id, muted: false, whispersTo: undefined },
      ],
    });
    conference.remove(b.leg);
    conference.whisper(a.leg, undefined);
    const before = lab.heard(b.port).length;
    await talk(lab, callers, 1000);
    expect([c.level(400) > 2000, c.level(700) < 10]).toEqual([true, true]);
    expect(lab.heard(b.port)).toHaveLength(before);
    expect(speakers.at(-1)).toBe(a.leg);
  });

  it('plays to all and records the mix, and leaves nothing behind', async () => {
    await using lab = await openLab();
    const callers = [await Caller.call(lab, 4000, tone(400)), await Caller.call(lab, 4002)];
    const conference = await room(lab, callers);
    const recording = conference.record('room.wav');
    const bytes = new Uint8Array(sineWave(1200, 16_000, 16_000, 3000).buffer);
    const playback = conference.play(bytes, 'audio/pcm', { sampleRate: 16_000 });
    await talk(lab, callers, 600);
    for (const caller of callers) expect(caller.level(1200)).toBeGreaterThan(2000);
    await talk(lab, callers, 500);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 1000 });
    const counts = await lab.media.counts();
    expect(counts).toMatchObject({ conferences: 1, recordings: 1, playbacks: 0, legs: 2 });
    const { durationMs } = await recording.close();
    expect(durationMs).toBeGreaterThan(1000);
    const wav = readWav(await lab.files.read('room.wav'));
    if (!wav.ok) throw new Error(wav.error);
    expect(wav.value).toMatchObject({ channels: 1, sampleRate: 8000 });
    const samples = new Int16Array(wav.value.data.slice().buffer).subarray(2400, 7200);
    for (const frequency of [400, 1200])
      expect(Math.sqrt(bestSine(samples, frequency, 8000).power)).toBeGreaterThan(2000);
    await conference.close();
    await conference.close();
    expect(() => conference.add(callers[0]!.leg)).toThrow('closed');
    await Promise.all(callers.map(({ leg }) => leg.close()));
    expect(await lab.media.counts()).toMatchObject({ conferences: 0, legs: 0, recordings: 0, timers: 0, sockets: 0 });
    expect(lab.clock.pendingTimers()).toEqual([]);
  });

  it('is wide band where all are, changes codec in mid-call, and keeps out the music of who holds', async () => {
    await using lab = await openLab();
    const a = await Caller.call(lab, 4000, tone(5500, 16_000), l16);
    const b = await Caller.call(lab, 4002, undefined, l16);
    const conference = await room(lab, [a, b]);
    expect(b.level(5500)).toBeGreaterThan(2000);
    const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
    a.leg.negotiate(negotiated(remote, { codec: l16, direction: 'recvonly' }));
    await talk(lab, [a, b], 1000);
    expect(b.level(5500)).toBeLessThan(10);
    a.leg.negotiate(negotiated(remote, { codec: l16 }));
    await talk(lab, [a, b], 1000);
    expect(b.level(5500)).toBeGreaterThan(2000);
    b.leg.negotiate(negotiated({ ...remote, port: 4002 }, { codec: pcmu }));
    const before = lab.heard(4002).length;
    await talk(lab, [a, b], 1000);
    expect(
      new Set(
        lab
          .heard(4002)
          .slice(before + 1)
          .map(({ payloadType }) => payloadType),
      ),
    ).toEqual(new Set([0]));
    const odd = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'odd' });
    expect(() => conference.add(odd)).toThrow('settled a codec');
    odd.negotiate(negotiated(remote, { codec: { ...l16, clockRate: 11_025 } }));
    expect(() => conference.add(odd)).toThrow('L16/11025');
    expect(conference.legs).toHaveLength(2);
  });

  it('mixes G.722 and Opus with the rest, and packets that get lost are made up', async () => {
    await using lab = await openLab({ opus: true });
    const g722 = { name: 'G722', payloadType: 9, clockRate: 8000, channels: 1, fmtp: undefined } as const;
    const opus = { name: 'opus', payloadType: 111, clockRate: 48_000, channels: 2, fmtp: undefined } as const;
    const a = await Caller.call(lab, 4000, tone(5500, 16_000), g722);
    const b = await Caller.call(lab, 4002, undefined, opus);
    const conference = await room(lab, [a, b]);
    expect(b.level(5500)).toBeGreaterThan(2000);
    const c = await Caller.call(lab, 4004, tone(440));
    conference.add(c.leg);
    await talk(lab, [a, b, c], 1000);
    expect(a.level(440)).toBeGreaterThan(1900);
    expect(b.level(440)).toBeGreaterThan(1900);
    expect(b.level(5500)).toBeLessThan(100);
    // 120 of 1000 ms do not come.
    for (let part = 0; part < 6; part++) {
      await talk(lab, [a, b, c], 140);
      c.skip();
      await talk(lab, [a, b], 20);
    }
    const heard = a.heard(16_000);
    for (let at = 0; at + 320 <= heard.length; at += 320)
      expect(Math.sqrt(bestSine(heard.subarray(at, at + 320), 440, 16_000).power)).toBeGreaterThan(900);
  });

  it('lets no key press cross, and goes on without a member whose leg ends', async () => {
    await using lab = await openLab();
    const callers = [await Caller.call(lab, 4000, tone(400)), await Caller.call(lab, 4002)];
    const conference = await room(lab, callers);
    const [a, b] = [callers[0]!, callers[1]!];
    const event = Uint8Array.of(5, 0x8a, 0, 160);
    lab.deliver(
      rtpBytes({ payloadType: 101, sequence: 1000, timestamp: 0, payload: event, ssrc: 4000 }),
      4000,
      a.leg.port,
    );
    await talk(lab, callers, 200);
    expect(lab.heard(b.port).every(({ payloadType }) => payloadType === 0)).toBe(true);
    await a.leg.close();
    expect(conference.legs).toEqual([b.leg]);
    const before = lab.heard(b.port).length;
    await talk(lab, [b], 1000);
    expect(lab.heard(b.port).length - before).toBe(50);
    expect(b.level(400)).toBeLessThan(10);
  });

  it('does not make up for a stall', async () => {
    const clock = new StallingClock();
    await using lab = await openLabOn(clock);
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated({ address: '10.0.0.1', port: 4000, rtcpPort: 4001 }));
    const conference = lab.media.createConference();
    conference.add(leg);
    await leg.stats();
    for (const time of [0, 20, 40, 60, 360, 380, 400]) clock.jump(time);
    const heard = lab.heard(4000);
    const first = heard[0]!.timestamp;
    expect(heard.map(({ timestamp }) => timestampDiff(timestamp, first) / 160)).toEqual([0, 1, 2, 17, 18, 19]);
    expect(heard.map(({ marker }) => marker).filter(Boolean)).toHaveLength(2);
    await leg.close();
    await conference.close();
  });
});
