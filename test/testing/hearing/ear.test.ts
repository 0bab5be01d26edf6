import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rms } from '../../../src/testing/hearing/heard-audio.ts';
import { Ear } from '../../../src/testing/phone/ear.ts';
import { payloadsFor } from '../../../src/testing/phone/sdp.ts';
import { between, pick, seededRandom } from '../../../src/testing/seeded-random.ts';
import { arrivals, earFor, prompt, type Wire } from './signals.ts';

interface Header {
  readonly type?: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly ssrc?: number;
  readonly first?: number;
}

/** RFC 3550 §5.1, written out, so that the test shares nothing with the code. */
function rtp(payload: readonly number[] | Uint8Array, header: Header = {}): Uint8Array {
  const { type = 0, sequence = 1, timestamp = 0, ssrc = 5, first = 0x80 } = header;
  const bytes = new Uint8Array(12 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, first);
  view.setUint8(1, type);
  view.setUint16(2, sequence);
  view.setUint32(4, timestamp);
  view.setUint32(8, ssrc);
  bytes.set(payload, 12);
  return bytes;
}

/** RFC 4733 §2.3 */
function press(event: number, timestamp: number, duration: number, { end = false, ssrc = 5 } = {}): Uint8Array {
  return rtp([event, end ? 0x8a : 0x0a, duration >> 8, duration & 0xff], { type: 103, timestamp, ssrc });
}

function opened(names: readonly string[] = ['PCMU', 'PCMA', 'L16/16000', 'L16', 'telephone-event']) {
  let digits = '';
  const ear = new Ear(0, (digit) => {
    digits += digit;
  });
  ear.expect(payloadsFor(names));
  return { ear, digits: () => digits };
}

const loud = new Uint8Array(160).fill(0x10);

describe('what an ear takes', () => {
  it('is the payload types that were agreed on; others are strange', () => {
    const { ear } = opened();
    ear.receive(0, rtp(loud, { type: 0 }));
    ear.receive(20, rtp(loud, { type: 8, sequence: 2, timestamp: 160 }));
    expect([ear.packets, ear.strange]).toEqual([2, 0]);
    for (const type of [3, 13, 18, 96, 127]) ear.receive(40, rtp(loud, { type, sequence: 3, timestamp: 320 }));
    expect([ear.packets, ear.strange]).toEqual([2, 5]);
    expect(ear.audio.end).toBe(320);
    ear.expect(payloadsFor(['PCMA']));
    ear.receive(60, rtp(loud, { type: 0, sequence: 4, timestamp: 480 }));
    expect([ear.packets, ear.strange]).toEqual([2, 6]);
  });

  it('is no codec it does not know', () => {
    const { ear, digits } = opened(['opus/48000', 'PCMU']);
    // Payload type 101; its first byte would be a key.
    ear.receive(0, rtp([1, 0, 0, 160], { type: 101 }));
    expect([ear.packets, ear.strange, digits()]).toEqual([0, 1, '']);
  });

  it('is no RTCP, whichever packet of it', () => {
    const { ear } = opened();
    for (let type = 192; type <= 223; type++) ear.receive(0, rtp(loud, { type }));
    expect([ear.packets, ear.strange, ear.audio.end]).toEqual([0, 0, 0]);
  });

  it('is the payload behind CSRCs and extension, and without padding', () => {
    const plain = opened().ear;
    plain.receive(0, rtp(loud));
    const { ear } = opened();
    const padding = [0, 0, 0, 4];
    const extension = [0xbe, 0xde, 0, 1, 1, 2, 3, 4];
    ear.receive(0, rtp([...new Array(8).fill(9), ...extension, ...loud, ...padding], { first: 0x80 | 0x30 | 2 }));
    expect(ear.audio.end).toBe(160);
    expect([...ear.audio.samples(0, 160)]).toEqual([...plain.audio.samples(0, 160)]);
  });

  it('is nothing in a packet without a payload', () => {
    const { ear } = opened();
    ear.receive(0, rtp([]));
    expect([ear.packets, ear.audio.end]).toEqual([0, 0]);
  });

  it('is no more than 250 ms of one packet', () => {
    const { ear } = opened();
    ear.receive(0, rtp(new Uint8Array(60_000).fill(0x10)));
    expect(ear.audio.end).toBe(2000);
  });

  it('never throws, whatever comes', () => {
    const { ear } = opened();
    const valid = arrivals(prompt('no-input.wav').subarray(0, 1600)).map(({ bytes }) => bytes);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 80 }).map((payload) => rtp(payload)),
      fc
        .record({ first: fc.nat(255), type: fc.nat(255), payload: fc.uint8Array({ maxLength: 300 }) })
        .map((one) => rtp(one.payload, one)),
      fc
        .tuple(fc.nat(valid.length - 1), fc.nat(200))
        .map(([i, length]) => (valid[i] as Uint8Array).subarray(0, length)),
      fc.tuple(fc.nat(255), fc.nat(2 ** 32 - 1), fc.nat(65_535)).map(([event, at, ms]) => press(event, at, ms)),
    );
    let now = 0;
    fc.assert(
      fc.property(bytes, (datagram) => {
        now += 3;
        ear.receive(now, datagram);
        expect(ear.audio.end).toBeLessThan(8 * (now + 500));
      }),
      { seed: 3550, numRuns: 3000 },
    );
  });
});

