import { beforeAll, describe, expect, it } from 'vitest';
import { type AudioCodec, codecFor, frameTicks, l16, loadOpus, pcma, pcmu } from '../../../media/codec/index.ts';
import { writeEvent } from '../../../media/dtmf/event.ts';
import { ConvertedStream } from '../../../media/engine/converted-stream.ts';
import { encodingId } from '../../../media/engine/encoding.ts';
import { type Transcoder, transcoderFor } from '../../../media/engine/transcoder.ts';
import { defaultJitterBuffer, type JitterBufferOptions } from '../../../media/jitter/delay-estimate.ts';
import { type RtpView, readRtp, rtpHeaderBytes, rtpView } from '../../../media/rtp/packet.ts';
import { sineWave, snr } from '../audio/signal.ts';
import { level } from '../jitter/stream.ts';
import { negotiated, rtpBytes } from '../support/phone.ts';
import { correlation, speech } from '../support/speech.ts';

const opus = { name: 'OPUS', payloadType: 96, clockRate: 48_000, channels: 2, fmtp: 'useinbandfec=1' };
const g722 = { name: 'G722', payloadType: 9, clockRate: 8000, channels: 1, fmtp: undefined };
const named = (text: string) => {
  const [name = '', rate, channels = '1'] = text.split('/');
  if (name === 'opus') return opus;
  return name === 'G722'
    ? g722
    : { name, payloadType: 96, clockRate: Number(rate), channels: Number(channels), fmtp: undefined };
};

function transcoder(from: string, to: string, ptime = 20): Transcoder {
  const made = transcoderFor(encodingId(named(from)), negotiated(undefined, { codec: named(to), ptime }));
  if (!made) throw new Error(`no transcoder from ${from} to ${to}`);
  return made;
}

interface Out {
  readonly ticks: number;
  /** ms */
  readonly at: number;
  readonly follows: boolean;
  readonly payload: Uint8Array;
}

/** A converted stream with a steady source and a beat. */
class Line {
  readonly sent: Out[] = [];
  readonly noises: { readonly description: readonly number[]; readonly at: number }[] = [];
  takesNoise = false;
  readonly stream: ConvertedStream;
  readonly #view = rtpView();
  now = 0;

  constructor(from: string, to: string, ptime = 20, jitterBuffer: JitterBufferOptions = defaultJitterBuffer) {
    this.stream = new ConvertedStream(transcoder(from, to, ptime), jitterBuffer, {
      packet: (packet, octets, ticks, at, follows) =>
        this.sent.push({ ticks, at, follows, payload: packet.slice(rtpHeaderBytes, rtpHeaderBytes + octets) }),
      noise: (description, at) => {
        if (this.takesNoise) this.noises.push({ description: [...description], at });
        return this.takesNoise;
      },
    });
  }

  #parsed(bytes: Uint8Array): RtpView {
    readRtp(bytes, 0, bytes.length, this.#view);
    return this.#view;
  }

