/** Audio by HTTP: short files whole, long ones while they come. */
import { describe } from 'vitest';
import { wavHeader } from '../../media/audio/index.ts';
import { compressG711 } from '../../media/index.ts';
import { sleep } from '../../src/base/clock.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, prompts, test } from '../helpers/lab.ts';

const url = 'http://files/a.wav';

function melody(length: number, rate = 8000): Int16Array {
  return Int16Array.from({ length }, (_, n) => {
    const frequency = 400 + 100 * (Math.floor(n / rate / 0.08) % 7);
    return Math.round(6000 * Math.sin((2 * Math.PI * frequency * n) / rate));
  });
}

const bytesOf = (samples: Int16Array): Uint8Array => new Uint8Array(samples.buffer);

function wavOf(samples: Int16Array): Uint8Array {
  const header = wavHeader({ sampleRate: 8000, channels: 1, dataBytes: 2 * samples.length });
  return new Uint8Array(Buffer.concat([header, bytesOf(samples)]));
}

/** Gives a call to a script, which says goodbye then; @returns what became of the script */
async function serve<T>(lab: Lab, script: (call: DialogServerSession) => Promise<T>): Promise<() => Promise<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  promise.catch(() => {});
  await lab.serve(async (call) => {
    await call.answer();
    await script(call).then(resolve, reject);
    await call.playback().play(new URL('goodbye.wav', prompts));
  });
  return () => lab.run(promise);
}

describe('a URL', () => {
  test('of something long is heard before its end has come', async ({ lab }) => {
    const [first, second] = [melody(8000), melody(4000).map((sample) => -sample)];
    let over = false;
    // The header says how long it is in all.
    const all = wavOf(Int16Array.from([...first, ...second]));
    async function* announced() {
      yield all.subarray(0, 44 + 16_000);
      await sleep(lab.clock, 5000);
      yield all.subarray(44 + 16_000);
      over = true;
    }
    lab.fetch.answer(url, { body: announced, contentType: 'audio/x-wav' });
    const result = await serve(lab, (call) => call.playback().play(url));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears(first);
    expect(over).toBe(false);
    await alice.hears(second);
    expect(await result()).toEqual({ end: 'completed', playedMs: 1500 });
  });

  test('of something short is asked for once by all who play it at the same time', async ({ lab }) => {
    const sound = melody(16_000);
    lab.fetch.answer(url, { bytes: wavOf(sound), afterMs: 200 });
    await serve(lab, (call) => call.playback().play(url));
    const phones = [lab.phone(), lab.phone(), lab.phone()];
    for (const phone of phones) phone.invite('1000');
    for (const phone of phones) {
      await phone.hears(sound);
      await phone.ends({ within: 60_000 });
    }
    expect(lab.fetch.asked).toEqual([url]);
  });

  test('is asked for by the next when the first one leaves', async ({ lab }) => {
    const sound = melody(16_000);
    lab.fetch.answer(url, { bytes: wavOf(sound), afterMs: 2000 });
    await serve(lab, (call) => call.playback().play(url));
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await alice.dial('1000');
    await bob.dial('1000');
    await lab.advance(500);
    await alice.hangup();
    await bob.hears(sound);
    expect(lab.fetch.asked).toEqual([url, url]);
  });

  test('is what its Content-Type says, unless the script says it', async ({ lab }) => {
    const sound = melody(16_000);
    const answers = {
      'http://files/pcm': { contentType: 'audio/pcm; rate="16000"', bytes: bytesOf(melody(32_000, 16_000)) },
      'http://files/basic': { contentType: 'audio/basic', bytes: compressG711('mu', sound) },
      'http://files/unknown': { contentType: 'application/octet-stream', bytes: wavOf(sound) },
      'http://files/wrong': { contentType: 'audio/wav', bytes: bytesOf(sound) },
    };
    for (const [name, answer] of Object.entries(answers)) {
      lab.fetch.answer(name, answer);
      lab.fetch.answer(`${name}?long`, {
        ...answer,
        body: async function* () {
          yield answer.bytes;
        },
      });
    }
    for (const name of Object.keys(answers))
      for (const source of [name, `${name}?long`]) {
        const tandem = await lab.serve(async (call) => {
          await call.answer();
          await call.playback().play(source, name.endsWith('wrong') ? { type: 'audio/pcm', sampleRate: 8000 } : {});
        });
        const alice = lab.phone();
        await alice.dial(`sip:1000@${tandem.listeners[0]?.host}`);
        await alice.hears(sound);
        await alice.ends({ within: 10_000 });
      }
  });

  test('that stalls or breaks in the middle is a typed error, and the call goes on', async ({ lab }) => {
    const part = wavOf(melody(80_000)).subarray(0, 16_044);
    async function* stalls() {
      yield part;
      await new Promise(() => {});
    }
    async function* breaks() {
      yield part;
      await sleep(lab.clock, 800);
      throw new Error('terminated');
    }
    for (const [body, why] of [
      [stalls, 'nothing came for 10000 ms'],
      [breaks, 'terminated'],
    ] as const) {
      const source = `http://files/${body.name}`;
      lab.fetch.answer(source, { body });
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const tandem = await lab.serve(async (call) => {
        await call.answer();
        await call.playback().play(source).catch(resolve);
        await call.playback().play(new URL('goodbye.wav', prompts));
      });
      const alice = lab.phone();
      await alice.dial(`sip:1000@${tandem.listeners[0]?.host}`);
      await alice.hears(melody(4000));
      expect(await lab.run(promise)).toMatchObject({ code: 'ERR_FETCH', message: `cannot fetch ${source}: ${why}` });
      await alice.hears('goodbye.wav');
      await alice.ends({ within: 10_000 });
    }
  });

  test('without an end is read no faster than it is heard, and let go of with the call', async ({ lab }) => {
    let given = 0;
    let left = false;
    async function* radio() {
      try {
        yield wavHeader({ sampleRate: 8000, channels: 1, dataBytes: 0xffff_ffff });
        for (;;) {
          given += 1000;
          yield bytesOf(melody(1000));
        }
      } finally {
        left = true;
      }
    }
    lab.fetch.answer(url, { body: radio });
    await serve(lab, (call) => call.playback().play(url));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(10_000);
    expect(given).toBeGreaterThan(80_000);
    expect(given).toBeLessThan(80_000 + 20_000);
    await alice.hangup();
    await lab.advance(100);
    expect(left).toBe(true);
  });

  test('is taken whole where it is to be played again', async ({ lab }) => {
    const sound = melody(4000);
    lab.fetch.answer(url, {
      body: async function* () {
        yield wavOf(sound);
      },
    });
    const result = await serve(lab, (call) => call.playback().play(url, { loop: 3 }));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await result()).toEqual({ end: 'completed', playedMs: 1500 });
    expect(lab.fetch.asked).toEqual([url]);
  });

  test('that does not exist is ERR_FETCH for all who asked', async ({ lab }) => {
    lab.fetch.answer(url, { status: 404, afterMs: 300 });
    const errors: unknown[] = [];
    await serve(lab, (call) =>
      call
        .playback()
        .play(url)
        .catch((error) => errors.push(error.code)),
    );
    const phones = [lab.phone(), lab.phone()];
    for (const phone of phones) phone.invite('1000');
    for (const phone of phones) await phone.hears('goodbye.wav');
    expect(errors).toEqual(['ERR_FETCH', 'ERR_FETCH']);
    expect(lab.fetch.asked).toHaveLength(1);
  });
});
