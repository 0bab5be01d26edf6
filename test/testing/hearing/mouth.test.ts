import { describe, expect, it } from 'vitest';
import { LabError } from '../../../src/testing/errors.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { compare } from '../../../src/testing/hearing/compare.ts';
import { Reference } from '../../../src/testing/hearing/reference.ts';
import { isTone } from '../../../src/testing/hearing/tone.ts';
import { Ear } from '../../../src/testing/phone/ear.ts';
import { Mouth, type Speech } from '../../../src/testing/phone/mouth.ts';
import { type PhonePayload, payloadsFor } from '../../../src/testing/phone/sdp.ts';
import { seededRandom } from '../../../src/testing/seeded-random.ts';
import { prompt, referenceOf } from './signals.ts';

interface Packet {
  /** Clock ms at which it was sent. */
  readonly at: number;
  readonly marker: boolean;
  readonly type: number;
  readonly sequence: number;
  /** Since the first packet. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

const events: PhonePayload = { payloadType: 101, name: 'telephone-event', rate: 8000 };
const [pcmu, pcma] = payloadsFor(['PCMU', 'PCMA']) as [PhonePayload, PhonePayload];
const wide: PhonePayload = { payloadType: 110, name: 'L16', rate: 16_000 };

/** A mouth on a clock of its own, with what it has sent. */
function opened({ payload = pcmu as PhonePayload | undefined, seed = 1, at = 0 } = {}) {
  const clock = new FakeClock();
  const packets: Packet[] = [];
  const raw: { at: number; bytes: Uint8Array }[] = [];
  let first: number | undefined;
  const mouth = new Mouth(clock, seededRandom(seed), (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    expect(view.getUint8(0)).toBe(0x80);
    const timestamp = view.getUint32(4);
    first ??= timestamp;
    raw.push({ at: clock.now(), bytes });
    packets.push({
      at: clock.now(),
      marker: view.getUint8(1) > 0x7f,
      type: view.getUint8(1) & 0x7f,
      sequence: view.getUint16(2),
      timestamp: (timestamp - first) >>> 0,
      ssrc: view.getUint32(8),
      payload: bytes.subarray(12),
    });
  });
  const ready = at === 0 ? Promise.resolve() : clock.advance(at);
  return {
    clock,
    mouth,
    packets,
    /** From the beginning, agreed on. */
    begin: async () => {
      await ready;
      mouth.configure(payload, events);
    },
    /** Lets time pass until it is said. @returns clock ms */
    until: async (work: Promise<void>): Promise<number> => {
      let over = -1;
      void work.then(() => {
        over = clock.now();
      });
      await clock.runUntil(() => over >= 0, 60_000);
      return over;
    },
    /** How it sounds at the other end. */
    heard: (payloads: readonly PhonePayload[] = [pcmu, pcma, wide, events]) => {
      let digits = '';
      const ear = new Ear(0, (digit) => {
        digits += digit;
      });
      ear.expect(payloads);
      for (const { at: when, bytes } of raw) ear.receive(when, bytes);
      return { audio: ear.audio, digits };
    },
  };
}

/** Nothing skipped and nothing twice; timestamps that tell the time; every 20 ms at most one. */
function expectContinuity(packets: readonly Packet[], rate = 8000): void {
  const [first] = packets;
  for (const [i, { at, sequence, timestamp, ssrc, payload, type }] of packets.entries()) {
    expect(ssrc).toBe(first?.ssrc);
    expect(sequence).toBe(((first?.sequence ?? 0) + i) & 0xffff);
    // All packets of a press have the time of its beginning.
    const since = type === 101 ? ((payload[2] as number) << 8) + (payload[3] as number) : rate / 50;
    const told = ((timestamp + since) * 1000) / rate - 20;
    const ends = type === 101 && ((payload[1] as number) & 0x80) > 0 ? 40 : 0;
    expect(at - (first?.at ?? 0) - told, `packet ${i}`).toBeGreaterThanOrEqual(0);
    expect(at - (first?.at ?? 0) - told, `packet ${i}`).toBeLessThanOrEqual(ends);
    if (i > 0) expect(at - (packets[i - 1]?.at ?? 0), `packet ${i}`).toBeGreaterThanOrEqual(20);
  }
}

describe('a mouth that talks', () => {
  it('sends a packet every 20 ms, silence where there is nothing to say', async () => {
    const { clock, mouth, packets, begin } = opened({ at: 7 });
    await begin();
    mouth.talk(true);
    await clock.advance(1000);
    expect(packets.length).toBe(51);
    expect(packets.map(({ at }) => at)).toEqual(Array.from({ length: 51 }, (_, i) => 7 + i * 20));
    for (const { payload, type } of packets) {
      expect(type).toBe(0);
      expect([...payload]).toEqual(new Array(160).fill(0xff));
    }
    expect(packets.map(({ marker }) => marker)).toEqual([true, ...new Array(50).fill(false)]);
    expectContinuity(packets);
    mouth.close();
    expect(clock.pending).toBe(0);
  });

  it('begins at random numbers, and others in each call', async () => {
    const numbers = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const { mouth, clock, packets, begin } = opened({ seed });
      await begin();
      mouth.talk(true);
      await clock.advance(10);
      mouth.close();
      for (const { ssrc, sequence } of packets) numbers.add(ssrc).add(sequence);
    }
    expect(numbers.size).toBe(40);
  });

  it('is silent until something is agreed on, and on hold', async () => {
    const { clock, mouth, packets } = opened();
    mouth.talk(true);
    await clock.advance(500);
    expect(packets).toEqual([]);
    mouth.configure(pcmu, events);
    await clock.advance(199);
    mouth.configure(undefined, events);
    await clock.advance(1000);
    expect(packets.length).toBe(10);
    mouth.configure(pcmu, events);
    await clock.advance(199);
    expect(packets.length).toBe(20);
    expectContinuity(packets);
    // A talkspurt begins (RFC 3551 §4.1).
    expect(packets.map(({ marker }, i) => (marker ? i : -1)).filter((i) => i >= 0)).toEqual([0, 10]);
  });

  it('goes on in time when it is switched off and on', async () => {
    const { clock, mouth, packets, begin } = opened();
    await begin();
    for (const [on, ms] of [
      [true, 105],
      [false, 13],
      [true, 300],
      [false, 777],
      [true, 61],
    ] as const) {
      mouth.talk(on);
      await clock.advance(ms);
    }
    expectContinuity(packets);
    const gaps = packets.map(({ at }, i) => at - (packets[i - 1]?.at ?? at)).filter((gap) => gap > 20);
    expect(gaps.length).toBe(1);
    expect(packets.filter(({ marker }) => marker).length).toBe(2);
  });
});