  audio(sequence: number, timestamp: number, payload: Uint8Array, ssrc = 0x1234): void {
    const bytes = rtpBytes({ sequence, timestamp, payload, ssrc });
    this.stream.audio(bytes, this.#parsed(bytes), 'next', this.now);
  }

  noise(sequence: number, timestamp: number, level: number): void {
    const bytes = rtpBytes({ sequence, timestamp, payload: Uint8Array.of(level) });
    this.stream.other('noise', bytes, this.#parsed(bytes), this.now);
  }

  event(sequence: number, timestamp: number, digit: number, duration: number, ratio: number, end = false) {
    const payload = new Uint8Array(4);
    writeEvent(payload, 0, digit, end, 10, duration);
    const bytes = rtpBytes({ sequence, timestamp, payload });
    const out = this.stream.event(bytes, this.#parsed(bytes), ratio, this.now, () => 1000 + this.now);
    return out && { ...out, duration: (bytes[14]! << 8) | bytes[15]! };
  }

  beats(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.stream.active) this.stream.tick(this.now, 0);
      this.now += 20;
    }
  }

  /** What the far end decodes. */
  heard(to: AudioCodec): Int16Array {
    const out = new Int16Array(to.sampleRate);
    return Int16Array.from(this.sent.flatMap(({ payload }) => [...out.subarray(0, to.decode(payload, out))]));
  }
}

/** All of `pcm` in packets of `ms`, one after the other, and then the rest that waits. */
function talk(
  line: Line,
  from: AudioCodec,
  pcm: Int16Array,
  ms = 20,
  lost: (i: number) => boolean = () => false,
): void {
  const samples = (from.sampleRate * ms) / 1000;
  const out = new Uint8Array(8000);
  const step = frameTicks(from, ms);
  for (let i = 0; (i + 1) * samples <= pcm.length; i++) {
    const bytes = from.encode(pcm.subarray(i * samples, (i + 1) * samples), out);
    if (!lost(i)) line.audio(65_534 + i, 0xffff_ff00 + i * step, out.slice(0, bytes));
    line.beats(ms / 20);
  }
  line.beats(ms / 20);
}

const coder = (text: string, live = false): AudioCodec => codecFor(named(text), { live })!;

beforeAll(() => loadOpus());

describe('a stream of packets from one codec into another', () => {
  it.each([
    ['PCMU/8000', 'PCMA/8000', 30],
    ['PCMA/8000', 'PCMU/8000', 30],
    ['L16/16000', 'PCMU/8000', 30],
    ['PCMA/8000', 'L16/16000', 30],
    ['L16/44100', 'PCMA/8000', 30],
    ['L16/8000', 'L16/48000', 55],
    ['L16/44100/2', 'L16/8000', 55],
    ['PCMU/8000', 'G722', 28],
    ['G722', 'PCMA/8000', 26],
  ])('%s to %s keeps the tone, beat by beat', (from, to, least) => {
    const line = new Line(from, to);
    const source = coder(from);
    talk(line, source, sineWave(1000, source.sampleRate, source.sampleRate, 8000));
    const target = coder(to);
    expect(line.sent.map(({ at }) => at)).toEqual(line.sent.map((_, i) => 20 * (i + 1)));
    expect(line.sent.map(({ follows }) => follows)).toEqual(line.sent.map((_, i) => i > 0));
    const heard = line.heard(target);
    expect(heard.length).toBe(target.sampleRate);
    expect(snr(heard.subarray(target.sampleRate / 5), 1000, target.sampleRate)).toBeGreaterThan(least);
    line.stream.close();
  });

  it.each([
    ['opus', 'PCMU/8000'],
    ['PCMU/8000', 'opus'],
    ['opus', 'G722'],
    ['G722', 'opus'],
    ['opus', 'L16/44100'],
    ['L16/44100', 'opus'],
    ['L16/48000/2', 'opus'],
  ])('%s to %s keeps speech', (from, to) => {
    const line = new Line(from, to);
    const source = coder(from, true);
    talk(line, source, speech(source.sampleRate, 3));
    expect(line.sent.length).toBe(150);
    const target = coder(to);
    const reference = speech(target.sampleRate, 3);
    expect(correlation(reference, line.heard(target), target.sampleRate)).toBeGreaterThan(0.95);
    line.stream.close();
    source.close?.();
    target.close?.();
  });

  it('cuts packets anew: 60 ms in are three of 20 ms out, three of 20 ms one of 60', () => {
    const wide = new Line('PCMU/8000', 'PCMA/8000', 20);
    talk(wide, pcmu(), sineWave(1000, 8000, 4800, 8000), 60);
    expect(wide.sent.slice(0, 30).map(({ at }) => at)).toEqual(Array.from({ length: 30 }, (_, i) => 20 * (i + 1)));
    const narrow = new Line('PCMU/8000', 'PCMA/8000', 60);
    talk(narrow, pcmu(), sineWave(1000, 8000, 4800, 8000), 20);
    expect(narrow.sent.map(({ ticks, payload }) => [ticks, payload.length])).toEqual(Array(10).fill([480, 480]));
    expect(narrow.sent.map(({ at }) => at)).toEqual(Array.from({ length: 10 }, (_, i) => 60 * (i + 1)));
    for (const line of [wide, narrow])
      expect(snr(line.heard(pcma()).subarray(800, 4000), 1000, 8000)).toBeGreaterThan(30);
  });

  it('puts in order what comes late, and has what is lost of any codec made up', () => {
    const said = sineWave(200, 8000, 4000, 8000);
    const line = new Line('PCMU/8000', 'L16/8000', 20, { mode: 'fixed', min: 60, max: 60 });
    const payload = (i: number): Uint8Array => {
      const bytes = new Uint8Array(160);
      pcmu().encode(said.subarray(i * 160, i * 160 + 160), bytes);
      return bytes;
    };
    for (const i of [0, 2, 1, 3, 5, 4, 6, 8, 9, 10]) {
      line.audio(65_534 + i, i * 160, payload(i));
      line.beats(1);
    }
    line.beats(4);
    const heard = line.heard(l16(8000));
    expect(line.sent.every(({ follows }, i) => follows === i > 0)).toBe(true);
    // All the way, the lost seventh packet too, it is the tone.
    expect(snr(heard.subarray(0, 11 * 160), 200, 8000)).toBeGreaterThan(25);
  });

  it('has what is lost of Opus made up out of the packet behind it', () => {
    const said = speech(48_000, 3);
    const hear = (lost: (i: number) => boolean): Int16Array => {
      const line = new Line('opus', 'PCMU/8000');
      const encoder = coder('opus', true);
      encoder.expectLoss?.(10);
      talk(line, encoder, said, 20, lost);
      encoder.close?.();
      line.stream.close();
      expect(line.sent.length).toBe(150);
      return line.heard(pcmu());
    };
    const [whole, holes] = [hear(() => false), hear((i) => i % 10 === 4)];
    expect(correlation(whole, holes, 8000)).toBeGreaterThan(0.95);
  });

  it('plays noise that is described for as long as it lasts, and silence behind a source that ends for a second', () => {
    const line = new Line('PCMU/8000', 'L16/8000');
    talk(line, pcmu(), sineWave(1000, 8000, 1600, 8000));
    line.noise(65_544, 0xffff_ff00 + 1600, 40);
    line.beats(500);
    expect(line.sent.length).toBe(510);
    expect(Math.abs(level(line.heard(l16(8000)).subarray(8000)) + 40)).toBeLessThan(1);
    line.audio(65_545, 0xffff_ff00 + 160 * 511, new Uint8Array(160).fill(0xff));
    line.beats(100);
    expect(line.stream.active).toBe(false);
    expect(line.sent.length).toBeGreaterThan(550);
    expect(line.sent.length).toBeLessThan(565);
    expect(level(line.heard(l16(8000)).subarray(-8000))).toBeLessThan(-100);
  });

  it('describes silence where the other side takes that: at once, when it changes, and each second', () => {
    const line = new Line('PCMU/8000', 'PCMA/8000');
    line.takesNoise = true;
    talk(line, pcmu(), sineWave(1000, 8000, 1600, 8000));
    const from = 0xffff_ff00 + 1600;
    line.noise(65_544, from, 40);
    line.beats(60);
    line.noise(65_545, from + 60 * 160, 50);
    line.beats(10);
    expect(line.noises.map(({ description }) => description)).toEqual([[40], [40], [50]]);
    const [first, second, third] = line.noises.map(({ at }) => at);
    expect(first).toBe(line.sent.at(-1)!.at + 20);
    expect(second! - first!).toBe(1000);
    expect(third! - first!).toBe(60 * 20);
    const before = line.sent.length;
    expect(before).toBe(10);
    for (let i = 0; i < 5; i++) {
      line.audio(65_546 + i, from + (70 + i) * 160, new Uint8Array(160));
      line.beats(1);
    }
    expect(line.sent[before]).toMatchObject({ follows: false });
    expect(line.sent.length).toBeGreaterThan(before + 2);
    // And noise that nobody described, behind a source that is not heard any more.
    line.noises.length = 0;
    line.beats(100);
    expect(line.noises).toMatchObject([{ description: [70] }]);
    expect(line.stream.active).toBe(false);
  });

  it('leaves out what a coder with DTX does not send, and says what does not follow', () => {
    const dtx = { ...opus, fmtp: 'usedtx=1' };
    const made = transcoderFor(encodingId(named('PCMU/8000')), negotiated(undefined, { codec: dtx }));
    const follows: boolean[] = [];
    const stream = new ConvertedStream(made!, defaultJitterBuffer, {
      packet: (_packet, _octets, _ticks, _at, f) => follows.push(f),
      noise: () => false,
    });
    const view = rtpView();
    for (let i = 0; i < 150; i++) {
      const bytes = rtpBytes({ sequence: i, timestamp: i * 160, payload: new Uint8Array(160).fill(0xff) });
      readRtp(bytes, 0, bytes.length, view);
      stream.audio(bytes, view, 'next', i * 20);
      stream.tick(i * 20 + 1, 0);
    }
    expect(follows.length).toBeGreaterThan(5);
    expect(follows.length).toBeLessThan(60);
    expect(follows.at(-1)).toBe(false);
    stream.close();
  });

  it('begins anew with another source', () => {
    const line = new Line('PCMU/8000', 'PCMA/8000');
    talk(line, pcmu(), sineWave(1000, 8000, 800, 8000));
    line.audio(1, 5000, new Uint8Array(160), 77);
    expect(line.stream.continues(77)).toBe(true);
    const before = line.sent.length;
    for (let i = 1; i < 5; i++) {
      line.audio(1 + i, 5000 + 160 * i, new Uint8Array(160), 77);
      line.beats(1);
    }
    expect(line.sent.slice(before).map(({ follows }) => follows)).toEqual([false, true, true, true]);
  });

  it('takes garbage for silence', () => {
    const line = new Line('opus', 'PCMU/8000');
    for (const [i, bytes] of [[], [0xfb, 0], [0xf8, 0xff, 0xfe], [1, 2, 3]].entries()) {
      line.audio(i, i * 960, Uint8Array.from(bytes));
      line.beats(1);
    }
    line.beats(3);
    expect(line.sent.length).toBeGreaterThan(2);
    line.stream.close();
  });
});

describe('telephone-events beside converted audio', () => {
  const silence = Uint8Array.of(0xf8, 0xff, 0xfe);

  it('go out on the clock of the other side, with one timestamp for a press, and no audio meanwhile', () => {
    const line = new Line('opus', 'PCMU/8000');
    for (let i = 0; i < 5; i++) {
      line.audio(65_534 + i, 960 * i, silence);
      line.beats(1);
    }
    const before = line.sent.length;
    const press = (i: number, end = false) => line.event(65_539 + i, 960 * 5, 5, 960 * (i + 1), 1 / 6, end);
    expect(press(0)).toEqual({ begins: true, timestamp: 1100, duration: 160 });
    line.beats(1);
    expect(press(1)).toEqual({ begins: false, timestamp: 1100, duration: 320 });
    line.beats(1);
    expect(press(3, true)).toEqual({ begins: false, timestamp: 1100, duration: 640 });
    expect(press(2)).toBeUndefined();
    line.beats(2);
    expect(line.sent.length).toBe(before);
    line.beats(2);
    expect(line.sent.length).toBe(before + 1);
    expect(line.sent.at(-1)).toMatchObject({ follows: false });
    // The next press is another.
    expect(line.event(65_543, 9600, 5, 960, 1 / 6)?.timestamp).toBe(1000 + line.now);
    line.stream.close();
  });

  it('of a press in several segments are one press', () => {
    const line = new Line('opus', 'PCMU/8000');
    const start = 0xffff_ff00;
    line.audio(65_534, start, silence);
    const first = line.event(65_535, start + 960, 1, 65_535, 1 / 6);
    const second = line.event(65_536, start + 960 + 65_535, 1, 960, 1 / 6);
    const duration = Math.round((65_535 + 960) / 6);
    expect(second).toEqual({ begins: false, timestamp: first?.timestamp, duration });
    line.stream.close();
  });

  it('hold the longest duration where the other clock is too fast for more', () => {
    const line = new Line('PCMU/8000', 'opus');
    line.audio(65_534, 0xffff_ff00, new Uint8Array(160));
    expect(line.event(65_535, 0xffff_ff00 + 160, 1, 8000, 6)?.duration).toBe(48_000);
    expect(line.event(65_536, 0xffff_ff00 + 160, 1, 16_000, 6)?.duration).toBe(65_535);
    line.stream.close();
  });

  it('that are too short go nowhere', () => {
    const line = new Line('PCMU/8000', 'L16/16000');
    line.audio(65_534, 0, new Uint8Array(160));
    const bytes = rtpBytes({ sequence: 2, timestamp: 0, payload: new Uint8Array(3) });
    const view = rtpView();
    readRtp(bytes, 0, bytes.length, view);
    expect(line.stream.event(bytes, view, 1, 0, () => 0)).toBeUndefined();
  });
});

it('there is no way from or to a codec that is only passed on', () => {
  const g729 = { name: 'G729', payloadType: 18, clockRate: 8000, channels: 1, fmtp: undefined };
  expect(transcoderFor(encodingId(g729), negotiated(undefined))).toBeUndefined();
  expect(transcoderFor(encodingId(named('PCMU/8000')), negotiated(undefined, { codec: g729 }))).toBeUndefined();
  expect(l16(8000).conceal).toBeUndefined();
});
