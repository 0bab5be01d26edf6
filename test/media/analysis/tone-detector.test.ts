import { describe, expect, it } from 'vitest';
import { ToneDetector } from '../../../media/analysis/tone-detector.ts';
import { measureTone, type ToneMeasure } from '../../../media/analysis/tone-meter.ts';
import { type ToneKind, type TonePlanName, toneKinds, tonePlans } from '../../../media/analysis/tone-plans.ts';
import { type Tone, ToneGenerator, tones } from '../../../media/audio/tone.ts';
import { companded, frames, join, key, limited, silence, sines, withNoise } from './signals.ts';
import { Speaker } from './speech.ts';

interface Found {
  readonly kind: ToneKind;
  readonly at: number;
  readonly durationMs: number;
  readonly frequency: number;
}

function found(audio: Int16Array, plan: TonePlanName = 'etsi', kinds = toneKinds): Found[] {
  const detector = new ToneDetector(kinds, tonePlans[plan]);
  const all: Found[] = [];
  let ms = 0;
  for (const frame of frames(audio)) {
    ms += 20;
    for (const { kind, ago, durationMs, frequency } of detector.frame(frame, true))
      all.push({ kind, at: ms - ago, durationMs, frequency });
  }
  return all;
}

const kindsIn = (...args: Parameters<typeof found>): ToneKind[] => found(...args).map(({ kind }) => kind);

function sounded(tone: Tone, ms: number): Float64Array {
  const out = new Int16Array(ms * 8);
  new ToneGenerator(tone, 8000).fill(out);
  return Float64Array.from(out);
}

const sine = (frequency: number, ms: number, level = -12): Float64Array => sines(ms, [{ frequency, level }]);

describe('the tone meter', () => {
  it('measures a sine to two hertz, over the whole band, with noise as well', () => {
    const measure: ToneMeasure = { frequency: 0, purity: 0, level: 0 };
    for (let frequency = 380; frequency < 3400; frequency += 61) {
      measureTone(limited(sine(frequency, 20)), measure);
      expect(Math.abs(measure.frequency - frequency)).toBeLessThan(2);
      expect(measure.purity).toBeGreaterThan(0.98);
      measureTone(limited(withNoise(sine(frequency, 20), -30, frequency)), measure);
      expect(Math.abs(measure.frequency - frequency)).toBeLessThan(5);
      expect(measure.purity).toBeGreaterThan(0.94);
    }
  });
});

describe('call progress', () => {
  it.each([
    ['ringback', 'etsi', tones.ringback],
    ['busy', 'etsi', tones.busy],
    ['congestion', 'etsi', tones.congestion],
    ['ringback', 'us', tones.ringbackUs],
    ['busy', 'us', tones.busyUs],
    ['congestion', 'us', { ...tones.busyUs, cadence: [250, 250] }],
    ['ringback', 'uk', { frequencies: [400, 450], cadence: [400, 200, 400, 2000], level: -20 }],
    ['busy', 'uk', { frequencies: [400], cadence: [375, 375], level: -20 }],
    ['congestion', 'uk', { frequencies: [400], cadence: [400, 350, 225, 525], level: -20 }],
  ] as const)('%s of %s is told once, at −33, −20 and −6 dB', (kind, plan, tone) => {
    for (const level of [-33, -20, -6]) {
      const audio = join(silence(430), sounded({ ...tone, level }, 20_000));
      expect(kindsIn(limited(audio), plan)).toEqual([kind]);
      expect(kindsIn(companded(limited(withNoise(audio, -50, 1)), 'PCMU'), plan)).toEqual([kind]);
    }
  });

  it.each([
    ['etsi', [425]],
    ['us', [350, 440]],
    ['uk', [350, 440]],
  ] as const)('the dial tone of %s', (plan, frequencies) => {
    expect(kindsIn(limited(sounded({ frequencies, cadence: [], level: -20 }, 10_000)), plan)).toEqual(['dial']);
  });

  it('a tone that changes is told again', () => {
    const audio = join(sounded(tones.ringback, 12_000), sounded(tones.busy, 5000), sounded(tones.congestion, 4000));
    expect(kindsIn(limited(audio))).toEqual(['ringback', 'busy', 'congestion']);
  });

  it('may be 15 Hz off, and not 40', () => {
    for (const off of [-15, 15])
      expect(kindsIn(limited(sounded({ ...tones.busy, frequencies: [425 + off] }, 5000)))).toEqual(['busy']);
    expect(kindsIn(limited(sounded({ ...tones.busy, frequencies: [465] }, 5000)))).not.toContain('busy');
  });

  it('of another country is none', () => {
    expect(kindsIn(limited(sounded(tones.busyUs, 10_000)), 'etsi')).toEqual([]);
    expect(kindsIn(limited(sounded(tones.ringback, 10_000)), 'us', ['ringback', 'busy', 'congestion'])).toEqual([]);
  });
});

