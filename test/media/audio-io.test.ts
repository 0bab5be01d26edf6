import { Readable, Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { readWav, resample, wavHeader } from '../../media/audio/index.ts';
import { pcmu } from '../../media/codec/index.ts';
import type { MediaLeg } from '../../media/index.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import type { FakeClock } from '../../src/testing/fake-clock.ts';
import { type Lab, openLab, openLabOn } from './support/lab.ts';
import { concat, noise } from './support/open-media.ts';
import { negotiated, rtpBytes } from './support/phone.ts';
import { StallingClock } from './support/stalling-clock.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const codec = pcmu();

function voice(length: number, rate = 8000, hertz = 300): Int16Array {
  return Int16Array.from({ length }, (_, i) => Math.round(8000 * Math.sin((2 * Math.PI * hertz * i) / rate)));
}

function encoded(samples: Int16Array): Uint8Array {
  const out = new Uint8Array(samples.length);
  codec.encode(samples, out);
  return out;
}

function decoded(payload: Uint8Array): Int16Array {
  const out = new Int16Array(payload.length);
  codec.decode(payload, out);
  return out;
}

function correlation(a: Int16Array, b: Int16Array): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return ab / Math.sqrt(aa * bb || 1);
}

/** The best correlation over shifts of up to `most` samples. */
function alignedCorrelation(heard: Int16Array, wanted: Int16Array, most = 1600): number {
  let best = 0;
  for (let shift = 0; shift <= most; shift++) best = Math.max(best, correlation(heard.subarray(shift), wanted));
  return best;
}

async function openLeg(lab: Lab<FakeClock>): Promise<MediaLeg> {
  const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated(remote));
  await lab.clock.advance(1);
  return leg;
}

/** The caller says `payload`, packet by packet; `order` shuffles or leaves out; `first` packets went before. */
async function say(
  lab: Lab<FakeClock>,
  leg: MediaLeg,
  payload: Uint8Array,
  order = (n: number) => n,
  first = 0,
): Promise<void> {
  await leg.stats(); // by its answer the engine has heard what was asked of it before
  for (let n = 0; n < payload.length / 160; n++) {
    const m = order(n);
    const place = first + m;
    const packet = { sequence: 100 + place, timestamp: place * 160, payload: payload.slice(m * 160, m * 160 + 160) };
    if (m >= 0) lab.deliver(rtpBytes(packet), 4000, leg.port);
    await lab.clock.advance(20);
  }
}

function channel(file: Uint8Array, index: 0 | 1): Int16Array {
  const wav = readWav(file);
  if (!wav.ok) throw new Error(wav.error);
  const { data, channels } = wav.value;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Int16Array.from({ length: data.length / 2 / channels }, (_, i) =>
    view.getInt16(2 * (i * channels + index), true),
  );
}

