import { beforeAll, describe, expect, it } from 'vitest';
import { type AudioCodec, codecFor, loadOpus, payloadKey } from '../../../media/codec/index.ts';
import { opusSettings } from '../../../media/codec/opus-fmtp.ts';
import { opusTicks } from '../../../media/codec/opus-packet.ts';
import { seededRandom } from '../../../src/testing/index.ts';
import { sineWave } from '../audio/signal.ts';
import { correlation, speech } from '../support/speech.ts';

const format = { name: 'OPUS', clockRate: 48_000, channels: 2 };

function coder(fmtp?: string, options: Parameters<typeof codecFor>[1] = {}): AudioCodec {
  const made = codecFor({ ...format, fmtp }, options);
  if (!made) throw new Error('Opus is not loaded');
  return made;
}

/** Packet by packet. */
function packets(from: AudioCodec, pcm: Int16Array, ms = 20): Uint8Array[] {
  const frame = (from.sampleRate * ms) / 1000;
  const out = new Uint8Array(1500);
  const all: Uint8Array[] = [];
  for (let at = 0; at + frame <= pcm.length; at += frame)
    all.push(out.slice(0, from.encode(pcm.subarray(at, at + frame), out)));
  return all;
}

function heard(by: AudioCodec, payloads: readonly Uint8Array[]): Int16Array {
  const out = new Int16Array(by.sampleRate / 4);
  return Int16Array.from(payloads.flatMap((payload) => [...out.subarray(0, by.decode(payload, out))]));
}

beforeAll(() => loadOpus());

describe('Opus', () => {
  it.each([8000, 12_000, 16_000, 24_000, 48_000])('carries speech at a coder rate of %i Hz', (sampleRate) => {
    const said = speech(sampleRate, 2);
    const [ours, theirs] = [coder(undefined, { sampleRate, live: true }), coder(undefined, { sampleRate })];
    const sent = packets(ours, said);
    const back = heard(theirs, sent);
    expect(back.length).toBe(said.length);
    expect(correlation(said, back, sampleRate)).toBeGreaterThan(0.95);
    ours.close?.();
    theirs.close?.();
  });

  it('fills blocks of one size where a prompt needs them, also several at once', () => {
    const ours = coder('maxaveragebitrate=24000');
    expect(ours.blockBytes).toBe(60);
    const out = new Uint8Array(10 * 60 + 59);
    expect(ours.encode(speech(48_000, 0.25), out)).toBe(600);
    for (let at = 0; at < 600; at += 60) expect(ours.ticks(out, at, 60)).toBe(960);
    expect(heard(ours, [out.subarray(0, 60)]).length).toBe(960);
    ours.close?.();
  });

  it('has silence of any number of blocks', () => {
    const ours = coder();
    const payload = new Uint8Array(3 * ours.blockBytes);
    ours.silence(payload);
    for (let at = 0; at < payload.length; at += ours.blockBytes) {
      const out = heard(ours, [payload.subarray(at, at + ours.blockBytes)]);
      expect(out.length).toBe(960);
      expect(Math.max(...out.map(Math.abs))).toBe(0);
    }
    ours.close?.();
  });

  it('decodes two channels to one', () => {
    // A CELT frame that says silence, for two channels: the s bit of its TOC is set (RFC 6716 §3.1).
    const ours = coder();
    expect(heard(ours, [Uint8Array.of(0xfc, 0xff, 0xfe)])).toEqual(new Int16Array(960));
    ours.close?.();
  });

  it('sends nothing in silence to a peer that asks for that', () => {
    const quiet = coder('usedtx=1', { live: true, sampleRate: 16_000 });
    const pcm = new Int16Array(16_000 * 2);
    pcm.set(speech(16_000, 0.5));
    const sent = packets(quiet, pcm);
    expect(sent.slice(0, 20).every(({ length }) => length > 2)).toBe(true);
    expect(sent.slice(60).filter(({ length }) => length === 0).length).toBeGreaterThan(30);
    const always = coder(undefined, { live: true, sampleRate: 16_000 });
    expect(packets(always, pcm).every(({ length }) => length > 2)).toBe(true);
    quiet.close?.();
    always.close?.();
  });

  it('packs a packet into the next one once packets are lost on the way to a peer that can take it out', () => {
    const said = speech(16_000, 2);
    const energy = (samples: Int16Array): number => samples.reduce((sum, sample) => sum + sample * sample, 0);
    /** What is wrong with what is made up for every fifth packet. */
    const error = (fmtp: string | undefined, loss: number): number => {
      const ours = coder(fmtp, { live: true, sampleRate: 16_000 });
      const theirs = coder(undefined, { sampleRate: 16_000 });
      const whole = coder(undefined, { sampleRate: 16_000 });
      ours.expectLoss?.(loss);
      const sent = packets(ours, said);
      const [out, original] = [new Int16Array(320), new Int16Array(4000)];
      let difference = 0;
      sent.forEach((payload, i) => {
        whole.decode(payload, original);
        if (i % 5 === 4 && i > 10) {
          expect(theirs.conceal?.(out, sent[i + 1])).toBe(320);
          difference += energy(out.map((sample, k) => sample - original[k]!));
        } else theirs.decode(payload, new Int16Array(4000));
      });
      for (const one of [ours, theirs, whole]) one.close?.();
      return difference;
    };
    expect(error('useinbandfec=1', 20)).toBeLessThan(0.5 * error('useinbandfec=1', 0));
    expect(error(undefined, 20)).toBe(error(undefined, 0));
  });

  it('takes to FEC and leaves it while it runs', () => {
    const ours = coder('useinbandfec=1', { live: true, sampleRate: 16_000 });
    const silk = (payloads: readonly Uint8Array[]): number => payloads.filter(([toc = 0]) => toc >> 3 < 12).length;
    const said = speech(16_000, 1);
    expect(silk(packets(ours, said))).toBe(0);
    ours.expectLoss?.(10);
    expect(silk(packets(ours, said))).toBeGreaterThan(45);
    ours.expectLoss?.(0);
    expect(silk(packets(ours, said))).toBeLessThan(5);
    ours.close?.();
  });

  it('makes nothing of what is no Opus, and goes on', () => {
    const random = seededRandom(7);
    const ours = coder();
    const out = new Int16Array(12_000);
    for (let i = 0; i < 2000; i++) {
      const payload = Uint8Array.from({ length: random.uint32() % 200 }, () => random.uint32() & 0xff);
      const count = ours.decode(payload, out);
      expect(count).toBeGreaterThanOrEqual(0);
      expect(count).toBeLessThanOrEqual(5760);
      ours.conceal?.(out.subarray(0, random.uint32() % 6000), payload);
    }
    expect(ours.decode(new Uint8Array(5000), out)).toBe(0);
    expect(ours.decode(new Uint8Array(0), out)).toBe(0);
    ours.close?.();
  });

  it('gives its memory back', () => {
    const frame = sineWave(400, 48_000, 960);
    for (let i = 0; i < 3000; i++) {
      const ours = coder();
      const payload = new Uint8Array(200);
      ours.decode(payload.subarray(0, ours.encode(frame, payload)), new Int16Array(5760));
      ours.close?.();
      ours.close?.();
    }
  });

  it('begins anew after it was closed', () => {
    const [used, fresh] = [coder(), coder()];
    const said = speech(48_000, 0.2);
    packets(used, said);
    used.close?.();
    expect(packets(used, said)).toEqual(packets(fresh, said));
    used.close?.();
    fresh.close?.();
  });
});

