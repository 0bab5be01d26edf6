import { describe, expect, it } from 'vitest';
import { Vad } from '../../../media/analysis/vad.ts';
import { companded, frames, join, key, limited, silence, sines, withNoise } from './signals.ts';
import { Speaker } from './speech.ts';

interface Found {
  readonly type: string;
  readonly at: number;
}

function events(audio: Int16Array, silenceMs = 700, vad = new Vad({ silenceMs })): Found[] {
  const found: Found[] = [];
  let ms = 0;
  for (const frame of frames(audio)) {
    ms += 20;
    const event = vad.frame(frame, true);
    if (event) found.push({ type: event.type, at: ms - event.ago });
  }
  return found;
}

/** A phrase without pauses, from 1000 ms to 3000 ms, and silence around. */
const phrase = (seed: number, level: number): Float64Array =>
  join(silence(1000), new Speaker(seed).talk(2000, { pauseMs: 0, level, syllables: 100 }), silence(2000));

function expectPhrase(found: readonly Found[], within = 120): void {
  expect(found.map(({ type }) => type)).toEqual(['speech:start', 'speech:end']);
  expect(Math.abs(found[0]!.at - 1000)).toBeLessThanOrEqual(within);
  expect(Math.abs(found[1]!.at - 3000)).toBeLessThanOrEqual(within);
}

describe('speech', () => {
  it.each([-30, -20, -10, -3])('of %i dBm0 is heard where it begins and ends', (level) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      expectPhrase(events(limited(phrase(seed, level))));
      expectPhrase(events(companded(limited(phrase(seed, level)), 'PCMA')));
    }
  });

  it.each([-60, -50, -40])('is heard over noise of %i dBm0 that was there from the beginning', (noise) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const audio = withNoise(phrase(seed, -14), noise, seed);
      expectPhrase(events(companded(limited(audio), 'PCMU')), 160);
    }
  });

  it('is heard over the hum of a mains cable', () => {
    for (const seed of [1, 2, 3]) {
      const speech = phrase(seed, -20);
      const hum = sines(5000, [{ frequency: 50, level: -30 }]);
      expectPhrase(events(limited(speech.map((sample, i) => sample + hum[i]!))));
    }
  });

  it('ends after the silence that was asked for', () => {
    const speaker = new Speaker(7);
    const phraseOf = (ms: number): Float64Array => speaker.talk(ms, { pauseMs: 0, syllables: 100 });
    const audio = limited(join(silence(500), phraseOf(1000), silence(600), phraseOf(1000), silence(2000)));
    expect(events(audio, 400)).toHaveLength(4);
    expect(events(audio, 900)).toHaveLength(2);
  });

  it('is no click, no pure tone, and no noise that stays', () => {
    const click = join(silence(1000), sines(30, [{ frequency: 300, level: -5 }]), silence(1000));
    expect(events(limited(click))).toEqual([]);
    expect(events(limited(join(silence(500), sines(2000, [{ frequency: 425, level: -10 }]))))).toEqual([]);
    const found = events(limited(join(silence(1000), withNoise(silence(8000), -30, 1))));
    expect(found.map(({ type }) => type)).toEqual(['speech:start', 'speech:end']);
    expect(found[1]!.at - found[0]!.at).toBeLessThan(2600);
  });

  it('is heard again behind a noise that came and stayed', () => {
    const audio = join(silence(500), withNoise(join(silence(5000), phrase(3, -10)), -35, 2));
    expect(events(limited(audio)).map(({ type }) => type)).toEqual([
      'speech:start',
      'speech:end',
      'speech:start',
      'speech:end',
    ]);
  });

  it('goes on over what was lost', () => {
    const vad = new Vad({ silenceMs: 100 });
    const found: string[] = [];
    let at = 0;
    for (const frame of frames(limited(join(silence(500), key('5', { ms: 1000 }), silence(1000))))) {
      const known = at < 40 || at > 50;
      const event = vad.frame(known ? frame : new Int16Array(160), known);
      if (event) found.push(event.type);
      at++;
    }
    expect(found).toEqual(['speech:start', 'speech:end']);
  });

  it('goes on from a copy of the state', () => {
    const audio = limited(phrase(2, -16));
    let vad = new Vad({ silenceMs: 700 });
    const found: string[] = [];
    for (const frame of frames(audio)) {
      const event = vad.frame(frame, true);
      if (event) found.push(event.type);
      vad = new Vad({ silenceMs: 700 }, structuredClone(vad.state));
    }
    expect(found).toEqual(['speech:start', 'speech:end']);
  });
});
