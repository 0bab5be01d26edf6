import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rms } from '../../../src/testing/hearing/heard-audio.ts';
import { Reference } from '../../../src/testing/hearing/reference.ts';
import { Search, usualTolerance } from '../../../src/testing/hearing/search.ts';
import { between, pick, seededRandom } from '../../../src/testing/seeded-random.ts';
import {
  amplified,
  arrivals,
  beginOf,
  earFor,
  faster,
  findIn,
  heard,
  joined,
  listen,
  longPrompts,
  mixed,
  noise,
  noisy,
  prompt,
  promptNames,
  referenceOf,
  silence,
  spokenPrompts,
  tone,
  type Wire,
  without,
} from './signals.ts';

const references = new Map(promptNames.map((name) => [name, referenceOf(name)]));
const named = (name: string): Reference => references.get(name) as Reference;
/** Of a tone every period is like the one before. */
const periodOfBeep = 8;

interface Way {
  readonly through?: (samples: Int16Array) => Int16Array;
  readonly wire?: Wire;
  readonly similarity: number;
}

const ways: Readonly<Record<string, Way>> = {
  'as PCMU': { similarity: 0.999 },
  'as PCMA': { wire: { codec: 'PCMA' }, similarity: 0.999 },
  '12 dB quieter': { through: (samples) => amplified(samples, -12), similarity: 0.999 },
  '6 dB louder': { through: (samples) => amplified(samples, 6), similarity: 0.995 },
  'with noise 20 dB below': { through: (samples) => noisy(samples, 20, 7), similarity: 0.99 },
  'with noise 8 dB below': { through: (samples) => noisy(samples, 8, 7), similarity: 0.92 },
  'twice each packet': { wire: { duplicate: 1 }, similarity: 0.999 },
  'with every second packet late': { wire: { reorder: 0.5 }, similarity: 0.999 },
  'with 60 ms of jitter': { wire: { jitterMs: 60 }, similarity: 0.999 },
};

function loudest(samples: Int16Array, length: number): Int16Array {
  const parts = Array.from({ length: Math.floor(samples.length / length) }, (_, i) =>
    samples.subarray(i * length, (i + 1) * length),
  );
  return parts.reduce((best, part) => (rms(part) > rms(best) ? part : best));
}