describe('what is said', () => {
  it.each([
    ['PCMU', pcmu],
    ['PCMA', pcma],
    ['L16 at 16 kHz', wide],
  ])('is heard as %s, and the promise resolves at its end', async (_, payload) => {
    const { mouth, packets, begin, until, heard } = opened({ payload });
    await begin();
    mouth.talk(true);
    const over = await until(mouth.say(prompt('no-input.wav')));
    expect(over).toBe(Math.ceil(prompt('no-input.wav').length / 160) * 20);
    mouth.close();
    expectContinuity(packets, payload.rate);
    const reference = referenceOf('no-input.wav');
    expect(compare(heard().audio, reference, 0)).toMatchObject({ lostMs: 0 });
    expect(compare(heard().audio, reference, 0).similarity).toBeGreaterThan(0.999);
  });

  it('is all that a mouth sends that does not talk', async () => {
    const { clock, mouth, packets, begin, until } = opened();
    await begin();
    await clock.advance(333);
    expect(await until(mouth.say(new Int16Array(400).fill(5000)))).toBe(333 + 60);
    await clock.advance(1000);
    expect(packets.length).toBe(3);
    await until(mouth.say(new Int16Array(160).fill(5000)));
    expect(packets.map(({ marker }) => marker)).toEqual([true, false, false, true]);
    expectContinuity(packets);
    expect(clock.pending).toBe(0);
  });

  it('follows what was said before without a gap', async () => {
    const { mouth, packets, begin, until, heard } = opened();
    await begin();
    mouth.talk(true);
    const halves = [prompt('goodbye.wav').subarray(0, 8000), prompt('goodbye.wav').subarray(8000)] as const;
    await until(mouth.say(halves[0]).then(() => mouth.say(halves[1])));
    mouth.close();
    expectContinuity(packets);
    expect(compare(heard().audio, referenceOf('goodbye.wav'), 0)).toMatchObject({ lostMs: 0 });
  });

  it('ends with silence in its last packet', async () => {
    const { mouth, packets, begin, until } = opened();
    await begin();
    await until(mouth.say(new Int16Array(170).fill(5000)));
    expect([...(packets[1]?.payload ?? [])].slice(10)).toEqual(new Array(150).fill(0xff));
  });

  it('is cut off by the next, and by hush; both promises resolve', async () => {
    const { clock, mouth, packets, begin, until } = opened();
    await begin();
    mouth.talk(true);
    const first = until(mouth.say(prompt('welcome.wav')));
    await clock.advance(100);
    const second = until(mouth.say({ frequencies: [440], cadence: [], level: -20 }));
    expect(await first).toBe(100);
    await clock.advance(100);
    mouth.hush();
    expect(await second).toBe(200);
    const sent = packets.length;
    await clock.advance(100);
    for (const { payload } of packets.slice(sent)) expect(payload.every((byte) => byte === 0xff)).toBe(true);
    expectContinuity(packets);
  });

  it('is a tone for as long as nothing else is', async () => {
    const { clock, mouth, packets, begin, heard } = opened();
    await begin();
    void mouth.say({ frequencies: [440, 480], cadence: [], level: -20 });
    await clock.advance(3000);
    mouth.close();
    const { audio } = heard();
    expect(audio.end).toBe(packets.length * 160);
    for (let at = 160; at + 320 <= audio.end; at += 320)
      expect(isTone(audio.samples(at, at + 320), [440, 480])).toBe(true);
  });

  it('goes on unheard on hold, as people do, and is heard again behind it', async () => {
    const { clock, mouth, begin, until, heard, packets } = opened();
    await begin();
    const over = until(mouth.say(prompt('message.wav')));
    await clock.advance(2000);
    mouth.configure(undefined, events);
    await clock.advance(2000);
    mouth.configure(pcmu, events);
    expect(await over).toBe(Math.ceil(prompt('message.wav').length / 160) * 20);
    expectContinuity(packets);
    const { audio } = heard();
    expect(audio.presence(16_160, 32_160)).toBe(0);
    expect(packets.filter(({ marker }) => marker).map(({ at }) => at)).toEqual([0, 4020]);
    const tail = new Reference('tail', prompt('message.wav').subarray(32_160));
    expect(compare(audio, tail, 32_160)).toMatchObject({ lostMs: 0 });
  });

  it('waits until something is agreed on', async () => {
    const { clock, mouth, heard, until } = opened();
    const said = mouth.say(prompt('no-input.wav'));
    await clock.advance(700);
    mouth.configure(pcmu, events);
    await until(said);
    expect(compare(heard().audio, referenceOf('no-input.wav'), 5600)).toMatchObject({ lostMs: 0 });
  });

  const speeches: readonly [string, Speech][] = [
    ['words', prompt('message.wav')],
    ['a tone', { frequencies: [700], cadence: [], level: -20 }],
  ];
  it.each(speeches)('goes on at its speed when the codec changes: %s', async (_, speech) => {
    const { clock, mouth, begin, packets } = opened();
    await begin();
    void mouth.say(speech);
    await clock.advance(1999);
    const before = packets.length;
    mouth.configure(wide, events);
    await clock.advance(2000);
    mouth.close();
    // Each part for itself: what RTP's clock does at such a change is not defined.
    const ear = new Ear(0, () => {});
    ear.expect([wide]);
    for (const { at, type, sequence, timestamp, payload } of packets.slice(before)) {
      const bytes = new Uint8Array(12 + payload.length);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, 0x8000 | type);
      view.setUint16(2, sequence);
      view.setUint32(4, timestamp);
      bytes.set(payload, 12);
      ear.receive(at, bytes);
    }
    if (speech instanceof Int16Array) {
      const rest = new Reference('rest', speech.subarray(16_000, 31_800));
      expect(compare(ear.audio, rest, 16_000)).toMatchObject({ lostMs: 0 });
    } else expect(isTone(ear.audio.samples(20_000, 20_640), [700])).toBe(true);
  });
});