describe('what a peer says of Opus', () => {
  it.each([
    [undefined, { bitrate: 32_000, dtx: false, fec: false, playbackRate: 48_000 }],
    ['minptime=10;useinbandfec=1', { bitrate: 32_000, dtx: false, fec: true, playbackRate: 48_000 }],
    ['maxaveragebitrate=16000; usedtx=1', { bitrate: 16_000, dtx: true, fec: false, playbackRate: 48_000 }],
    ['MaxPlaybackRate=8000;stereo=1;sprop-stereo=1', { bitrate: 32_000, dtx: false, fec: false, playbackRate: 8000 }],
    ['maxaveragebitrate=1;maxplaybackrate=-1', { bitrate: 6000, dtx: false, fec: false, playbackRate: 48_000 }],
    ['maxaveragebitrate=99999999999;cbr=1', { bitrate: 32_000, dtx: false, fec: false, playbackRate: 48_000 }],
  ])('%s', (fmtp, settings) => {
    expect(opusSettings(fmtp)).toEqual(settings);
  });

  it('is heard: the encoder keeps below the bitrate and the bandwidth', () => {
    const low = coder('maxaveragebitrate=12000', { live: true });
    const sent = packets(low, speech(48_000, 3));
    const bytes = sent.reduce((sum, { length }) => sum + length, 0);
    expect((bytes * 8) / 3).toBeLessThan(12_000 * 1.1);
    // TOC configurations 0–3 and 16–19 are narrow-band (RFC 6716 table 2).
    const narrow = packets(coder('maxplaybackrate=8000', { live: true }), speech(48_000, 1));
    for (const payload of narrow) expect([0, 1, 2, 3, 16, 17, 18, 19]).toContain(payload[0]! >> 3);
  });

  it('keeps prompts of different peers apart', () => {
    expect(payloadKey({ ...format, fmtp: 'usedtx=1;useinbandfec=1' })).toBe(payloadKey(format));
    const keys = ['maxaveragebitrate=16000', 'maxplaybackrate=8000', undefined];
    expect(new Set(keys.map((fmtp) => payloadKey({ ...format, fmtp }))).size).toBe(3);
  });
});

describe('the length of an Opus packet', () => {
  it.each([
    [[0x00], 480],
    [[0x08], 960],
    [[0x18], 2880],
    [[0x60], 480],
    [[0x68], 960],
    [[0x80], 120],
    [[0xf8], 960],
    [[0xf9], 1920],
    [[0xfb, 3], 2880],
    [[0xfb, 7], 0], // 140 ms
    [[0xfb, 0], 0],
    [[0xfb], 0],
    [[], 0],
  ])('%j: %i ticks', (bytes, ticks) => {
    const buffer = Uint8Array.from([1, ...bytes]);
    expect(opusTicks(buffer, 1, bytes.length)).toBe(ticks);
  });
});
