import { describe, expect, it } from 'vitest';
import { type AudioCodec, frameBytes, l16, pcma, pcmu, samplesIn } from '../../../media/codec/index.ts';
import { ConferenceMixer, type FillFrame } from '../../../media/conference/mixer.ts';
import type { Party, Route } from '../../../media/conference/party.ts';
import { bestSine, sineWave, snr } from '../audio/signal.ts';

interface Speaker {
  readonly codec: AudioCodec;
  readonly says: Int16Array;
  readonly party: Party;
  sent: number;
}

/** Parties that send 20 ms packets just before each beat, and what they hear. */
class Room {
  readonly mixer = new ConferenceMixer();
  readonly heard = new Map<string, number[]>();
  /** Payloads of the last beat. */
  readonly payloads = new Map<string, Uint8Array>();
  readonly mix: number[] = [];
  readonly #parties = new Map<string, Speaker>();
  #now = 0;

  join(id: string, says: Int16Array = new Int16Array(0), codec: AudioCodec = l16(8000), route: Route = 'all'): void {
    const party = this.mixer.join(id, () => codec, route);
    this.#parties.set(id, { codec, says, party, sent: 0 });
    this.heard.set(id, []);
  }

  leave(id: string): void {
    this.mixer.leave(id);
    this.#parties.delete(id);
  }