describe('a recording', () => {
  it('has what came on the left and what went on the right, playable all the time', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const [heard, said] = [voice(8000), voice(8000, 8000, 440)];
    const recording = leg.record('call.wav');
    leg.play(encoded(said), '');
    const speaking = say(lab, leg, encoded(heard));
    await speaking;
    const midway = lab.files.get('call.wav');
    expect(channel(midway, 0).length).toBeGreaterThanOrEqual(4000);
    const result = await recording.close();
    const file = lab.files.get('call.wav');
    const durationMs = channel(file, 0).length / 8;
    expect(result).toEqual({ end: 'stopped', bytes: file.length, durationMs, gaps: [], pauses: [] });
    expect(result.durationMs).toBeGreaterThanOrEqual(1000);
    expect(result.durationMs).toBeLessThanOrEqual(1100);
    expect(alignedCorrelation(channel(file, 0), heard)).toBeGreaterThan(0.99);
    expect(alignedCorrelation(channel(file, 1), said)).toBeGreaterThan(0.99);
    expect(lab.files.open).toBe(0);
  });

  it('puts reordered packets in their place and something like the voice where one is missing', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const payload = encoded(voice(3200));
    const recording = leg.record('call.wav', { direction: 'in' });
    await say(lab, leg, payload, (n) => (n === 4 ? 5 : n === 5 ? 4 : n === 10 ? -1 : n));
    await recording.close();
    const wanted = decoded(payload);
    const samples = channel(lab.files.get('call.wav'), 0);
    const first = wanted.findIndex((sample) => sample !== 0);
    const heard = samples.subarray(samples.findIndex((sample) => sample !== 0) - first);
    expect(heard.subarray(0, 1600)).toEqual(wanted.subarray(0, 1600));
    expect(correlation(heard.subarray(1600, 1760), wanted.subarray(1600, 1760))).toBeGreaterThan(0.9);
    // What follows is faded into over 10 ms at most.
    expect(heard.subarray(1840, 3200)).toEqual(wanted.subarray(1840));
  });

  it('mixes to mono, pauses, resamples and ends at its longest', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const recording = leg.record('call.wav', { channels: 1, sampleRate: 16_000, maxDuration: 300 });
    recording.pause();
    await say(lab, leg, encoded(voice(1600)));
    recording.resume();
    await say(lab, leg, encoded(voice(8000)), (n) => n, 10);
    await expect(recording.done).resolves.toMatchObject({ end: 'max', durationMs: 300 });
    const wav = readWav(lab.files.get('call.wav'));
    expect(wav).toMatchObject({ ok: true, value: { channels: 1, sampleRate: 16_000 } });
    expect(alignedCorrelation(channel(lab.files.get('call.wav'), 0), voice(4000, 16_000))).toBeGreaterThan(0.95);
  });

  it('fails alone when the disk is full', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    leg.echo(true);
    const recording = leg.record('call.wav');
    await say(lab, leg, encoded(voice(1600)));
    lab.files.failure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    await say(lab, leg, encoded(voice(8000)), (n) => n, 10);
    await expect(recording.done).rejects.toMatchObject({ code: 'ERR_FILE', message: /no space left/ });
    const before = lab.heard(4000).length;
    await say(lab, leg, encoded(voice(320)), (n) => n, 60);
    expect(lab.heard(4000).length).toBe(before + 2);
    expect((await lab.media.counts()).recordings).toBe(0);
  });

  it('goes to a stream with its length left open', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const chunks: Uint8Array[] = [];
    const target = new Writable({
      write(chunk: Uint8Array, _, done) {
        chunks.push(new Uint8Array(chunk));
        done();
      },
    });
    const recording = leg.record(target, { direction: 'in' });
    await say(lab, leg, encoded(voice(8000)));
    await leg.close();
    await expect(recording.done).resolves.toMatchObject({ end: 'ended' });
    expect(target.writableEnded).toBe(false);
    expect(alignedCorrelation(channel(concat(chunks), 0), voice(8000))).toBeGreaterThan(0.99);
  });

  it('is not held up by a stream that stalls, and hears of one that breaks', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const stalled = leg.record(new Writable({ highWaterMark: 1, write: () => {} }));
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken pipe')) });
    const breaking = leg.record(broken);
    await say(lab, leg, encoded(voice(16_000)));
    await expect(breaking.done).rejects.toMatchObject({ code: 'ERR_FILE', message: /broken pipe/ });
    await leg.close();
    await expect(stalled.done).resolves.toMatchObject({ end: 'ended' });
  });
});

describe('a stream', () => {
  it.each([8000, 16_000, 44_100])('of WAV at %i Hz is played as it comes', async (rate) => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const samples = voice(rate / 2, rate);
    const audio = new Uint8Array(samples.buffer);
    const wav = concat([wavHeader({ sampleRate: rate, channels: 1, dataBytes: audio.length }), audio, noise(50)]);
    // Chunks cut everything in two: header, samples, frames.
    const chunks = Array.from({ length: Math.ceil(wav.length / 777) }, (_, i) => wav.slice(i * 777, i * 777 + 777));
    const playback = leg.play(Readable.from(chunks), 'audio/wav');
    await lab.clock.advance(1000);
    const result = await playback.done;
    expect(result.end).toBe('completed');
    expect(Math.abs(result.playedMs - 500)).toBeLessThan(2);
    const heard = decoded(concat(lab.heard(4000).map(({ payload }) => payload)));
    const wanted = resample(samples, rate, 8000);
    expect(correlation(heard.subarray(0, wanted.length), wanted)).toBeGreaterThan(0.99);
  });

  it('of payload is sent as it is, held back by the ring, and let go of when stopped', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    let pulled = 0;
    let released = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield noise(1000, ++pulled);
      } finally {
        released = true;
      }
    }
    const playback = leg.play(endless(), '');
    await lab.clock.advance(2000);
    expect(pulled).toBeLessThan(60);
    const all = concat(Array.from({ length: pulled }, (_, i) => noise(1000, i + 1)));
    const heard = concat(lab.heard(4000).map(({ payload }) => payload));
    expect(heard).toEqual(all.slice(0, heard.length));
    expect(heard.length).toBeGreaterThan(15_000);
    playback.stop();
    await expect(playback.done).resolves.toMatchObject({ end: 'stopped' });
    await lab.clock.advance(1);
    expect(released).toBe(true);
  });

  it('that never ends is forgotten chunk by chunk once it is sent', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const given: WeakRef<Uint8Array>[] = [];
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const chunk = noise(1000);
        given.push(new WeakRef(chunk));
        yield chunk;
      }
    }
    const playback = leg.play(endless(), '');
    await lab.clock.advance(4000);
    expect(given.length).toBeGreaterThan(20);
    await collectGarbage();
    expect(given.slice(0, 20).filter((chunk) => chunk.deref() !== undefined)).toHaveLength(0);
    playback.stop();
    await playback.done;
  });

  it('that breaks or is no audio rejects with what is wrong', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield noise(1600);
      throw new Error('cable cut');
    }
    const broken = leg.play(breaking(), '');
    await lab.clock.advance(50);
    await expect(broken.done).rejects.toMatchObject({ code: 'ERR_FILE', message: /cable cut/ });
    const text = leg.play(Readable.from([Buffer.from('this is no audio file')]), 'audio/wav');
    await lab.clock.advance(50);
    await expect(text.done).rejects.toMatchObject({ code: 'ERR_AUDIO_FORMAT' });
    const short = leg.play(Readable.from([Buffer.from('RIFF')]), 'audio/wav');
    await lab.clock.advance(50);
    await expect(short.done).rejects.toMatchObject({ code: 'ERR_AUDIO_FORMAT' });
  });
});

