/** Recordings of calls: from when on, for how long, and what is left of them on a full disk. */
import { describe } from 'vitest';
import { decodeWav } from '../../media/audio/index.ts';
import type { RecordingResult, RecordOptions } from '../../media/index.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import { type Lab, type Phone, tones } from '../../src/testing/index.ts';
import { correlate, readWav } from '../helpers/audio.ts';
import { expect, prompts, test } from '../helpers/lab.ts';

const path = '/recording.wav';
const goodbye = new URL('goodbye.wav', prompts);

function voice(ms: number): Int16Array {
  return Int16Array.from({ length: 8 * ms }, (_, n) => {
    const frequency = 400 + 100 * (Math.floor(n / 640) % 7);
    return Math.round(6000 * Math.sin((2 * Math.PI * frequency * n) / 8000));
  });
}

/** A script that records until the recording is over, or a key is pressed, and says goodbye. */
async function record(
  lab: Lab,
  options: RecordOptions,
  meanwhile: (call: DialogServerSession) => Promise<unknown> = async () => {},
): Promise<{ readonly alice: Phone; readonly result: () => Promise<RecordingResult> }> {
  const { promise, resolve, reject } = Promise.withResolvers<RecordingResult>();
  promise.catch(() => {});
  await lab.serve(async (call) => {
    await call.answer();
    const recording = call.recording(path, options);
    recording.done.then(resolve, reject);
    await meanwhile(call);
    await call.gather({ digits: 1, timeout: 30_000 });
    await recording.close().catch(() => {});
    await call.playback().play(goodbye);
  });
  const alice = lab.phone('alice');
  await alice.dial('1000');
  return { alice, result: () => lab.run(promise) };
}

const mono = { channels: 1, direction: 'in' } as const;
const durationOf = (lab: Lab): number => {
  const { samples, channels, sampleRate } = readWav(lab.files.get(path));
  return (samples.length * 1000) / channels / sampleRate;
};

describe('a recording', () => {
  test('begins behind a beep, which is not in it', async ({ lab }) => {
    const { alice, result } = await record(lab, { beep: true });
    await alice.hearsTone(1000, { ms: 350 });
    await lab.advance(600);
    const said = voice(1000);
    await alice.say(said);
    await alice.press('1');
    await result();
    const { samples } = readWav(lab.files.get(path));
    const sent = Int16Array.from({ length: samples.length / 2 }, (_, n) => samples[2 * n + 1]!);
    const received = Int16Array.from({ length: samples.length / 2 }, (_, n) => samples[2 * n]!);
    expect(Math.max(...sent.map(Math.abs))).toBeLessThan(10);
    expect(correlate(received, said).correlation).toBeGreaterThan(0.98);
  });

  test('stays paused by the script when the beep is over, and ends with the beep when it is closed', async ({
    lab,
  }) => {
    const { promise, resolve } = Promise.withResolvers<RecordingResult[]>();
    await lab.serve(async (call) => {
      await call.answer();
      const first = call.recording('/a.wav', { beep: { tone: tones.busy, duration: 300 } });
      first.pause();
      await call.gather({ digits: 1, timeout: 1000 });
      const second = call.recording('/b.wav', { beep: { tone: tones.busy, duration: 60_000 } });
      await call.gather({ digits: 1, timeout: 1000 });
      const { durationMs } = await second.close();
      const { end } = await call.playback().play(goodbye);
      expect({ end, durationMs }).toEqual({ end: 'completed', durationMs: 0 });
      resolve([await first.close()]);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await lab.run(promise)).toMatchObject([{ durationMs: 0, end: 'stopped' }]);
    await alice.hears('goodbye.wav');
  });

  test('ends after so much silence, and leaves it out', async ({ lab }) => {
    const { alice, result } = await record(lab, { ...mono, maxSilence: 2000, trimSilence: true });
    await alice.say(voice(1500));
    const { durationMs, bytes, end } = await result();
    expect(end).toBe('silence');
    expect(durationMs).toBeGreaterThanOrEqual(1500 + 200);
    expect(durationMs).toBeLessThan(1500 + 400);
    expect(lab.files.get(path)).toHaveLength(bytes);
    expect(durationOf(lab)).toBe(durationMs);
    await alice.press('1');
    await alice.hears('goodbye.wav');
  });

  test('hears silence from its beginning on', async ({ lab }) => {
    const { result } = await record(lab, { ...mono, maxSilence: 1000 });
    expect(await result()).toMatchObject({ end: 'silence', durationMs: 1000 });
    expect(durationOf(lab)).toBe(1000);
  });

  test('of both sides goes on while one of them speaks', async ({ lab }) => {
    const { alice, result } = await record(lab, { maxSilence: 1000 }, (call) =>
      call.playback().play(new Uint8Array(voice(3000).buffer), { type: 'audio/pcm', sampleRate: 8000 }),
    );
    const { durationMs, end } = await result();
    expect(end).toBe('silence');
    expect(durationMs).toBeGreaterThan(3900);
    await alice.press('1');
  });

  test('keeps its silence unless told otherwise', async ({ lab }) => {
    const kept = await record(lab, { ...mono, maxDuration: 2000 });
    expect(await kept.result()).toMatchObject({ end: 'max', durationMs: 2000 });
    await kept.alice.press('1');
    await kept.alice.ends({ within: 10_000 });
  });

  test('of nothing but silence is trimmed to the beginning of it', async ({ lab }) => {
    const { result } = await record(lab, { ...mono, maxDuration: 2000, trimSilence: true });
    expect(await result()).toMatchObject({ end: 'max', durationMs: 200, bytes: 44 + 3200 });
    expect(durationOf(lab)).toBe(200);
  });

  test('on a full disk ends with an event and a playable file, and the call goes on', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const failed: unknown[] = [];
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await call.recording(path, mono).done.catch(resolve);
      await call.playback().play(goodbye);
    });
    tandem.observer.on('recording:failed', (event) => void failed.push(event));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const said = voice(1500);
    await alice.say(said);
    lab.files.failure = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const error = expect.objectContaining({ code: 'ERR_FILE', facts: { errno: 'ENOSPC' } });
    expect(await lab.run(promise)).toEqual(error);
    await alice.hears('goodbye.wav');
    const callId = expect.any(String);
    expect(failed).toEqual([
      { callId, sessionId: callId, at: expect.any(Number), code: 'ERR_FILE', error: expect.stringContaining('ENOSPC') },
    ]);
    const file = decodeWav(lab.files.get(path));
    expect(file.ok && file.value.samples.length).toBeGreaterThan(8000);
  });
});