  beats(count: number, announce?: FillFrame): void {
    for (let i = 0; i < count; i++) {
      this.#now += 20;
      for (const speaker of this.#parties.values()) this.#speak(speaker);
      const deliver = (id: string, payload: Uint8Array): void => {
        this.payloads.set(id, payload);
        const { codec } = this.#parties.get(id)!;
        const samples = new Int16Array(samplesIn(codec, payload.length));
        codec.decode(payload, samples);
        this.heard.get(id)!.push(...samples);
      };
      this.mix.push(...this.mixer.beat(this.#now, deliver, announce));
    }
  }

  /** No packets and no beats for a while. */
  stall(ms: number): void {
    this.#now += ms;
    for (const speaker of this.#parties.values()) speaker.sent += ms / 20;
  }

  #speak(speaker: Speaker): void {
    const { codec, says, party, sent } = speaker;
    const count = codec.sampleRate / 50;
    const samples = new Int16Array(count);
    samples.set(says.subarray(sent * count, (sent + 1) * count));
    speaker.sent++;
    if (!party.wanted || sent * count >= says.length) return;
    const payload = new Uint8Array(frameBytes(codec, 20));
    codec.encode(samples, payload);
    const timestamp = (4_294_967_000 + sent * count) >>> 0;
    const { clockRate } = codec;
    party.playout.packet(
      'audio',
      codec,
      clockRate,
      (65_530 + sent) & 0xffff,
      timestamp,
      payload,
      0,
      payload.length,
      sent === 0,
      this.#now - 1,
    );
  }

  /** The last `count` samples that a party heard. */
  last(id: string, count: number): Int16Array {
    return Int16Array.from(this.heard.get(id)!.slice(-count));
  }
}

const tone = (frequency: number, amplitude = 3000, rate = 8000, seconds = 4): Int16Array =>
  sineWave(frequency, rate, rate * seconds, amplitude);
/** RMS of a tone in a signal. */
const level = (samples: Int16Array, frequency: number, rate = 8000): number =>
  Math.sqrt(bestSine(samples, frequency, rate).power);
/** The largest step from one sample to the next. */
const roughness = (samples: Int16Array): number => {
  let most = 0;
  for (let i = 1; i < samples.length; i++) most = Math.max(most, Math.abs(samples[i]! - samples[i - 1]!));
  return most;
};

describe('the mix', () => {
  it('of 8 tones has exactly the 7 others for each party', () => {
    const room = new Room();
    const tones = [300, 500, 700, 900, 1100, 1300, 1500, 1700];
    for (const frequency of tones) room.join(`${frequency}`, tone(frequency));
    room.beats(60);
    for (const own of tones) {
      const heard = room.last(`${own}`, 4000);
      for (const other of tones) {
        if (other === own) expect(level(heard, other)).toBeLessThan(5);
        else expect(level(heard, other) / (3000 / Math.SQRT2)).toBeCloseTo(1, 2);
      }
    }
    for (const frequency of tones)
      expect(level(Int16Array.from(room.mix.slice(-4000)), frequency)).toBeGreaterThan(2000);
  });

  it('is byte for byte what the only one who speaks says', () => {
    const room = new Room();
    room.join('speaker', tone(440));
    room.join('listener');
    room.beats(40);
    const said = tone(440);
    const heard = room.heard.get('listener')!;
    const begin = heard.findIndex((sample) => sample !== 0);
    // The first frame fades in; the line lags by one beat.
    expect(begin).toBeGreaterThanOrEqual(160);
    expect(begin).toBeLessThan(330);
    expect(heard.slice(480, 6000)).toEqual([...said.subarray(320, 5840)]);
    expect(room.heard.get('speaker')!.every((sample) => sample === 0)).toBe(true);
  });

  it('is limited, and does not wrap, where many are loud', () => {
    const room = new Room();
    for (let n = 0; n < 6; n++) room.join(`${n}`, tone(300, 30_000));
    room.join('listener');
    room.beats(30);
    const heard = room.last('listener', 1600);
    expect(Math.max(...heard)).toBe(32_767);
    expect(Math.min(...heard)).toBe(-32_768);
    // What wraps jumps from one end to the other.
    expect(roughness(heard)).toBeLessThan(60_000);
    expect(level(heard, 300)).toBeGreaterThan(23_000);
    const without = room.last('0', 1600);
    expect(Math.max(...without)).toBe(32_767);
  });

  it('goes on without a gap or a click for the others when parties come and go', () => {
    const room = new Room();
    room.join('a', tone(400));
    room.join('b', tone(700), pcmu());
    room.join('listener');
    room.beats(50);
    room.join('c', tone(1000));
    room.beats(25);
    room.leave('b');
    room.beats(25);
    const heard = room.last('listener', 16_000);
    // Steps of the tones themselves: amplitude · 2π · f / rate.
    const natural = (frequency: number): number => (3000 * 2 * Math.PI * frequency) / 8000;
    expect(roughness(heard.subarray(1600))).toBeLessThan(natural(400) + natural(700) + natural(1000));
    for (let at = 1600; at + 800 <= heard.length; at += 800) {
      const part = heard.subarray(at, at + 800);
      expect(level(part, 400) / (3000 / Math.SQRT2)).toBeCloseTo(1, 1);
    }
    expect(level(room.last('listener', 1600), 700)).toBeLessThan(20);
    expect(room.mixer.size).toBe(3);
  });

  it('shares one encoding among all who hear the same in one codec', () => {
    const room = new Room();
    room.join('speaker', tone(440));
    for (const id of ['u1', 'u2', 'u3']) room.join(id, undefined, pcmu());
    for (const id of ['a1', 'a2']) room.join(id, undefined, pcma());
    room.beats(30);
    const of = (id: string): Uint8Array => room.payloads.get(id)!;
    expect(of('u2')).toBe(of('u1'));
    expect(of('u3')).toBe(of('u1'));
    expect(of('a2')).toBe(of('a1'));
    expect(of('a1')).not.toBe(of('u1'));
    expect(of('speaker')).not.toBe(of('u1'));
  });

  it('has silence for the beats that were left out', () => {
    const room = new Room();
    room.join('speaker', tone(440, 8000));
    room.join('listener');
    room.beats(30);
    const before = room.heard.get('listener')!.length;
    room.stall(300);
    room.beats(30);
    // Nothing is made up: as many payloads as beats that were called.
    expect(room.heard.get('listener')).toHaveLength(before + 30 * 160);
    expect(level(room.last('listener', 1600), 440)).toBeGreaterThan(5500);
  });

  it('has announcements for everybody, speakers too', () => {
    const room = new Room();
    room.join('speaker', tone(440));
    room.join('listener');
    const announcement = tone(1200);
    let at = 0;
    const announce: FillFrame = (out) => {
      out.set(announcement.subarray(at, at + out.length));
      at += out.length;
      return true;
    };
    room.beats(30, announce);
    for (const id of ['speaker', 'listener'])
      expect(level(room.last(id, 1600), 1200) / (3000 / Math.SQRT2)).toBeCloseTo(1, 1);
    expect(level(room.last('speaker', 1600), 440)).toBeLessThan(10);
  });
});

describe('the rate of the mix', () => {
  it('is the best that every party can hear', () => {
    const { mixer } = new Room();
    const join = (id: string, codec: AudioCodec): number => {
      mixer.join(id, () => codec);
      return mixer.rate;
    };
    expect(join('a', l16(48_000))).toBe(48_000);
    expect(join('b', l16(44_100))).toBe(16_000);
    expect(join('c', pcmu())).toBe(8000);
    mixer.leave('c');
    expect(mixer.rate).toBe(16_000);
    mixer.leave('b');
    expect(mixer.rate).toBe(48_000);
  });

  it('lets wide band through where all have it, and takes it away cleanly where one has not', () => {
    const wide = new Room();
    wide.join('a', tone(5500, 6000, 16_000), l16(16_000));
    wide.join('b', undefined, l16(16_000));
    wide.beats(60);
    expect(level(wide.last('b', 8000), 5500, 16_000) / (6000 / Math.SQRT2)).toBeCloseTo(1, 2);
    wide.join('c', tone(1000), pcmu());
    wide.beats(60);
    expect(level(wide.last('b', 8000), 5500, 16_000)).toBeLessThan(20);
    expect(snr(wide.last('b', 8000), 1000, 16_000)).toBeGreaterThan(30);
    // Nothing is mirrored into the narrow band.
    expect(level(wide.last('c', 4000), 2500)).toBeLessThan(20);
  });

  it('changes without a click', () => {
    const room = new Room();
    room.join('a', tone(400, 6000, 16_000), l16(16_000));
    room.join('b', undefined, l16(16_000));
    room.beats(40);
    room.join('c', undefined, pcmu());
    room.beats(40);
    room.leave('c');
    room.beats(40);
    const heard = room.last('b', 32_000);
    expect(roughness(heard)).toBeLessThan(1.6 * 6000 * 2 * Math.PI * (400 / 16_000));
    // Of each 20 ms there is no less than half.
    for (let at = 0; at + 320 <= heard.length; at += 320)
      expect(level(heard.subarray(at, at + 320), 400, 16_000)).toBeGreaterThan(2500);
  });

  it('hears on in one piece when a party that is converted begins and ends to speak', () => {
    const room = new Room();
    room.join('speaker', tone(400, 6000));
    room.join('narrow');
    // Speaks for 200 ms after 600 ms of silence.
    const says = new Int16Array(16_000 * 2);
    says.set(tone(900, 300, 16_000).subarray(0, 3200), 9600);
    room.join('wide', says, l16(16_000));
    room.beats(90);
    const heard = room.last('wide', 16_000 * 1.6);
    for (let at = 1600; at + 1600 <= heard.length; at += 400)
      expect(snr(heard.subarray(at, at + 1600), 400, 16_000)).toBeGreaterThan(40);
  });
});

describe('who is heard', () => {
  it('is not who is muted, from the join on or in between, and nothing clicks', () => {
    const room = new Room();
    room.join('listener');
    room.join('quiet', tone(900), undefined, 'nobody');
    room.join('speaker', tone(400));
    room.beats(30);
    expect(level(room.last('listener', 4000), 900)).toBeLessThan(1);
    room.mixer.route('speaker', 'nobody');
    room.beats(20);
    expect(Math.max(...room.last('listener', 1600))).toBe(0);
    room.mixer.route('speaker', 'all');
    room.beats(20);
    const heard = room.last('listener', 11_200);
    expect(level(heard.subarray(-1600), 400)).toBeGreaterThan(2000);
    expect(roughness(heard.subarray(1600))).toBeLessThan(1.1 * 3000 * 2 * Math.PI * (400 / 8000));
  });

  it('is for one alone who is whispered to, and who whispers hears the mix', () => {
    const room = new Room();
    room.join('a', tone(400));
    room.join('b', tone(700));
    room.join('c');
    room.join('d');
    room.mixer.route('a', { to: 'c' });
    room.beats(40);
    const hears = (id: string, frequency: number): boolean => level(room.last(id, 1600), frequency) > 1000;
    expect([hears('c', 400), hears('c', 700)]).toEqual([true, true]);
    expect([hears('d', 400), hears('d', 700)]).toEqual([false, true]);
    expect([hears('b', 400), hears('b', 700)]).toEqual([false, false]);
    expect([hears('a', 400), hears('a', 700)]).toEqual([false, true]);
    expect(level(Int16Array.from(room.mix.slice(-1600)), 400)).toBeLessThan(10);
    room.leave('c');
    room.beats(20);
    expect([hears('d', 400), hears('b', 400)]).toEqual([false, false]);
    room.mixer.route('a', 'all');
    room.beats(20);
    expect([hears('d', 400), hears('b', 400)]).toEqual([true, true]);
  });

  it('is told as the speaker: who is loudest, and not at every cough', () => {
    const room = new Room();
    room.join('a', tone(400, 3000, 8000, 2));
    const cough = new Int16Array(16_000);
    cough.set(tone(300, 20_000).subarray(0, 400), 8000);
    room.join('b', cough);
    room.join('c');
    expect(room.mixer.speaker).toBeUndefined();
    room.beats(60);
    expect(room.mixer.speaker).toBe('a');
    room.join('d', tone(600, 3500));
    room.beats(30);
    expect(room.mixer.speaker).toBe('a');
    room.join('e', tone(800, 9000));
    room.beats(30);
    expect(room.mixer.speaker).toBe('e');
    room.leave('e');
    expect(room.mixer.speaker).toBeUndefined();
    room.mixer.route('d', 'nobody');
    room.beats(200);
    expect(room.mixer.speaker).toBeUndefined();
  });
});