describe('key presses', () => {
  it('are heard once each, however many packets they have, in any order', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed, 'keys');
      const { ear, digits } = opened();
      let timestamp = random.uint32();
      let expected = '';
      for (let i = 0; i < 12; i++) {
        const event = between(random, 0, 15);
        expected += '0123456789*#ABCD'[event];
        const packets = [160, 320, 480, 640, 800].map((duration) => press(event, timestamp, duration));
        for (let end = 0; end < 3; end++) packets.push(press(event, timestamp, 800, { end: true }));
        // Any of them may be lost, but not all; some come twice.
        const left = packets.filter((_, n) => n === i % packets.length || random.uint32() % 3 > 0);
        for (const bytes of [...left, pick(random, left)].sort(() => random.uint32() - 2 ** 31)) ear.receive(i, bytes);
        timestamp = (timestamp + 1600) >>> 0;
      }
      expect(digits(), `seed ${seed}`).toBe(expected);
    }
  });

  it('are two when a key is pressed twice', () => {
    const { ear, digits } = opened();
    ear.receive(0, press(5, 0, 800, { end: true }));
    ear.receive(9, press(5, 1600, 800, { end: true }));
    ear.receive(9, press(5, 1600, 800, { end: true, ssrc: 6 }));
    expect(digits()).toBe('555');
  });

  it('of more than eight seconds go on in another segment', () => {
    const { ear, digits } = opened();
    const begin = 2 ** 32 - 1000;
    for (let duration = 160; duration < 65_535; duration += 160) ear.receive(0, press(7, begin, duration));
    ear.receive(0, press(7, begin, 65_535));
    const next = (begin + 65_535) >>> 0;
    for (const duration of [160, 320, 480]) ear.receive(0, press(7, next, duration));
    ear.receive(0, press(7, next, 480, { end: true }));
    ear.receive(0, press(7, next + 4000, 480));
    expect(digits()).toBe('77');
  });

  it('are no flash, no tone, and no half of an event', () => {
    const { ear, digits } = opened();
    for (const event of [16, 32, 66, 255]) ear.receive(0, press(event, 0, 800, { end: true }));
    for (let length = 0; length < 4; length++)
      ear.receive(0, rtp([5, 0x8a, 3, 32].slice(0, length), { type: 103, timestamp: 9 }));
    expect(digits()).toBe('');
    expect([ear.packets, ear.strange]).toEqual([0, 0]);
  });

  it('leave the audio as it is', () => {
    const { ear } = opened();
    ear.receive(0, rtp(loud));
    ear.receive(20, press(1, 160, 160));
    expect(ear.audio.end).toBe(160);
    expect(ear.packets).toBe(1);
  });
});

