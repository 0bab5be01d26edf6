/** Ogg-Opus and MP3 in calls: recorded, and played from files, from the web and from streams. */
import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { beforeAll, describe } from 'vitest';
import { oggPage } from '../../media/audio/ogg.ts';
import type { PlaySource, RecordingResult, RecordOptions, RecordTarget } from '../../media/index.ts';
import type { PlaybackOptions } from '../../src/session/playback.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { correlate } from '../helpers/audio.ts';
import { expect, test } from '../helpers/lab.ts';
import { decodeOgg, loadDecoders, oggFile } from '../media/support/ogg-file.ts';
import { speech } from '../media/support/speech.ts';

const mp3 = new URL('../media/audio/files/vbr-8000.mp3', import.meta.url);
const said = speech(8000, 3);
const mono = { direction: 'in', channels: 1 } as const;

beforeAll(loadDecoders);

/** A script that records until the recording is over or a key is pressed. */
async function record(
  lab: Lab,
  target: RecordTarget,
  options: RecordOptions,
): Promise<{ readonly alice: Phone; readonly result: () => Promise<RecordingResult> }> {
  const { promise, resolve, reject } = Promise.withResolvers<RecordingResult>();
  promise.catch(() => {});
  await lab.serve(async (call) => {
    await call.answer();
    const recording = call.recording(target, options);
    recording.done.then(resolve, reject);
    await call.gather({ digits: 1, timeout: 60_000 });
    await recording.close().catch(() => {});
    await call.playback().play('prompts/goodbye.wav');
  });
  const alice = lab.phone('alice');
  await alice.dial('1000');
  return { alice, result: () => lab.run(promise) };
}

describe('a recording as Ogg-Opus', () => {
  test('has what was said, in a tenth of the bytes', async ({ lab }) => {
    const { alice, result } = await record(lab, '/call.opus', mono);
    await alice.say(said);
    await alice.press('1');
    const { durationMs, bytes } = await result();
    const file = lab.files.get('/call.opus');
    expect(file).toHaveLength(bytes);
    const { samples, sampleRate } = await decodeOgg(file);
    expect(sampleRate).toBe(8000);
    expect(samples.length / 8).toBe(durationMs);
    expect(correlate(samples, said).correlation).toBeGreaterThan(0.95);
    expect(bytes).toBeLessThan(durationMs * 5);
  });

  test('leaves out the beep, pauses, and the silence at its end', async ({ lab }) => {
    const options = { ...mono, beep: true, maxSilence: 2000, trimSilence: true, sampleRate: 16_000 };
    const { alice, result } = await record(lab, '/call.ogg', options);
    await alice.hearsTone(1000, { ms: 350 });
    await lab.advance(600);
    await alice.say(said);
    const { durationMs, end, bytes } = await result();
    expect(end).toBe('silence');
    expect(durationMs).toBeGreaterThan(2500);
    expect(durationMs).toBeLessThan(4200);
    expect(lab.files.get('/call.ogg')).toHaveLength(bytes);
    const { samples, sampleRate } = await decodeOgg(lab.files.get('/call.ogg'));
    expect(sampleRate).toBe(16_000);
    expect(samples.length / 16).toBe(durationMs);
  });

  test('of both sides is stereo, in a stream too', async ({ lab }) => {
    const chunks: Uint8Array[] = [];
    const target = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
    const { alice, result } = await record(lab, target, { type: 'audio/ogg' });
    await alice.say(said);
    await alice.press('1');
    const { durationMs, bytes } = await result();
    const file = Buffer.concat(chunks);
    expect(file).toHaveLength(bytes);
    expect(file[28 + 9]).toBe(2);
    const { samples } = await decodeOgg(file);
    expect(samples.length / 8).toBe(durationMs);
    expect(correlate(samples, said).correlation).toBeGreaterThan(0.95);
  });

  test('on a full disk is playable up to there, and the call goes on', async ({ lab }) => {
    const { alice, result } = await record(lab, '/call.opus', mono);
    await alice.say(said.subarray(0, 16_000));
    lab.files.failure = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    await expect(result()).rejects.toMatchObject({ code: 'ERR_FILE', facts: { errno: 'ENOSPC' } });
    const { samples } = await decodeOgg(lab.files.get('/call.opus'));
    expect(samples.length).toBeGreaterThan(8000);
    await alice.press('1');
    await alice.hears('goodbye.wav');
  });
});

