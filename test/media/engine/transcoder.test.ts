import { beforeAll, describe, expect, it } from 'vitest';
import { type AudioCodec, codecFor, frameTicks, l16, loadOpus, pcma, pcmu } from '../../../media/codec/index.ts';
import { writeEvent } from '../../../media/dtmf/event.ts';
import { ConvertedStream } from '../../../media/engine/converted-stream.ts';
import { encodingId } from '../../../media/engine/encoding.ts';
import { type Transcoder, transcoderFor } from '../../../media/engine/transcoder.ts';
import { type RtpView, readRtp, rtpHeaderBytes, rtpView } from '../../../media/rtp/packet.ts';
import { sineWave, snr } from '../audio/signal.ts';
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
  readonly timestamp: number;
  readonly ticks: number;
  readonly skipped: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
}

/** A converted stream whose source begins at these numbers. */
class Line {
  readonly sent: Out[] = [];
  readonly stream: ConvertedStream;
  readonly #view = rtpView();

  constructor(
    from: string,
    to: string,
    ptime = 20,
    begin = { sequence: 65_534, timestamp: 0xffff_ff00, out: 0xffff_fff0 },
  ) {
    this.stream = new ConvertedStream(transcoder(from, to, ptime), (packet, timestamp, ticks, skipped, marker) =>
      this.sent.push({ timestamp, ticks, skipped, marker, payload: packet.subarray(rtpHeaderBytes) }),
    );
    this.stream.begin(this.#parsed(rtpBytes({ ...begin, payload: new Uint8Array(1) })), begin.out);
  }

  #parsed(bytes: Uint8Array): RtpView {
    readRtp(bytes, 0, bytes.length, this.#view);
    return this.#view;
  }

  audio(sequence: number, timestamp: number, payload: Uint8Array, marker = false): boolean {
    const bytes = rtpBytes({ sequence, timestamp, payload, marker });
    return this.stream.audio(bytes, this.#parsed(bytes), () => 77_000);
  }

  event(sequence: number, timestamp: number, digit: number, duration: number, ratio: number, end = false) {
    const payload = new Uint8Array(4);
    writeEvent(payload, 0, digit, end, 10, duration);
    const bytes = rtpBytes({ sequence, timestamp, payload });
    const out = this.stream.event(bytes, this.#parsed(bytes), ratio);
    return out && { ...out, duration: (bytes[14]! << 8) | bytes[15]! };
  }

  /** What the far end decodes. */
  heard(to: AudioCodec): Int16Array {
    const out = new Int16Array(to.sampleRate);
    return Int16Array.from(this.sent.flatMap(({ payload }) => [...out.subarray(0, to.decode(payload, out))]));
  }
}

/** All of `pcm` in packets of `ms`, one after the other. */
function talk(line: Line, from: AudioCodec, pcm: Int16Array, ms = 20): void {
  const samples = (from.sampleRate * ms) / 1000;
  const out = new Uint8Array(8000);
  const step = frameTicks(from, ms);
  for (let i = 0; (i + 1) * samples <= pcm.length; i++) {
    const bytes = from.encode(pcm.subarray(i * samples, (i + 1) * samples), out);
    line.audio(65_534 + i, 0xffff_ff00 + i * step, out.slice(0, bytes));
  }
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
  ])('%s to %s keeps the tone, packet by packet', (from, to, least) => {
    const line = new Line(from, to);
    const source = coder(from);
    talk(line, source, sineWave(1000, source.sampleRate, source.sampleRate, 8000));
    expect(line.sent.length).toBe(50);
    const target = coder(to);
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
    const said = speech(source.sampleRate, 3);
    talk(line, source, said);
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
    expect(wide.sent.length).toBe(30);
    expect(wide.sent.map(({ timestamp }) => timestamp)).toEqual(wide.sent.map((_, i) => (0xffff_fff0 + i * 160) >>> 0));
    const narrow = new Line('PCMU/8000', 'PCMA/8000', 60);
    talk(narrow, pcmu(), sineWave(1000, 8000, 4800, 8000), 20);
    expect(narrow.sent.length).toBe(10);
    expect(narrow.sent.map(({ ticks, payload }) => [ticks, payload.length])).toEqual(Array(10).fill([480, 480]));
    for (const line of [wide, narrow]) expect(snr(line.heard(pcma()).subarray(800), 1000, 8000)).toBeGreaterThan(30);
  });

  it('keeps a pause a pause, at the other rate, over many wraps', () => {
    const line = new Line('L16/16000', 'PCMU/8000');
    const payload = new Uint8Array(640);
    // Ten days of an hour's silence each: both timestamps wrap more than once.
    for (let hour = 0; hour < 240; hour++) line.audio(65_534 + hour, 0xffff_ff00 + hour * 57_600_000, payload, true);
    expect(line.sent.map(({ timestamp, skipped }) => [timestamp, skipped])).toEqual(
      line.sent.map((_, hour) => [(0xffff_fff0 + hour * 28_800_000) >>> 0, 0]),
    );
    expect(line.sent.length).toBe(240);
    expect(line.sent.every(({ marker }) => marker)).toBe(true);
  });

  it('does not slide where the rates do not divide: pauses are owed to the sample', () => {
    const line = new Line('L16/44100', 'L16/8000');
    const payload = new Uint8Array(2 * 882);
    // A pause of 441 ticks and one, ten thousand times.
    for (let i = 0; i < 10_000; i++) line.audio(65_534 + i, 0xffff_ff00 + i * (882 + 442), payload);
    const distance = (line.sent.at(-1)!.timestamp - 0xffff_fff0) >>> 0;
    expect(Math.abs(distance - (9999 * 1324 * 8000) / 44_100)).toBeLessThan(200);
  });

  it('completes a frame with silence when a pause comes in the middle of it', () => {
    const line = new Line('PCMU/8000', 'PCMA/8000', 60);
    const payload = new Uint8Array(160).fill(0x80);
    line.audio(65_534, 0xffff_ff00, payload);
    expect(line.sent).toEqual([]);
    line.audio(65_535, 0xffff_ff00 + 1600, payload);
    expect(line.sent.length).toBe(1);
    expect(line.sent[0]!.payload.subarray(160)).toEqual(new Uint8Array(320).fill(0xd5));
    line.audio(0, 0xffff_ff00 + 1760, payload);
    line.audio(1, 0xffff_ff00 + 1920, payload);
    expect(line.sent[1]!.timestamp).toBe((0xffff_fff0 + 1600) >>> 0);
  });

  it('leaves what is lost a gap in numbers and time, and drops what comes too late', () => {
    const line = new Line('PCMU/8000', 'L16/16000');
    const payload = new Uint8Array(160);
    const at = (i: number): boolean => line.audio(65_534 + i, 0xffff_ff00 + i * 160, payload);
    expect([0, 1, 4, 3, 4, 5].map(at)).toEqual([true, true, true, false, false, true]);
    expect(line.sent.map(({ skipped }) => skipped)).toEqual([0, 0, 2, 0]);
    expect(line.sent.map(({ timestamp }) => (timestamp - 0xffff_fff0) >>> 0)).toEqual([0, 320, 1280, 1600]);
  });

  it('has what is lost of Opus made up, without a gap', () => {
    const said = speech(48_000, 3);
    const payload = new Uint8Array(1500);
    const hear = (lost: (i: number) => boolean): Line => {
      const line = new Line('opus', 'PCMU/8000');
      const encoder = codecFor(opus, { live: true })!;
      encoder.expectLoss?.(10);
      for (let i = 0; i < 150; i++) {
        const bytes = encoder.encode(said.subarray(i * 960, (i + 1) * 960), payload);
        if (!lost(i)) line.audio(65_534 + i, 0xffff_ff00 + i * 960, payload.slice(0, bytes));
      }
      encoder.close?.();
      line.stream.close();
      return line;
    };
    const whole = hear(() => false);
    const holes = hear((i) => i % 10 === 4);
    expect(holes.sent.length).toBe(150);
    expect(holes.sent.map(({ timestamp, skipped }) => [timestamp, skipped])).toEqual(
      whole.sent.map(({ timestamp }) => [timestamp, 0]),
    );
    expect(correlation(whole.heard(pcmu()), holes.heard(pcmu()), 8000)).toBeGreaterThan(0.95);
    // Half a second that is lost is a gap.
    const gap = hear((i) => i >= 50 && i < 75);
    expect(gap.sent.length).toBe(125);
    expect(gap.sent[50]!.skipped).toBe(25);
  });

  it('goes on with a source whose time jumps back', () => {
    const line = new Line('PCMU/8000', 'PCMA/8000');
    line.audio(65_534, 0xffff_ff00, new Uint8Array(160));
    line.audio(65_535, 5000, new Uint8Array(160));
    line.audio(0, 1000, new Uint8Array(160));
    expect(line.sent.map(({ marker }) => marker)).toEqual([false, false, true]);
    expect(line.sent[2]!.timestamp).toBe(77_000);
  });

  it('takes garbage for a pause', () => {
    const line = new Line('opus', 'PCMU/8000');
    line.audio(65_534, 0xffff_ff00, new Uint8Array(0));
    line.audio(65_535, 0xffff_ff00 + 960, Uint8Array.of(0xfb, 0));
    line.audio(0, 0xffff_ff00 + 1920, Uint8Array.of(0xf8, 0xff, 0xfe));
    expect(line.sent.map(({ timestamp }) => timestamp)).toEqual([(0xffff_fff0 + 320) >>> 0]);
    line.stream.close();
  });
});