describe('L16', () => {
  it('at 8 kHz is heard sample for sample', () => {
    const samples = prompt('echo.wav').subarray(0, 8000);
    const wire = { codec: 'L16' };
    const ear = earFor(wire);
    for (const { at, bytes } of arrivals(samples, wire)) ear.receive(at, bytes);
    expect([...ear.audio.samples(0, 8000)]).toEqual([...samples]);
  });

  it.each([16_000, 48_000])('at %i Hz is heard the same whatever the order of the packets', (rate) => {
    const wide = Int16Array.from({ length: rate }, (_, i) => 8000 * Math.sin((2 * Math.PI * 700 * i) / rate));
    const listenTo = (wire: Wire): Int16Array => {
      const ear = earFor({ codec: 'L16', rate });
      for (const { at, bytes } of arrivals(wide, { codec: 'L16', rate, ...wire })) ear.receive(at, bytes);
      return ear.audio.samples(0, ear.audio.end).slice();
    };
    const straight = listenTo({});
    // Not the first: it says when the stream begins.
    const shuffled = listenTo({ seed: 4, reorder: 0.4, duplicate: 0.4 });
    expect(straight.length).toBe(8000);
    expect([...shuffled]).toEqual([...straight]);
    // And it is the sine that it was: in its place, without seams.
    const wrong = Int16Array.from(straight.subarray(80, 7920), (sample, i) => {
      return sample - 8000 * Math.sin((2 * Math.PI * 700 * (i + 80)) / 8000);
    });
    expect(Math.max(...wrong.map(Math.abs))).toBeLessThanOrEqual(8);
  });

  it('that pauses leaves what was heard before where it was', () => {
    const wire = { codec: 'L16', rate: 16_000 };
    const ear = earFor(wire);
    // The clock of the source stands still in the pause.
    for (const { at, index, bytes } of arrivals(new Int16Array(3200).fill(4000), wire))
      ear.receive(index < 5 ? at : at + 5000, bytes);
    expect(ear.audio.presence(0, 800)).toBe(1);
    expect(ear.audio.presence(800, 100 * 8 + 40_000)).toBe(0);
    expect(ear.audio.presence(100 * 8 + 40_000, 200 * 8 + 40_000)).toBe(1);
  });

  it('goes on behind a packet that is lost', () => {
    const ear = earFor({ codec: 'L16', rate: 16_000 });
    const wide = new Int16Array(16_000).fill(5000);
    for (const { at, index, bytes } of arrivals(wide, { codec: 'L16', rate: 16_000 }))
      if (index !== 10) ear.receive(at, bytes);
    expect(ear.audio.presence(1600, 1760)).toBe(0);
    expect(ear.audio.presence(0, 1600)).toBe(1);
    expect(ear.audio.samples(1680, 1681)[0]).toBe(0);
    expect(Math.abs((ear.audio.samples(2000, 2001)[0] as number) - 5000)).toBeLessThan(20);
  });

  it('changes to PCMU and back in the middle', () => {
    const ear = new Ear(0, () => {});
    ear.expect([
      { payloadType: 0, name: 'PCMU', rate: 8000 },
      { payloadType: 96, name: 'L16', rate: 16_000 },
    ]);
    const wide = arrivals(new Int16Array(3200).fill(4000), { codec: 'L16', rate: 16_000 });
    for (const { at, bytes } of wide) ear.receive(at, bytes);
    for (let i = 0; i < 10; i++)
      ear.receive(200 + i * 20, rtp(loud, { sequence: i, timestamp: 70_000 + i * 160, ssrc: 99 }));
    for (const { at, bytes } of wide) ear.receive(at + 400, bytes);
    expect(ear.audio.end).toBe(600 * 8);
    expect(ear.audio.presence(0, ear.audio.end)).toBe(1);
    expect(rms(ear.audio.samples(1600, 3200))).toBeGreaterThan(5000);
  });
});