describe('a key press', () => {
  it('is as RFC 4733 has it', async () => {
    const { mouth, packets, begin, until } = opened();
    await begin();
    const over = await until(mouth.press('5', 100, 60));
    expect(over).toBe(120);
    expect(packets.map(({ payload }) => [...payload])).toEqual([
      [5, 10, 0, 160],
      [5, 10, 320 >> 8, 320 & 0xff],
      [5, 10, 480 >> 8, 480 & 0xff],
      [5, 10, 640 >> 8, 640 & 0xff],
      // §2.5.1.4: the end three times.
      ...new Array(3).fill([5, 0x8a, 800 >> 8, 800 & 0xff]),
    ]);
    expect(packets.map(({ at }) => at)).toEqual([0, 20, 40, 60, 80, 100, 120]);
    expect(packets.map(({ marker }) => marker)).toEqual([true, ...new Array(6).fill(false)]);
    expect(new Set(packets.map(({ timestamp }) => timestamp)).size).toBe(1);
    expect(new Set(packets.map(({ type }) => type))).toEqual(new Set([101]));
    expectContinuity(packets);
  });

  it('of every key is heard once', async () => {
    const { clock, mouth, begin, until, heard, packets } = opened();
    await begin();
    mouth.talk(true);
    await clock.advance(50);
    await until(mouth.press('0123456789*#abcd', 60, 60));
    await clock.advance(100);
    mouth.close();
    expect(heard().digits).toBe('0123456789*#ABCD');
    expectContinuity(packets);
  });

  it('comes behind those before it', async () => {
    const { mouth, begin, until, heard } = opened();
    await begin();
    const both = Promise.all([mouth.press('12', 80, 80), mouth.press('3', 80, 80)]);
    await until(both.then(() => {}));
    expect(heard().digits).toBe('123');
  });

  it('takes the place of the audio, which goes on between and behind the keys', async () => {
    const { clock, mouth, begin, until, heard, packets } = opened();
    await begin();
    mouth.talk(true);
    await clock.advance(95);
    await until(mouth.press('12', 100, 100));
    await clock.advance(100);
    mouth.close();
    expectContinuity(packets);
    const kinds = packets.map(({ type }) => (type === 101 ? 'k' : '.')).join('');
    expect(kinds).toBe('.....kkkkkkk.....kkkkkkk.....');
    expect(heard().audio.end).toBe(packets.length * 160);
  });

  it('holds up what is being said, and loses none of it', async () => {
    const { clock, mouth, begin, until, heard } = opened();
    await begin();
    const said = until(mouth.say(prompt('no-input.wav')));
    await clock.advance(399);
    await until(mouth.press('1', 100, 100));
    await said;
    const [before, behind] = [prompt('no-input.wav').subarray(0, 3200), prompt('no-input.wav').subarray(3200)];
    expect(compare(heard().audio, new Reference('before', before), 0)).toMatchObject({ lostMs: 0 });
    expect(compare(heard().audio, new Reference('behind', behind), 3200 + 7 * 160)).toMatchObject({ lostMs: 0 });
  });

  it('is refused when there is no such key', async () => {
    const { mouth, begin, packets } = opened();
    await begin();
    await expect(mouth.press('1x', 100, 100)).rejects.toThrow(LabError);
    expect(packets).toEqual([]);
  });

  it('of no key is over at once', async () => {
    const { mouth, begin, until, packets } = opened();
    await begin();
    expect(await until(mouth.press('', 100, 100))).toBe(0);
    expect(packets).toEqual([]);
  });

  it('at 16 kHz counts in its clock', async () => {
    const { mouth, packets, until } = opened();
    mouth.configure(wide, { ...events, rate: 16_000 });
    await until(mouth.press('9', 60, 60));
    expect(packets.map(({ payload }) => ((payload[2] as number) << 8) | (payload[3] as number))).toEqual([
      320, 640, 960, 960, 960,
    ]);
  });
});

describe('closing', () => {
  it('resolves what is said and pressed, and leaves no timer', async () => {
    const { clock, mouth, begin, until, packets } = opened();
    await begin();
    mouth.talk(true);
    const all = Promise.all([mouth.say(prompt('welcome.wav')), mouth.press('123', 100, 100)]);
    await clock.advance(100);
    mouth.close();
    expect(await until(all.then(() => {}))).toBe(100);
    const sent = packets.length;
    // Too late: the answer to a re-INVITE, and whoever does not know yet that it is over.
    mouth.configure(pcmu, events);
    mouth.talk(true);
    await mouth.say(prompt('welcome.wav'));
    await mouth.press('1', 100, 100);
    await clock.advance(1000);
    expect(packets.length).toBe(sent);
    expect(clock.pending).toBe(0);
    mouth.close();
  });
});
