import { describe, expect, it } from 'vitest';
import { DtmfDetector } from '../../../media/analysis/dtmf-detector.ts';
import { companded, frames, join, key, limited, silence, sines, withNoise } from './signals.ts';
import { Speaker } from './speech.ts';

const all = '0123456789*#ABCD';

function digitsIn(audio: Int16Array, detector = new DtmfDetector()): string {
  let digits = '';
  for (const frame of frames(audio)) digits += detector.frame(frame, true) ?? '';
  return digits;
}

/** All keys, one behind the other, with pauses that are no whole number of windows. */
function presses(sound: Parameters<typeof key>[1] = {}, pauseMs = 61.3): Float64Array {
  return join(silence(33.1), ...[...all].flatMap((digit) => [key(digit, sound), silence(pauseMs)]));
}

describe('in-band digits', () => {
  it.each([-30, -25, -20, -10, -3])('are heard at %i dBm0 for each tone', (level) => {
    expect(digitsIn(limited(presses({ level })))).toBe(all);
    for (const law of ['PCMU', 'PCMA'] as const)
      expect(digitsIn(companded(limited(presses({ level })), law))).toBe(all);
  });

  it('are not heard below −50 dBm0', () => {
    expect(digitsIn(limited(presses({ level: -50 })))).toBe('');
  });

  it.each([
    [0.015, 0.015],
    [-0.015, 0.015],
    [0.015, -0.015],
    [-0.015, -0.015],
  ])('may be off by %f and %f', (low, high) => {
    expect(digitsIn(companded(limited(presses({ low, high, ms: 50 })), 'PCMU'))).toBe(all);
  });

  it.each([
    [0.035, 0],
    [-0.035, 0],
    [0, 0.035],
    [0, -0.035],
  ])('are none when they are off by %f and %f', (low, high) => {
    expect(digitsIn(limited(presses({ low, high, ms: 200 })))).toBe('');
  });

  it.each([4, -8])('may have the high tone %i dB above the low one', (twist) => {
    for (const level of [-3, -22]) expect(digitsIn(companded(limited(presses({ twist, level })), 'PCMA'))).toBe(all);
  });

  it.each([10, -14])('are none with the high tone %i dB above the low one', (twist) => {
    expect(digitsIn(limited(presses({ twist })))).toBe('');
  });

  it('last at least 40 ms, with pauses as long, wherever they begin', () => {
    for (let at = 0; at < 20; at += 0.625)
      expect(digitsIn(limited(join(silence(at), presses({ ms: 40 }, 40))))).toBe(all);
  });

  it('of 23 ms are none, wherever they begin', () => {
    for (let at = 0; at < 20; at += 0.625)
      expect(digitsIn(limited(join(silence(at), presses({ ms: 23 }, 60))))).toBe('');
  });

  it('are one press across an interruption of 10 ms', () => {
    for (let at = 0; at < 20; at += 0.625) {
      const audio = join(silence(at), key('5', { ms: 60 }), silence(10), key('5', { ms: 60 }), silence(60));
      expect(digitsIn(limited(audio))).toBe('5');
    }
  });

  it('are heard with noise 15 dB below', () => {
    for (const seed of [1, 2, 3])
      expect(digitsIn(companded(limited(withNoise(presses({ level: -15 }), -27, seed)), 'PCMU'))).toBe(all);
  });

  it('are heard when they are clipped', () => {
    for (const gain of [1.5, 2, 3]) expect(digitsIn(limited(presses({ level: -3 }), gain))).toBe(all);
  });

  it('are heard over a dial tone', () => {
    const audio = presses({ level: -8 });
    const dial = sines(audio.length / 8, [{ frequency: 425, level: -22 }]);
    expect(digitsIn(limited(audio.map((sample, i) => sample + (dial[i] ?? 0))))).toBe(all);
  });

  it.each([...all])('%s held down for two seconds is one press', (digit) => {
    expect(digitsIn(limited(join(key(digit, { ms: 2000 }), silence(100))))).toBe(digit);
  });

  it('are none when there is one tone, or a third', () => {
    for (const parts of [
      [{ frequency: 770, level: -10 }],
      [{ frequency: 1336, level: -10 }],
      [697, 770, 1209].map((frequency) => ({ frequency, level: -10 })),
      [770, 1336, 2000].map((frequency) => ({ frequency, level: -10 })),
    ])
      expect(digitsIn(limited(sines(500, parts)))).toBe('');
  });

  it('are none with second harmonics, as voices have them', () => {
    const harmonics = [
      { frequency: 770, level: -10 },
      { frequency: 1209, level: -10 },
      { frequency: 2418, level: -18 },
    ];
    expect(digitsIn(limited(sines(500, harmonics)))).toBe('');
    expect(digitsIn(limited(sines(500, harmonics.slice(0, 2))))).toBe('4');
  });

  it('are found again behind audio that was made up', () => {
    const detector = new DtmfDetector();
    const audio = limited(join(key('5', { ms: 160 }), silence(80), key('5', { ms: 160 }), silence(80)));
    let digits = '';
    // In mid-press, in the pause, and at the edges.
    const unknown = new Set([3, 4, 5, 8, 9, 12, 14]);
    let at = 0;
    for (const frame of frames(audio)) {
      const known = !unknown.has(at++);
      digits += detector.frame(known ? frame : frame.map((_, i) => (i * 7919) % 5000), known) ?? '';
    }
    expect(digits).toBe('55');
  });

  it('go on from a copy of the state', () => {
    const audio = [...frames(limited(presses()))];
    let detector = new DtmfDetector();
    let digits = '';
    for (const frame of audio) {
      digits += detector.frame(frame, true) ?? '';
      detector = new DtmfDetector(structuredClone(detector.state));
    }
    expect(digits).toBe(all);
  });

  it.each([1, 2, 3, 4, 5, 6])('are not heard in five minutes of speech-like audio (seed %i)', (seed) => {
    const speaker = new Speaker(seed);
    const detector = new DtmfDetector();
    let digits = '';
    for (let s = 0; s < 300; s += 10)
      digits += digitsIn(companded(limited(speaker.talk(10_000, { pauseMs: 200 })), 'PCMU'), detector);
    expect(digits).toBe('');
  });
});
