import { describe, expect, it } from 'vitest';
import type { HeardAudio } from '../../../src/testing/hearing/heard-audio.ts';
import { Reference } from '../../../src/testing/hearing/reference.ts';
import { type Segment, transcribe } from '../../../src/testing/hearing/transcript.ts';
import { between, pick, seededRandom } from '../../../src/testing/seeded-random.ts';
import {
  amplified,
  faster,
  heard,
  joined,
  mixed,
  noise,
  noisy,
  prompt,
  promptNames,
  referenceOf,
  silence,
  spokenPrompts,
  tone,
} from './signals.ts';

const references = promptNames.map(referenceOf);

/** ms from the beginning of a prompt to its first sound, and to the end of its last. */
function soundOf(name: string): { readonly from: number; readonly to: number } {
  const reference = references.find((one) => one.name === name);
  return { from: (reference?.loudFrom ?? 0) / 8, to: (reference?.loudTo ?? 0) / 8 };
}

const transcript = (audio: HeardAudio): readonly Segment[] => transcribe(audio, references);
const words = (segments: readonly Segment[]): string[] =>
  segments.map(({ what }) => what).filter((what) => what !== 'silence');

/** Segments follow one another, and none is empty. */
function expectOrder(segments: readonly Segment[], message: string): void {
  let at = 0;
  for (const { from, to } of segments) {
    expect(from, message).toBeGreaterThanOrEqual(at);
    expect(to, message).toBeGreaterThan(from);
    at = to;
  }
}

