import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeardAudio, type HeardPacket, hearingRate, rms } from '../../../src/testing/hearing/heard-audio.ts';
import { between, fraction, seededRandom } from '../../../src/testing/seeded-random.ts';

const ssrc = 0xfeedbeef;
const frame = 160;

/** The packet that is sent as the i-th, of a stream that begins with these numbers. */
function packet(i: number, { sequence = 1000, timestamp = 50_000, rate = 8000, source = ssrc } = {}): HeardPacket {
  return {
    ssrc: source,
    sequence: (sequence + i) & 0xffff,
    timestamp: (timestamp + (i * rate) / 50) >>> 0,
  };
}

/** 20 ms that no other packet sounds like. */
function sound(i: number): Int16Array {
  return Int16Array.from({ length: frame }, (_, sample) => 1000 + i * frame + sample);
}

function write(audio: HeardAudio, now: number, i: number, numbers: Parameters<typeof packet>[1] = {}): void {
  audio.write(now, packet(i, numbers), numbers.rate ?? 8000, sound(i));
}

/** Which packets lie where, 20 ms each; undefined: silence. */
function layout(audio: HeardAudio, from = 0): (number | undefined)[] {
  const found: (number | undefined)[] = [];
  for (let at = from; at < audio.end; at += frame) {
    const [first] = audio.samples(at, at + 1);
    found.push(first === 0 ? undefined : ((first as number) - 1000) / frame);
  }
  return found;
}

function bytesOf({ buffer, byteOffset, byteLength }: Int16Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

describe('packets are played', () => {
  it('from when the first comes, one behind the other', () => {
    const audio = new HeardAudio(500);
    for (const i of [0, 1, 2]) write(audio, 540 + i * 20, i);
    expect(layout(audio)).toEqual([undefined, undefined, 0, 1, 2]);
    expect(audio.end).toBe(5 * frame);
    expect(audio.msOf(2 * frame)).toBe(540);
    expect(audio.positionOf(540)).toBe(2 * frame);
  });

  it('by their timestamps, whenever they come within 200 ms', () => {
    const audio = new HeardAudio(0);
    for (const [now, i] of [
      [0, 0],
      [21, 1],
      [95, 2],
      [95, 3],
      [95, 4],
      [219, 6],
      [250, 5],
      [299, 7],
    ] as const)
      write(audio, now, i);
    expect(layout(audio)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it.each([8000, 16_000, 48_000])('at a clock of %i Hz', (rate) => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1, 3]) write(audio, i * 20, i, { rate });
    expect(layout(audio)).toEqual([0, 1, undefined, 3]);
  });

  it.each([8000, 16_000, 48_000])('across the wrap of the timestamp and of the sequence, at %i Hz', (rate) => {
    const audio = new HeardAudio(0);
    const numbers = { rate, timestamp: 2 ** 32 - rate / 20, sequence: 65_534 };
    // Some of them late: a play-out that began anew would move them.
    for (const i of [0, 1, 2, 4, 3, 5]) write(audio, i * 20 + (i > 1 ? 70 : 0), i, numbers);
    expect(layout(audio)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('where a tenth of a second of silence was not sent', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1, 7, 8]) write(audio, i * 20, i);
    expect(layout(audio)).toEqual([0, 1, undefined, undefined, undefined, undefined, undefined, 7, 8]);
  });

  it('the same whatever their order and however often they come', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (seed) => {
        const random = seededRandom(seed);
        const straight = new HeardAudio(0);
        const shuffled = new HeardAudio(0);
        const order: { now: number; i: number }[] = [];
        for (let i = 0; i < 40; i++) {
          write(straight, i * 20, i);
          // The first decides when the stream begins.
          const times = i === 0 ? 1 : between(random, 1, 3);
          for (let time = 0; time < times; time++)
            order.push({ now: i * 20 + (i === 0 ? 0 : fraction(random) * 200), i });
        }
        order.sort((a, b) => a.now - b.now);
        for (const { now, i } of order) write(shuffled, now, i);
        expect(layout(shuffled)).toEqual(layout(straight));
        expect(shuffled.presence(0, shuffled.end)).toBe(1);
      }),
      { seed: 42, numRuns: 50 },
    );
  });
});

describe('a packet that is later than the buffer', () => {
  it('is not heard, and moves nothing', () => {
    const audio = new HeardAudio(0);
    for (let i = 0; i < 30; i++) if (i !== 5) write(audio, i * 20, i);
    write(audio, 600, 5);
    for (let i = 30; i < 35; i++) write(audio, i * 20, i);
    expect(layout(audio)).toEqual(Array.from({ length: 35 }, (_, i) => (i === 5 ? undefined : i)));
  });

  it('is waited for so long, and no longer', () => {
    for (const [late, is] of [
      [199, 1],
      [202, undefined],
    ] as const) {
      const audio = new HeardAudio(0);
      for (let i = 0; i < 20; i++) if (i !== 1) write(audio, i * 20, i);
      write(audio, 20 + late, 1);
      expect(layout(audio)[1], `${late} ms`).toBe(is);
    }
  });
});