/** Alice hears what is played. */
async function play(lab: Lab, source: PlaySource, options?: PlaybackOptions): Promise<Phone> {
  await lab.serve(async (call) => {
    await call.answer();
    await call.playback().play(source, options);
  });
  const alice = lab.phone('alice');
  await alice.dial('1000');
  return alice;
}

async function failure(lab: Lab, source: PlaySource, options?: PlaybackOptions): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await lab.serve(async (call) => {
    await call.answer();
    await call.playback().play(source, options).then(resolve, resolve);
  });
  await lab.phone('alice').dial('1000');
  return lab.run(promise);
}

describe('Ogg-Opus that is played', () => {
  test('is heard: from a file', async ({ lab }) => {
    lab.files.set('/said.opus', await oggFile(said));
    const alice = await play(lab, '/said.opus');
    await alice.hears(said);
  });

  test('is heard: from a stream, before it ends, with audio before and behind', async ({ lab }) => {
    const file = await oggFile(said);
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < file.length; at += 1000) yield file.subarray(at, at + 1000);
      await new Promise(() => {});
    };
    const alice = await play(lab, [{ source: endless(), type: 'audio/ogg' }]);
    await alice.hears(said.subarray(0, 16_000));
    await alice.hangup();
  });

  test('is heard: from the web, by what the server says', async ({ lab }) => {
    const file = await oggFile(speech(48_000, 3), 48_000);
    lab.fetch.answer('http://radio/live', {
      contentType: 'application/ogg; codecs=opus',
      body: async function* () {
        for (let at = 0; at < file.length; at += 777) yield file.subarray(at, at + 777);
      },
    });
    const alice = await play(lab, 'http://radio/live');
    await alice.hears(said);
  });

  test('is another codec, and the error names it', async ({ lab }) => {
    const head = oggPage({ serial: 1, sequence: 0, granule: 0, first: true }, [Buffer.from('\x01vorbis')]);
    lab.files.set('/song.ogg', head);
    expect(await failure(lab, '/song.ogg')).toMatchObject({
      code: 'ERR_AUDIO_FORMAT',
      message: 'cannot play /song.ogg: it is Ogg with Vorbis in it, and not with Opus',
    });
  });
});

describe('MP3 that is played', () => {
  test('is heard: from a file, by its name', async ({ lab }) => {
    const alice = await play(lab, [mp3, mp3]);
    await alice.hearsTone(440, { ms: 1800 });
  });

  test('is heard: from the web and from a stream', async ({ lab }) => {
    const bytes = new Uint8Array(readFileSync(mp3));
    lab.fetch.answer('http://web/a.mp3?x=1', { contentType: 'application/octet-stream', bytes });
    const alice = await play(lab, ['http://web/a.mp3?x=1', { source: Readable.from([bytes]), type: 'audio/mpeg' }]);
    await alice.hearsTone(440, { ms: 1800 });
  });

  test('and is none: the error says so', async ({ lab }) => {
    lab.files.set('/a.mp3', new Uint8Array(1000));
    expect(await failure(lab, '/a.mp3')).toMatchObject({
      code: 'ERR_AUDIO_FORMAT',
      message: 'cannot play /a.mp3: it is not an MP3',
    });
  });

  test('and is none, from a stream: the error says so', async ({ lab }) => {
    expect(await failure(lab, Readable.from([new Uint8Array(1000)]), { type: 'audio/mpeg' })).toMatchObject({
      code: 'ERR_AUDIO_FORMAT',
      message: 'cannot play the stream: it is not an MP3',
    });
  });
});