describe('a prompt', () => {
  it.each(promptNames)('%s is named, with its time', (name) => {
    const audio = heard(joined(silence(1000), prompt(name), silence(1000)), { at: 5000 });
    const [before, segment, after] = transcript(audio);
    const { from, to } = soundOf(name);
    expect(before).toEqual({ from: 0, to: 6000 + from, what: 'silence' });
    expect(segment).toEqual({ from: 6000 + from, to: 6000 + to, what: name });
    expect(after?.what).toBe('silence');
    expect(after?.to).toBe(audio.msOf(audio.end));
  });

  it.each(promptNames)('%s is named in noise, quieter, and as PCMA', (name) => {
    for (const samples of [noisy(prompt(name), 30, 4), amplified(prompt(name), -12)]) {
      const audio = heard(joined(silence(500), samples, silence(500)), { codec: 'PCMA' });
      expect(words(transcript(audio))[0]).toBe(name);
    }
  });

  it('is named when another follows at once, whichever', () => {
    for (const one of promptNames)
      for (const other of ['no-input.wav', 'beep.wav', 'wrong-input.wav']) {
        const segments = transcript(heard(joined(prompt(one), prompt(other), silence(100))));
        expect(words(segments), `${one}, ${other}`).toEqual([one, other]);
        const off = (segments.at(-1)?.from ?? 0) - prompt(one).length / 8 - soundOf(other).from;
        // A beep behind a beep is a longer beep.
        expect(Math.abs(off), `${one}, ${other}`).toBeLessThanOrEqual(one === other ? 40 : 1);
      }
  });

  it('whose end is too soft to be sure of is named as a whole', () => {
    const soft = new Reference('soft', joined(prompt('no-input.wav').subarray(0, 10_000), noise(2400, 60, 2)));
    const other = joined(soft.samples.subarray(0, 10_000), noise(2400, 60, 3));
    const [, segment] = transcribe(heard(joined(silence(1000), other, silence(500))), [soft]);
    expect(segment).toMatchObject({ what: 'soft', to: 1000 + soft.samples.length / 8 });
  });

  it('is named, and no longer than what was heard, when the call ends in its last moment', () => {
    const audio = heard(prompt('no-input.wav').subarray(0, soundOf('no-input.wav').to * 8 - 160));
    const segment = transcript(audio).at(-1);
    expect(segment).toEqual({ from: expect.any(Number), to: audio.msOf(audio.end), what: 'no-input.wav' });
  });

  it('is named each time it is repeated', () => {
    const once = joined(prompt('no-input.wav'), silence(700));
    expect(words(transcript(heard(joined(once, once, once))))).toEqual(Array(3).fill('no-input.wav'));
  });

  it('that is cut off is named with how much was heard of it', () => {
    const goodbye = prompt('goodbye.wav').subarray(soundOf('goodbye.wav').from * 8);
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed, 'cut');
      const name = pick(random, spokenPrompts);
      const { from, to } = soundOf(name);
      const cut = between(random, from + 300, to - 200);
      const next = pick(random, [silence(2000), joined(silence(80), prompt('beep.wav')), goodbye]);
      const audio = heard(joined(prompt(name).subarray(0, cut * 8), next), { seed });
      const segments = transcript(audio);
      const segment = segments.find(({ what }) => what !== 'silence');
      expect(segment?.what, `seed ${seed}`).toMatch(new RegExp(`^${name}, the first \\d+\\.\\d s$`));
      // What was silent before the cut was not missed; what is soft may be.
      const message = `seed ${seed}: ${name} until ${cut}`;
      expect(segment?.to, message).toBeGreaterThanOrEqual(lastSound(name, cut) - 40);
      expect(segment?.to, message).toBeLessThanOrEqual(cut + 40);
      const told = Number(/first (\S+) s/.exec(segment?.what ?? '')?.[1]) * 1000;
      expect(Math.abs(told - ((segment?.to ?? 0) - from)), message).toBeLessThanOrEqual(50);
      expectOrder(segments, `seed ${seed}`);
      if (next === goodbye) expect(words(segments), `seed ${seed}`).toEqual([segment?.what, 'goodbye.wav']);
    }
  });

  it('is named though one packet in twenty is lost, nearly always, and never as another', () => {
    let missed = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const random = seededRandom(seed, 'order');
      const names = [1, 2, 3].map(() => pick(random, spokenPrompts));
      const gaps = names.map(() => silence(between(random, 0, 1500)));
      const samples = joined(...names.flatMap((name, i) => [gaps[i] as Int16Array, prompt(name)]), silence(200));
      const segments = transcript(heard(samples, { seed, loss: 0.05, reorder: 0.1 }));
      expectOrder(segments, `seed ${seed}`);
      const named = words(segments).filter((word) => word !== 'some other sound');
      missed += names.length - named.length;
      let place = 0;
      for (const name of named) {
        place = names.indexOf(name, place) + 1;
        expect(place, `seed ${seed}: ${named} of ${names}`).toBeGreaterThan(0);
      }
    }
    // Of 200 seeds five miss one of their three: losses that fall into each of the places it is looked for by.
    expect(missed).toBeLessThanOrEqual(1);
  });

  it('is named among others in a dialogue of minutes, at the right times', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = seededRandom(seed, 'dialogue');
      const parts: Int16Array[] = [];
      const expected: { readonly what: string; readonly from: number }[] = [];
      let ms = 0;
      while (ms < 90_000) {
        const gap = between(random, 400, 6000);
        const name = pick(random, promptNames);
        expected.push({ what: name, from: ms + gap + soundOf(name).from });
        parts.push(silence(gap), prompt(name));
        ms += gap + prompt(name).length / 8;
      }
      const segments = transcript(heard(joined(...parts))).filter(({ what }) => what !== 'silence');
      expect(segments.map(({ what }) => what)).toEqual(expected.map(({ what }) => what));
      for (const [i, { from }] of segments.entries())
        expect(Math.abs(from - (expected[i]?.from ?? 0)), `seed ${seed}, the ${i}th`).toBeLessThanOrEqual(1);
    }
  });
});