describe('the play-out begins anew', () => {
  it('when the source changes', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1]) write(audio, i * 20, i);
    for (const i of [2, 3]) write(audio, i * 20 + 60, i, { source: 7, timestamp: 123, sequence: 40_000 });
    expect(layout(audio)).toEqual([0, 1, undefined, undefined, undefined, 2, 3]);
  });

  it.each([
    ['forward', 50_000 + 3_000_000],
    ['back', 50_000 - 40_000],
    ['half way round', 50_000 + 2 ** 31],
  ])('when the timestamp jumps %s', (_, timestamp) => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1]) write(audio, i * 20, i);
    for (const i of [2, 3, 4]) write(audio, i * 20, i, { timestamp: timestamp >>> 0 });
    expect(layout(audio)).toEqual([0, 1, 2, 3, 4]);
  });

  it('when nothing was sent for seconds, and the timestamps know nothing of it', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1]) write(audio, i * 20, i);
    for (const i of [2, 3]) write(audio, i * 20 + 5000, i);
    expect(layout(audio).slice(0, 3)).toEqual([0, 1, undefined]);
    expect(layout(audio, audio.positionOf(5040))).toEqual([2, 3]);
  });

  it('when the way becomes 300 ms longer', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1]) write(audio, i * 20, i);
    for (const i of [2, 3, 4]) write(audio, i * 20 + 300, i);
    expect(layout(audio, audio.positionOf(340))).toEqual([2, 3, 4]);
  });

  it('when a source begins its sequence anew, after a moment', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1]) write(audio, i * 20, i);
    const anew = { sequence: 3, timestamp: 9_000_000 };
    for (let i = 2; i < 20; i++) write(audio, i * 20, i, anew);
    const heard = layout(audio);
    expect(heard.slice(0, 2)).toEqual([0, 1]);
    expect(heard.slice(-6)).toEqual([14, 15, 16, 17, 18, 19]);
    expect(heard.filter((i) => i !== undefined).length).toBeGreaterThanOrEqual(9);
  });
});

describe('what is heard', () => {
  it('is known to be there or missing, to the millisecond', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 2]) write(audio, i * 20, i);
    expect(audio.presence(0, frame)).toBe(1);
    expect(audio.presence(frame, 2 * frame)).toBe(0);
    expect(audio.presence(0, 3 * frame)).toBeCloseTo(2 / 3, 10);
    expect([0, 159, 160, 319, 320, 479, 480].map((at) => audio.has(at))).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(audio.has(-1)).toBe(false);
  });

  it('is silence before its beginning and behind its end', () => {
    const audio = new HeardAudio(0);
    write(audio, 0, 0);
    expect([...audio.samples(-2, 2)]).toEqual([0, 0, 1000, 1001]);
    expect([...audio.samples(158, 162)]).toEqual([1158, 1159, 0, 0]);
    expect([...audio.samples(-5, -2)]).toEqual([0, 0, 0]);
    expect(audio.samples(1_000_000, 1_000_010)).toEqual(new Int16Array(10));
  });

  it('of a first packet that is early counts from its beginning on', () => {
    const audio = new HeardAudio(0);
    write(audio, 10, 1);
    // It would have been played before the listener was there.
    write(audio, 10, 0);
    expect(audio.samples(0, 1)[0]).toBe(1000 + 80);
  });

  it('is settled up to a gap that may still be filled, and for at most 200 ms', () => {
    const audio = new HeardAudio(0);
    for (const i of [0, 1, 3, 4]) write(audio, i * 20, i);
    expect(audio.settledAt(80)).toBe(2 * frame);
    write(audio, 90, 2);
    expect(audio.settledAt(90)).toBe(5 * frame);
    write(audio, 140, 7);
    expect(audio.settledAt(140)).toBe(5 * frame);
    expect(audio.settledAt(300)).toBe(5 * frame);
    expect(audio.settledAt(330)).toBe(audio.positionOf(130));
    expect(audio.settledAt(1000)).toBe(audio.positionOf(800));
  });

  it('never changes where it is settled', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (seed) => {
        const random = seededRandom(seed);
        const audio = new HeardAudio(0);
        const order = Array.from({ length: 100 }, (_, i) => ({ i, now: i * 20 + fraction(random) * 260 }))
          .filter(({ i }) => i === 0 || fraction(random) < 0.9)
          .sort((a, b) => a.now - b.now);
        let settled = 0;
        let known = new Int16Array(0);
        for (const { i, now } of order) {
          write(audio, now, i);
          // As the clock was, before this packet came.
          expect(Buffer.compare(bytesOf(audio.samples(0, settled)), bytesOf(known)), `seed ${seed}`).toBe(0);
          settled = audio.settledAt(now);
          known = audio.samples(0, settled).slice();
        }
      }),
      { seed: 7, numRuns: 40 },
    );
  });

  it('is loud until the last packet with sound in it', () => {
    const audio = new HeardAudio(0);
    write(audio, 0, 0);
    audio.write(20, packet(1), 8000, new Int16Array(frame).fill(20));
    expect(audio.loudUntil).toBe(frame);
    expect(audio.end).toBe(2 * frame);
  });

  it('goes on for twenty minutes', () => {
    const audio = new HeardAudio(0);
    const samples = sound(1);
    for (let i = 0; i < 60_000; i++) audio.write(i * 20, packet(i), 8000, samples);
    expect(audio.end).toBe(1200 * hearingRate);
    expect(rms(audio.samples(audio.end - frame, audio.end))).toBeGreaterThan(1000);
  });

  it('of a packet without audio is nothing', () => {
    const audio = new HeardAudio(0);
    audio.write(0, packet(0), 8000, new Int16Array(0));
    write(audio, 40, 5);
    expect(audio.end).toBe(3 * frame);
    expect(audio.settledAt(40)).toBe(0);
  });
});