describe('telephone-events beside converted audio', () => {
  const silence = Uint8Array.of(0xf8, 0xff, 0xfe);

  it('go out on the clock of the other side, with one timestamp for a press', () => {
    const line = new Line('opus', 'PCMU/8000');
    const start = 0xffff_ff00;
    line.audio(65_534, start, silence);
    const press = (i: number, end = false) => line.event(65_535 + i, start + 960, 5, 960 * (i + 1), 1 / 6, end);
    const timestamp = (0xffff_fff0 + 160) >>> 0;
    expect(press(0)).toEqual({ skipped: 0, timestamp, duration: 160 });
    expect(press(1)).toEqual({ skipped: 0, timestamp, duration: 320 });
    expect(press(3, true)).toEqual({ skipped: 1, timestamp, duration: 640 });
    expect(press(2)).toBeUndefined();
    // The next press is another.
    expect(line.event(65_539, start + 9600, 5, 960, 1 / 6)?.timestamp).toBe((0xffff_fff0 + 1600) >>> 0);
    line.stream.close();
  });

  it('of a press in several segments are one press', () => {
    const line = new Line('opus', 'PCMU/8000');
    const start = 0xffff_ff00;
    line.audio(65_534, start, silence);
    const first = line.event(65_535, start + 960, 1, 65_535, 1 / 6);
    const second = line.event(65_536, start + 960 + 65_535, 1, 960, 1 / 6);
    expect(second).toEqual({ skipped: 0, timestamp: first?.timestamp, duration: Math.round((65_535 + 960) / 6) });
    line.stream.close();
  });

  it('hold the longest duration where the other clock is too fast for more', () => {
    const line = new Line('PCMU/8000', 'opus');
    line.audio(65_534, 0xffff_ff00, new Uint8Array(160));
    expect(line.event(65_535, 0xffff_ff00 + 160, 1, 8000, 6)?.duration).toBe(48_000);
    expect(line.event(65_536, 0xffff_ff00 + 160, 1, 16_000, 6)?.duration).toBe(65_535);
    line.stream.close();
  });

  it('left out leave no gap, and too short ones go nowhere', () => {
    const line = new Line('PCMU/8000', 'L16/16000');
    line.audio(65_534, 0xffff_ff00, new Uint8Array(160));
    line.stream.leaveOut(65_535);
    line.stream.leaveOut(0);
    line.audio(1, 0xffff_ff00 + 480, new Uint8Array(160));
    expect(line.sent.map(({ skipped }) => skipped)).toEqual([0, 0]);
    const bytes = rtpBytes({ sequence: 2, timestamp: 0, payload: new Uint8Array(3) });
    const view = rtpView();
    readRtp(bytes, 0, bytes.length, view);
    expect(line.stream.event(bytes, view, 1)).toBeUndefined();
  });
});

it('there is no way from or to a codec that is only passed on', () => {
  const g729 = { name: 'G729', payloadType: 18, clockRate: 8000, channels: 1, fmtp: undefined };
  expect(transcoderFor(encodingId(g729), negotiated(undefined))).toBeUndefined();
  expect(transcoderFor(encodingId(named('PCMU/8000')), negotiated(undefined, { codec: g729 }))).toBeUndefined();
  expect(l16(8000).conceal).toBeUndefined();
});