describe('what is not known', () => {
  it('is some other sound', () => {
    for (const samples of [
      prompt('echo.wav').toReversed(),
      faster(prompt('message.wav'), 1.1),
      noise(16_000, 2000, 1),
      joined(prompt('welcome.wav').subarray(40_000)),
    ]) {
      const segments = transcript(heard(joined(silence(500), samples, silence(500))));
      expectOrder(segments, 'other');
      expect(new Set(words(segments))).toEqual(new Set(['some other sound']));
    }
  });

  it.each(spokenPrompts)('is no tone in the words of %s', (name) => {
    const found = new Set<string>();
    for (let at = 0; at < prompt(name).length; at += 800)
      for (const what of words(transcribe(heard(prompt(name).subarray(at, at + 2400)), []))) found.add(what);
    expect(found).toEqual(new Set(['some other sound']));
  });

  it('does not hide the prompt that follows it without a pause', () => {
    const unknown = joined(prompt('echo.wav').toReversed().subarray(4000, 20_000));
    for (const name of promptNames) {
      const segments = transcript(heard(joined(unknown, prompt(name), silence(300))));
      expect(words(segments).at(-1), name).toBe(name);
      expect(words(segments)[0], name).toBe('some other sound');
      const { from } = segments.find(({ what }) => what === name) as Segment;
      expect(Math.abs(from - unknown.length / 8 - soundOf(name).from), name).toBeLessThanOrEqual(1);
    }
  });

  it('is silence where nothing came, and where silence came', () => {
    const audio = heard(joined(silence(2000), prompt('beep.wav'), silence(3000)), { at: 1000 });
    expect(transcript(audio)).toEqual([
      { from: 0, to: 3000, what: 'silence' },
      { from: 3000, to: 3400, what: 'beep.wav' },
      { from: 3400, to: 6400, what: 'silence' },
    ]);
    expect(transcript(heard(new Int16Array(0)))).toEqual([]);
    expect(transcribe(heard(silence(400)), [])).toEqual([{ from: 0, to: 400, what: 'silence' }]);
  });

  it('is not worth a line when it is a pause of less than 300 ms', () => {
    const segments = transcript(heard(joined(prompt('beep.wav'), silence(150), prompt('no-input.wav'))));
    expect(segments.map(({ what }) => what)).toEqual(['beep.wav', 'no-input.wav']);
  });
});

describe('a tone', () => {
  it.each([
    [[440], 'a tone of 440 Hz'],
    [[425], 'a tone of 425 Hz'],
    [[440, 480], 'a tone of 440 + 480 Hz'],
    [[480, 620], 'a tone of 480 + 620 Hz'],
    [[697, 1209], 'a tone of 697 + 1209 Hz'],
  ])('of %j Hz is named, however long', (frequencies, what) => {
    for (const ms of [120, 1000, 10_000])
      for (const level of [-10, -35]) {
        const segments = transcript(heard(joined(silence(500), tone(frequencies, ms, level), silence(500))));
        expect(
          segments.map((segment) => segment.what),
          `${ms} ms`,
        ).toEqual(['silence', what, 'silence']);
        expect(Math.abs((segments[1]?.from ?? 0) - 500)).toBeLessThanOrEqual(20);
        expect(Math.abs((segments[1]?.to ?? 0) - 500 - ms)).toBeLessThanOrEqual(40);
      }
  });

  it('that comes and goes is named each time', () => {
    const segments = transcript(heard(tone([425], 9000, -20, [1000, 3000])));
    expect(words(segments)).toEqual(Array(3).fill('a tone of 425 Hz'));
  });

  it('is not what a known sound is', () => {
    expect(words(transcript(heard(joined(silence(300), prompt('beep.wav'), silence(300)))))).toEqual(['beep.wav']);
  });
});

describe('the words of the phone itself', () => {
  it('are named when they come back', () => {
    const own = prompt('goodbye.wav');
    const echo = heard(joined(prompt('echo.wav'), silence(1200), amplified(own, -10), silence(500)));
    expect(words(transcript(echo))).toEqual(['echo.wav', 'goodbye.wav']);
  });

  it('are not heard below a louder prompt, which is', () => {
    const both = mixed(prompt('message.wav'), amplified(joined(silence(900), prompt('goodbye.wav')), -20));
    expect(words(transcript(heard(both)))).toEqual(['message.wav']);
  });
});

/** The end of the last sound of a prompt before `ms`. */
function lastSound(name: string, ms: number): number {
  const samples = prompt(name);
  let last = 0;
  for (let at = 0; at < ms * 8; at += 160) {
    const end = Math.min(at + 160, ms * 8);
    const part = samples.subarray(at, end);
    if (Math.sqrt(part.reduce((sum, x) => sum + x * x, 0) / part.length) >= 100) last = end / 8;
  }
  return last;
}