describe('audio for user code', () => {
  it('reads what came and writes what goes', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const reader = leg.reader();
    const writer = leg.writer();
    const payload = noise(160 * 30);
    const copying = (async () => {
      for await (const frame of reader) await writer.write(frame);
      await writer.end();
    })();
    await say(lab, leg, payload);
    // What is said last is kept for a while, in case that something before it comes late.
    await lab.clock.advance(60);
    reader.close();
    await lab.clock.advance(100);
    await copying;
    const heard = concat(lab.heard(4000).map(({ payload: bytes }) => bytes));
    expect(decoded(heard.subarray(0, payload.length))).toEqual(decoded(payload));
    expect(reader.dropped).toBe(0);
    expect(await reader.read()).toBeNull();
  });

  it('drops the oldest frames of a reader that does not read, and counts them', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const reader = leg.reader();
    const payload = noise(160 * 100);
    await say(lab, leg, payload);
    const first = await reader.read();
    expect(reader.dropped).toBeGreaterThan(50);
    const place = reader.dropped * 160;
    expect(first).toEqual(decoded(payload.slice(place, place + 160)));
  });

  it('comes and goes at the rate that is asked for', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const reader = leg.reader({ sampleRate: 16_000 });
    const frames: Int16Array[] = [];
    const reading = (async () => {
      for await (const frame of reader) frames.push(frame);
    })();
    await say(lab, leg, encoded(voice(8000)));
    reader.close();
    await reading;
    expect(frames.every(({ length }) => length === 320)).toBe(true);
    const heard = Int16Array.from(frames.flatMap((frame) => [...frame]));
    expect(alignedCorrelation(heard, voice(14_000, 16_000), 400)).toBeGreaterThan(0.99);
  });

  it('lets a writer wait for space, and tells it when nobody plays it any more', async () => {
    await using lab = await openLab();
    const leg = await openLeg(lab);
    const writer = leg.writer();
    let written = 0;
    const writing = (async () => {
      for (;;) {
        await writer.write(voice(1600));
        written++;
      }
    })();
    const ended = expect(writing).rejects.toMatchObject({ code: 'ERR_MEDIA_CLOSED' });
    await lab.clock.advance(1000);
    expect(written).toBeGreaterThanOrEqual(5);
    expect(written).toBeLessThanOrEqual(9);
    await leg.close();
    await ended;
  });
});

describe('a stall', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('is not made up for: the prompt goes on where it stopped, the timestamp where the clock is', async () => {
    const clock = new StallingClock();
    await using lab = await openLabOn(clock);
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const payload = noise(160 * 20);
    leg.play(payload, '');
    await turn();
    for (const time of [1, 21, 41, 261, 281]) clock.jump(time);
    await turn();
    const heard = lab.heard(4000);
    expect(concat(heard.map((packet) => packet.payload))).toEqual(payload.slice(0, 800));
    const steps = heard
      .slice(1)
      .map((packet, i) => [
        seqDiff(packet.sequence, heard[i]!.sequence),
        timestampDiff(packet.timestamp, heard[i]!.timestamp),
        packet.marker,
      ]);
    expect(steps).toEqual([
      [1, 160, false],
      [1, 160, false],
      [1, 160 * 11, true],
      [1, 160, false],
    ]);
    expect((await leg.stats()).sent.skippedTicks).toBe(10);
  });
});

/** A whole collection, in a turn of its own: a WeakRef that was looked at keeps its object until the turn ends. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setImmediate(resolve));
  gc();
}
