/** What is left out of a recording, and who is asked before there is one. */
import { describe } from 'vitest';
import type { RecordingResult } from '../../media/index.ts';
import { KeySequence } from '../../src/session/key-sequence.ts';
import type { CallRecordOptions } from '../../src/session/session-options.ts';
import { correlate, readWav } from '../helpers/audio.ts';
import { expect, prompts, test } from '../helpers/lab.ts';

const path = '/recording.wav';
const prompt = new URL('echo.wav', prompts);

function voice(frequency: number, ms = 1000): Int16Array {
  return Int16Array.from({ length: 8 * ms }, (_, n) => {
    const at = frequency + 100 * (Math.floor(n / 640) % 7);
    return Math.round(6000 * Math.sin((2 * Math.PI * at * n) / 8000));
  });
}

const mono = { channels: 1, direction: 'in' } as const;
const [before, secret, after] = [voice(400), voice(1200), voice(2000)];

describe('a recording rests', () => {
  test('while secret digits are gathered, which nobody else is told of', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<{ digits: string; result: RecordingResult }>();
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      const recording = call.recording(path, mono);
      await call.gather({ digits: 1, timeout: 20_000 });
      const { digits } = await call.gather({ digits: 4, timeout: 20_000, secret: true });
      await call.gather({ digits: 1, timeout: 20_000 });
      resolve({ digits, result: await recording.close() });
    });
    const told: string[] = [];
    tandem.observer.on('media:dtmf', ({ digit }) => void told.push(digit));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.say(before);
    await alice.press('1');
    await alice.say(secret);
    for (const key of '4567') await alice.press(key);
    await alice.say(after);
    await alice.press('9');
    const { digits, result } = await lab.run(promise);
    expect(digits).toBe('4567');
    expect(told).toEqual(['1', '9']);
    const { samples } = readWav(lab.files.get(path));
    expect(correlate(samples, before).correlation).toBeGreaterThan(0.95);
    expect(correlate(samples, after).correlation).toBeGreaterThan(0.95);
    expect(correlate(samples, secret).correlation).toBeLessThan(0.5);
    const [pause, ...more] = result.pauses;
    expect(more).toEqual([]);
    expect(pause?.forMs).toBeGreaterThan(1500);
    expect(Buffer.from(lab.files.get(path)).includes(`pause ${((pause?.forMs ?? 0) / 1000).toFixed(2)} s`)).toBe(true);
  });

  test('from one key to another, and the script’s own pause stays', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<RecordingResult>();
    await lab.serve(async (call) => {
      await call.answer();
      const recording = call.recording(path, { ...mono, pauseOn: '*1', resumeOn: '*2' });
      const keys = call.dtmf();
      for await (const { digit } of keys) if (digit === '#') break;
      recording.pause();
      for await (const { digit } of call.dtmf()) if (digit === '0') break;
      resolve(await recording.close());
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.say(before);
    for (const key of '*1') await alice.press(key);
    await alice.say(secret);
    for (const key of '*2') await alice.press(key);
    await alice.say(after);
    for (const key of '#*1*2') await alice.press(key);
    await alice.say(secret);
    await alice.press('0');
    const { pauses } = await lab.run(promise);
    expect(pauses).toHaveLength(2);
    const { samples } = readWav(lab.files.get(path));
    expect(correlate(samples, after).correlation).toBeGreaterThan(0.95);
    expect(correlate(samples, secret).correlation).toBeLessThan(0.5);
  });

  test('when the other side of the bridge presses a key', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<RecordingResult>();
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    await lab.serve(async (call, tandem) => {
      const agent = await call.invite(bob.uri);
      const recording = agent.recording(path, { channels: 1, pauseOn: '*9' });
      recording.done.then(resolve);
      await call.answer();
      await using _bridge = await tandem.bridge(call, agent);
      await call.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.say(before);
    for (const key of '*9') await alice.press(key);
    await alice.say(secret);
    for (const key of '*9') await bob.press(key);
    await alice.say(after);
    await alice.hangup();
    const { pauses } = await lab.run(promise);
    expect(pauses).toHaveLength(1);
    const { samples } = readWav(lab.files.get(path));
    expect(correlate(samples, after).correlation).toBeGreaterThan(0.95);
    expect(correlate(samples, secret).correlation).toBeLessThan(0.5);
  });

  test('not by keys that are none', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await lab.serve(async (call) => {
      await call.answer();
      try {
        call.recording(path, { pauseOn: 'x' });
      } catch (error) {
        resolve(error);
      }
    });
    await lab.phone('alice').dial('1000');
    expect(await lab.run(promise)).toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  test('by keys in a row, whatever came before', () => {
    const sequence = new KeySequence('**1');
    expect(
      [...'1***11**1']
        .map((key) => sequence.press(key))
        .map(Number)
        .join(''),
    ).toBe('000010001');
  });
});

describe('consent', () => {
  for (const [keys, consent, isRecorded] of [
    ['1', 'accepted', true],
    ['2', 'refused', false],
    ['', 'silent', false],
  ] as const)
    test(`is ${consent} by ${keys || 'no key'}`, async ({ lab }) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const options: CallRecordOptions = { ...mono, consent: { prompt, timeout: 2_000 } };
      const tandem = await lab.serve(async (call) => {
        await call.answer();
        const recording = await call.record(path, options);
        resolve([recording !== undefined, call.variables.get('recording_consent')]);
      });
      const told: unknown[] = [];
      tandem.observer.on('recording:started', ({ consent: said, fromUri }) => void told.push([said, fromUri]));
      const alice = lab.phone('alice');
      await alice.dial('1000');
      await alice.hears('echo.wav');
      if (keys) await alice.press(keys);
      else await alice.hears('echo.wav');
      expect(await lab.run(promise)).toEqual([isRecorded, consent]);
      expect(told).toEqual(isRecorded ? [['accepted', expect.stringContaining('alice')]] : []);
      expect(lab.files.paths.includes(path)).toBe(isRecorded);
    });

  test('is not asked for by an announcement, which both sides of a bridge hear', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    await lab.serve(async (call, tandem) => {
      const agent = await call.invite(bob.uri);
      await using bridge = await tandem.bridge(call, agent);
      await call.record(path, { announce: prompt });
      resolve(call.variables.get('recording_consent'));
      await bridge.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await Promise.all([alice.hears('echo.wav'), bob.hears('echo.wav')]);
    expect(await lab.run(promise)).toBe('announced');
  });
});