describe('a prompt is found', () => {
  describe.each(promptNames)('%s', (name) => {
    it.each(Object.entries(ways))('%s', (_, { through = (samples) => samples, wire = {}, similarity }) => {
      const lead = silence(333);
      const samples = joined(lead, through(prompt(name)));
      const audio = heard(samples, wire);
      const { match } = findIn(audio, named(name));
      expect(match?.similarity).toBeGreaterThan(similarity);
      expect(match?.lostMs).toBe(0);
      // The play-out begins at a whole millisecond.
      const begin = 8 * Math.round(beginOf(samples, wire));
      const off = Math.abs((match?.from ?? 0) - (begin + lead.length + named(name).loudFrom));
      expect(off).toBeLessThanOrEqual(name === 'beep.wav' ? periodOfBeep : 1);
      expect((match?.to ?? 0) - (match?.from ?? 0)).toBe(named(name).loudTo - named(name).loudFrom);
    });

    it('as L16 at 16 kHz, in its time, whatever the order of the packets', () => {
      const wide = (samples: Int16Array): Int16Array => {
        // A sample between two is their mean: good enough for what a telephone carries.
        const out = new Int16Array(2 * samples.length);
        for (let i = 0; i < samples.length; i++) {
          out[2 * i] = samples[i] as number;
          out[2 * i + 1] = ((samples[i] as number) + (samples[i + 1] ?? 0)) / 2;
        }
        return out;
      };
      const lead = silence(334);
      const wire = { codec: 'L16', rate: 16_000, reorder: 0.3, duplicate: 0.3, seed: 2 };
      const { match } = findIn(heard(wide(joined(lead, prompt(name), silence(100))), wire), named(name));
      expect(match?.similarity).toBeGreaterThan(0.97);
      const off = Math.abs((match?.from ?? 0) - (lead.length + named(name).loudFrom));
      expect(off).toBeLessThanOrEqual(name === 'beep.wav' ? periodOfBeep : 1);
    });
  });

  it('wherever it begins, to the sample and at the right time', () => {
    const places = fc.record({
      name: fc.constantFrom(...spokenPrompts),
      lead: fc.integer({ min: 0, max: 16_000 }),
      sent: fc.integer({ min: 0, max: 60_000 }),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(places, ({ name, lead, sent, seed }) => {
        const before = noise(lead, 10, seed);
        const audio = heard(joined(before, prompt(name)), { at: sent });
        const { match } = findIn(audio, named(name), { begin: audio.positionOf(sent) });
        const from = sent + (lead + named(name).loudFrom) / 8;
        expect(Math.abs(audio.msOf(match?.from ?? 0) - from)).toBeLessThanOrEqual(1 / 8);
      }),
      { seed: 20_260_101, numRuns: 60 },
    );
  });

  it('as soon as the last of it is heard, and not before', () => {
    for (const name of spokenPrompts) {
      const { match, at } = listen(named(name), joined(silence(100), prompt(name), silence(1000)));
      // The packet that holds its end, when it comes.
      const end = Math.ceil((match?.to ?? 0) / 160) * 20 - 20;
      expect(at, name).toBe(end);
    }
  });

  it('behind other words without a pause', () => {
    for (const [i, name] of spokenPrompts.entries()) {
      const other = prompt(spokenPrompts[(i + 1) % spokenPrompts.length] as string);
      const { match } = findIn(heard(joined(other, prompt(name), other)), named(name));
      expect(match?.from, name).toBe(other.length + named(name).loudFrom);
    }
  });

  it('after ten minutes of silence', () => {
    const lead = silence(600_000);
    const { match } = findIn(heard(joined(lead, prompt('no-input.wav'))), named('no-input.wav'));
    expect(match?.from).toBe(lead.length + named('no-input.wav').loudFrom);
  });

  it('twice when it is played twice, one after the other', () => {
    for (const name of promptNames) {
      const audio = heard(joined(prompt(name), prompt(name)));
      const first = findIn(audio, named(name)).match;
      const second = findIn(audio, named(name), { begin: first?.to ?? 0 }).match;
      const third = findIn(audio, named(name), { begin: second?.to ?? 0 }).match;
      const off = Math.abs((second?.from ?? 0) - (first?.from ?? 0) - prompt(name).length);
      expect(off, name).toBeLessThanOrEqual(name === 'beep.wav' ? periodOfBeep : 0);
      expect(third, name).toBeUndefined();
    }
  });

  it('not before it is listened for', () => {
    const audio = heard(joined(prompt('goodbye.wav'), silence(500)));
    expect(findIn(audio, named('goodbye.wav'), { begin: 1600 }).match).toBeUndefined();
  });

  it('by its first words alone, if that is asked for', () => {
    const audio = heard(joined(silence(200), prompt('welcome.wav').subarray(0, 8000), prompt('goodbye.wav')));
    expect(findIn(audio, named('welcome.wav').head(1000)).match?.similarity).toBeGreaterThan(0.999);
    expect(findIn(audio, named('welcome.wav').head(1300)).match).toBeUndefined();
  });
});

describe('packets that are lost', () => {
  it('one in twenty, and others late: with each of 110 seeds every prompt is found', () => {
    for (let seed = 1; seed <= 110; seed++) {
      // Each seed the turn of four of them.
      for (let i = 0; i < 4; i++) {
        const name = spokenPrompts[(seed + i) % spokenPrompts.length] as string;
        const audio = heard(prompt(name), { seed, loss: 0.05, reorder: 0.1, duplicate: 0.05 });
        // Of a short one it may happen to be a sixth.
        const tolerance = prompt(name).length > 4 * 8000 ? usualTolerance : { similarity: 0.9, loss: 0.18 };
        const { match, search } = findIn(audio, named(name), { tolerance });
        expect(match, `${name}, seed ${seed}, nearest ${JSON.stringify(search.best)}`).toBeDefined();
      }
    }
  });

  it('one in four: no prompt is found, and it is told how near it came', () => {
    for (let seed = 1; seed <= 32; seed++) {
      for (let i = 0; i < 2; i++) {
        const name = spokenPrompts[(seed + 4 * i) % spokenPrompts.length] as string;
        const audio = heard(prompt(name), { seed, loss: 0.25 });
        const { match, search } = findIn(audio, named(name));
        expect(match, `${name}, seed ${seed}`).toBeUndefined();
        expect(search.best?.similarity, `${name}, seed ${seed}`).toBeGreaterThan(0.98);
        expect(search.best?.lostMs, `${name}, seed ${seed}`).toBeGreaterThan(0.1 * (search.best?.soundMs ?? 0));
      }
    }
  });

  it('one in four: every prompt is found if that may be', () => {
    const tolerance = { similarity: 0.9, loss: 0.45 };
    for (let seed = 1; seed <= 10; seed++)
      for (const name of spokenPrompts)
        expect(findIn(heard(prompt(name), { seed, loss: 0.25 }), named(name), { tolerance }).match).toBeDefined();
  });

  it('are counted to the millisecond', () => {
    const reference = named('message.wav');
    const ear = earFor();
    // Packets 30 to 33, in the middle of a word.
    for (const [i, { at, bytes }] of arrivals(prompt('message.wav')).entries())
      if (i < 30 || i >= 34) ear.receive(at, bytes);
    const { match } = findIn(ear.audio, reference);
    const gone = prompt('message.wav').subarray(30 * 160, 34 * 160);
    expect(rms(gone)).toBeGreaterThan(300);
    expect(match).toMatchObject({ lostMs: 80, gapMs: 80 });
  });

  it('in a row are a hole, which is refused however long the prompt is', () => {
    const reference = named('welcome.wav');
    const hole = (packets: number): Int16Array => {
      const samples = prompt('welcome.wav').slice();
      samples.fill(0, 25 * 160, (25 + packets) * 160);
      return samples;
    };
    expect(findIn(heard(hole(4)), reference).match).toBeDefined();
    const { match, search } = findIn(heard(hole(8)), reference);
    expect(match).toBeUndefined();
    expect(search.best?.gapMs).toBeGreaterThan(100);
  });
});

describe('a stretch', () => {
  it('most of which is something else is refused, whatever is alike in it by chance', () => {
    const reference = named('welcome.wav');
    const spoilt = prompt('welcome.wav').slice();
    const audible: number[] = [];
    for (let at = reference.loudFrom; at < reference.loudTo; at += 160)
      if (rms(spoilt.subarray(at, at + 160)) > 200) audible.push(at);
    // 300 of 400 ms.
    for (const [i, at] of audible.slice(100, 120).entries()) if (i % 4 < 3) spoilt.set(noise(160, 3000, i), at);
    const { match, search } = findIn(heard(spoilt), reference);
    expect(match).toBeUndefined();
    expect(search.best?.similarity).toBeGreaterThan(0.9);
    expect(search.best?.lostMs).toBeLessThan(0.1 * (search.best?.soundMs ?? 0));
    expect(search.best?.gapMs).toBeGreaterThan(100);
  });

  it('that is lost where the sound is looked for first does not hide it behind the next', () => {
    const reference = named('welcome.wav');
    const spoilt = prompt('welcome.wav').slice();
    spoilt.fill(0, (reference.probes[0]?.at ?? 0) + 112, (reference.probes[0]?.at ?? 0) + 112 + 800);
    const audio = heard(joined(spoilt, prompt('welcome.wav')));
    expect(new Search(reference, audio, 0).look(audio.end, true)?.from).toBe(reference.loudFrom);
    expect(findIn(audio, reference).match?.from).toBe(reference.loudFrom);
  });
});

describe('a packet that is late', () => {
  it('is heard in its place, while all is still coming, with each of 24 seeds', () => {
    for (let seed = 1; seed <= 24; seed++) {
      const name = spokenPrompts[seed % spokenPrompts.length] as string;
      const wire = { seed, jitterMs: 60, reorder: 0.2, duplicate: 0.1 };
      const { match } = listen(named(name), joined(silence(100), prompt(name), silence(500)), wire);
      expect(match, `${name}, seed ${seed}`).toMatchObject({ lostMs: 0 });
    }
  });

  it('is waited for before it is said to be missing', () => {
    const reference = named('no-input.wav');
    // The last packet with sound in it comes 90 ms after the others.
    const all = arrivals(joined(prompt('no-input.wav'), silence(200)));
    const late = Math.floor((reference.loudTo - 1) / 160) - 1;
    const order = all.map((one, i) => (i === late ? { ...one, at: one.at + 90 } : one)).sort((a, b) => a.at - b.at);
    const ear = earFor();
    const search = new Search(reference, ear.audio, 0);
    let match: ReturnType<typeof search.look>;
    for (const { at, bytes } of order) {
      ear.receive(at, bytes);
      match ??= search.look(ear.audio.settledAt(at));
    }
    expect(match).toMatchObject({ lostMs: 0 });
  });
});

const spoiled: Readonly<Record<string, (samples: Int16Array) => Int16Array>> = {
  'cut off in the middle': (samples) => joined(samples.subarray(0, samples.length / 2), silence(5000)),
  'cut off in the middle, and the call is over': (samples) => samples.subarray(0, samples.length / 2),
  'without its first half': (samples) => samples.subarray(samples.length / 2),
  '5 % faster': (samples) => faster(samples, 1.05),
  '1 % slower': (samples) => faster(samples, 0.99),
  'at the double rate': (samples) => faster(samples, 2),
  reversed: (samples) => samples.toReversed(),
  'upside down': (samples) => samples.map((sample) => -sample),
  'without 100 ms in the middle': (samples) => without(samples, samples.length / 16, samples.length / 16 + 100),
  'without 100 ms near the end': (samples) => without(samples, samples.length / 11, samples.length / 11 + 100),
  'with 40 ms of silence in the middle': (samples) =>
    joined(samples.subarray(0, samples.length / 2), silence(40), samples.subarray(samples.length / 2)),
  'with 40 ms said twice': (samples) =>
    joined(samples.subarray(0, samples.length / 2), samples.subarray(samples.length / 2 - 320)),
};

describe('a prompt is not found', () => {
  describe.each(Object.entries(spoiled))('%s:', (_, spoil) => {
    it.each(longPrompts)('%s', (name) => {
      const audio = heard(joined(silence(200), spoil(prompt(name)), silence(300)));
      expect(findIn(audio, named(name)).match).toBeUndefined();
    });
  });

  it('when it is cut off, but it is told how much was like it', () => {
    for (const name of spokenPrompts) {
      const half = joined(silence(200), prompt(name).subarray(0, prompt(name).length / 2), silence(10_000));
      const { best } = findIn(heard(half), named(name)).search;
      expect(best?.from, name).toBe(1600 + named(name).loudFrom);
      expect((best?.lostMs ?? 0) / (best?.soundMs ?? 1), name).toBeGreaterThan(0.35);
      expect((best?.lostMs ?? 0) / (best?.soundMs ?? 1), name).toBeLessThan(0.65);
    }
  });

  it('below others as loud as it is, unless that is asked for', () => {
    for (const [i, name] of spokenPrompts.entries()) {
      const rest = spokenPrompts.filter((_, j) => j !== i).map(prompt);
      const other = joined(...rest).subarray(0, prompt(name).length);
      const level = 20 * Math.log10(rms(prompt(name)) / rms(other));
      const audio = heard(joined(silence(250), mixed(prompt(name), amplified(other, level))));
      expect(findIn(audio, named(name)).match, name).toBeUndefined();
      const { match } = findIn(audio, named(name), { tolerance: { similarity: 0.65, loss: 0.1 } });
      expect(match?.from, name).toBe(2000 + named(name).loudFrom);
    }
  });
});

describe('nothing is heard by mistake', () => {
  it.each(promptNames)('in %s, of all other prompts', (name) => {
    const audio = heard(joined(silence(100), prompt(name), silence(200)));
    for (const other of promptNames)
      if (other !== name) expect(findIn(audio, named(other)).match, other).toBeUndefined();
  });

  const others: Readonly<Record<string, Int16Array>> = {
    silence: silence(10_000),
    'white noise': noise(80_000, 3000, 11),
    'a tone of 440 Hz': tone([440], 10_000),
    'ringback of two tones': tone([440, 480], 10_000, -20, [2000, 4000]),
    'a busy tone': tone([425], 10_000, -20, [480, 480]),
    clicks: Int16Array.from({ length: 80_000 }, (_, i) => (i % 1000 === 0 ? 20_000 : 0)),
  };
  it.each(Object.entries(others))('in %s, of any prompt', (_, samples) => {
    const audio = heard(samples);
    for (const name of promptNames) expect(findIn(audio, named(name)).match, name).toBeUndefined();
  });

  it('even if a share of 40 % may be missing', () => {
    const tolerance = { similarity: 0.9, loss: 0.4 };
    for (const name of spokenPrompts) {
      const audio = heard(prompt(name));
      for (const other of spokenPrompts)
        if (other !== name)
          expect(findIn(audio, named(other), { tolerance }).match, `${other} in ${name}`).toBeUndefined();
    }
  });
});

describe('a reference', () => {
  it('of one click is found, once for each', () => {
    const click = new Reference('click', Int16Array.of(...silence(50), 12_000, -12_000, 6000, ...silence(50)));
    const audio = heard(joined(silence(100), click.samples, silence(1003), click.samples, silence(100)));
    const first = findIn(audio, click).match;
    const second = findIn(audio, click, { begin: first?.to ?? 0 }).match;
    expect(second && first && second.from - first.from).toBe(click.samples.length + 8024);
    expect(findIn(audio, click, { begin: second?.to ?? 0 }).match).toBeUndefined();
  });

  it('of 100 ms is found, and not by half of it', () => {
    const word = prompt('goodbye.wav').subarray(4800, 5600);
    const reference = new Reference('word', word);
    expect(findIn(heard(joined(silence(500), word, silence(500))), reference).match?.from).toBe(4000);
    expect(findIn(heard(joined(silence(500), word.subarray(0, 320), silence(500))), reference).match).toBeUndefined();
  });

  it('of 100 ms may lose two packets, and no more', () => {
    const word = loudest(prompt('record.wav'), 800);
    const reference = new Reference('word', word);
    const missing = (lost: readonly number[]) => {
      const ear = earFor();
      for (const { at, index, bytes } of arrivals(joined(silence(500), word, silence(500))))
        if (!lost.includes(index - 25)) ear.receive(at, bytes);
      return findIn(ear.audio, reference).match;
    };
    expect(missing([1, 3])).toMatchObject({ lostMs: 40, soundMs: 100 });
    expect(missing([0, 1, 3])).toBeUndefined();
  });

  it.each([300, 1000, 1900, 2500, 3300])('that is a tone of %i Hz is found, and no other tone is', (frequency) => {
    const beep = tone([frequency], 500);
    const reference = new Reference('beep', beep);
    const { match } = findIn(heard(joined(silence(300), beep, silence(500))), reference);
    expect(match?.similarity).toBeGreaterThan(0.99);
    expect(Math.abs((match?.from ?? 0) - 2400)).toBeLessThanOrEqual(8000 / frequency);
    for (const other of [frequency - 30, frequency - 5, frequency + 5, frequency + 30])
      expect(findIn(heard(joined(silence(300), tone([other], 2000))), reference).match, `${other}`).toBeUndefined();
  });

  it.each([150, 250, 350, 450, 700, 1500])('that is a tone of %i ms is placed right, as it is heard', (ms) => {
    const beep = tone([900], ms);
    const reference = new Reference('beep', beep);
    for (let lead = 100; lead < 220; lead += 7) {
      const { match } = listen(reference, joined(silence(lead), beep, silence(1000)));
      expect(Math.abs((match?.from ?? 0) - lead * 8), `${lead} ms before`).toBeLessThanOrEqual(ms > 1000 ? 160 : 9);
    }
  });

  it('with silence before and behind it is found by its sound', () => {
    const long = new Reference('long', joined(silence(3000), prompt('no-input.wav'), silence(5000)));
    expect(long.loudFrom).toBe(24_000 + named('no-input.wav').loudFrom);
    const audio = heard(joined(silence(100), prompt('no-input.wav'), silence(100)));
    const { match } = findIn(audio, long);
    expect(match?.from).toBe(800 + named('no-input.wav').loudFrom);
    expect((match?.to ?? 0) - (match?.from ?? 0)).toBe(long.loudTo - long.loudFrom);
  });

  it.each([
    ['silence', silence(1000)],
    ['hum that nobody hears', noise(8000, 20, 1)],
    ['nothing', new Int16Array(0)],
  ])('of %s is never heard', (_, samples) => {
    const reference = new Reference('none', samples);
    expect(reference.isSilent).toBe(true);
    for (const audio of [heard(silence(2000)), heard(prompt('goodbye.wav')), heard(new Int16Array(0))])
      expect(findIn(audio, reference).match).toBeUndefined();
  });

  it('longer than all that is heard is not found', () => {
    const audio = heard(prompt('welcome.wav').subarray(0, 800));
    expect(findIn(audio, named('welcome.wav')).match).toBeUndefined();
  });

  it('of which only the end is loud knows where', () => {
    const samples = new Int16Array(200);
    samples.fill(3000, 195);
    const { loudFrom, loudTo, isSilent } = new Reference('end', samples);
    expect({ loudFrom, loudTo, isSilent }).toEqual({ loudFrom: 160, loudTo: 200, isSilent: false });
  });
});

describe('looking at each moment or at the end', () => {
  it('finds the same, with each of 20 seeds', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed, 'look');
      const name = pick(random, spokenPrompts);
      const audio = heard(joined(noise(between(random, 0, 20_000), 2000, seed), prompt(name), prompt('echo.wav')), {
        seed,
        loss: 0.03,
      });
      const atOnce = new Search(named(name), audio, 0).look(audio.end, true);
      expect(findIn(audio, named(name)).match, `seed ${seed}`).toEqual(atOnce);
      expect(atOnce, `seed ${seed}`).toBeDefined();
    }
  });
});