describe('fax', () => {
  it('calls with 1100 Hz, half a second in three and a half', () => {
    const one = join(silence(1000), sine(1100, 500), silence(2000));
    const [cng, ...more] = found(limited(one));
    expect(more).toEqual([]);
    expect(cng).toMatchObject({ kind: 'cng' });
    expect(Math.abs(cng!.at - 1000)).toBeLessThanOrEqual(40);
    expect(Math.abs(cng!.durationMs - 500)).toBeLessThanOrEqual(40);
    for (const frequency of [1062, 1138])
      expect(kindsIn(limited(join(sine(frequency, 500), silence(99))))).toEqual(['cng']);
  });

  it('answers with 2100 Hz, with phase reversals or without', () => {
    expect(kindsIn(limited(join(silence(300), sine(2100, 3000), silence(500))))).toEqual(['ced']);
    const reversed = sine(2100, 3000).map((sample, i) => (Math.floor(i / 3600) % 2 === 0 ? sample : -sample));
    expect(kindsIn(companded(limited(join(silence(307), reversed, silence(500))), 'PCMA'))).toEqual(['ced']);
  });
});

describe('a beep', () => {
  it.each([400, 440, 620, 850, 1000, 1400, 1980])('of %i Hz is told at its end, with its length', (frequency) => {
    for (const ms of [80, 200, 480, 1000]) {
      for (const level of [-30, -3]) {
        const audio = companded(limited(join(silence(407), sine(frequency, ms, level), silence(500))), 'PCMU');
        const [beep, ...more] = found(audio, 'us', ['beep']);
        expect(more).toEqual([]);
        expect(beep).toMatchObject({ kind: 'beep', frequency });
        expect(Math.abs(beep!.at - 407)).toBeLessThanOrEqual(40);
        expect(Math.abs(beep!.durationMs - ms)).toBeLessThanOrEqual(45);
      }
    }
  });

  it('is no shorter than 60 ms, no key press, no long tone and no busy signal', () => {
    for (const sound of [sine(1000, 50), key('5', { ms: 200 }), sine(1000, 4000)])
      expect(kindsIn(limited(join(silence(200), sound, silence(500))))).toEqual([]);
    expect(kindsIn(limited(sounded(tones.busy, 5000)))).not.toContain('beep');
  });

  it.each([1, 2])('is not heard in three minutes of speech-like audio, nor is any other tone (seed %i)', (seed) => {
    const speaker = new Speaker(seed);
    for (let s = 0; s < 180; s += 10) expect(found(limited(speaker.talk(10_000)), 'us')).toEqual([]);
  });
});

describe('a tone detector', () => {
  it('goes on from a copy of the state, and over what was lost', () => {
    const plan = tonePlans.etsi;
    let detector = new ToneDetector(toneKinds, plan);
    const kinds: ToneKind[] = [];
    let at = 0;
    for (const frame of frames(limited(join(silence(200), sounded(tones.busy, 4000))))) {
      const known = at++ % 9 !== 4;
      for (const { kind } of detector.frame(known ? frame : new Int16Array(160), known)) kinds.push(kind);
      detector = new ToneDetector(toneKinds, plan, structuredClone(detector.state));
    }
    expect(kinds).toEqual(['busy']);
  });
});
