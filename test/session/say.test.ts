/** Texts that are said to a caller. */
import { describe } from 'vitest';
import type { TandemError } from '../../src/base/errors.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, prompts, test } from '../helpers/lab.ts';

/** Calls a script that ends with what it got, or what it was told. */
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

describe('say', () => {
  test('is heard from the first word on, in a list with other things', async ({ lab }) => {
    lab.tts.paceMs = 60; // hardly faster than it is heard
    const result = await serve(lab, (call) =>
      call.playback().play([new URL('beep.wav', prompts), { say: 'hello world', voice: 'bob' }]),
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('beep.wav');
    await alice.hears(lab.tts.sound('hello world'));
    expect(await result()).toMatchObject({ end: 'completed' });
    expect(lab.tts.asked).toEqual([{ text: 'hello world', voice: 'bob' }]);
  });

  test('is made once for all who say it at the same time, and then kept', async ({ lab }) => {
    const phones = [lab.phone(), lab.phone(), lab.phone()];
    await serve(lab, async (call) => {
      await call.say('the same for all');
      await call.say('the same for all', { loop: 2 });
      await call.say('the same for all', { language: 'de' });
    });
    for (const phone of phones) phone.invite('1000');
    for (const phone of phones) {
      await phone.hears(lab.tts.sound('the same for all'));
      await phone.ends({ within: 60_000 });
    }
    expect(lab.tts.asked).toEqual([{ text: 'the same for all' }, { text: 'the same for all', language: 'de' }]);
  });

  test('is all there before it loops', async ({ lab }) => {
    const result = await serve(lab, (call) => call.say('over', { loop: 3 }));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await result()).toEqual({ end: 'completed', playedMs: 3 * 4 * 80 });
    expect(lab.tts.asked).toHaveLength(1);
  });

  test('that breaks in the middle is a typed error, is not kept, and the call goes on', async ({ lab }) => {
    lab.tts.failure = { error: new Error('the voice is gone'), after: 20 };
    const text = 'a long sentence that is never said to its end';
    const result = await serve(lab, (call) => call.say(text));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await expect(result()).rejects.toMatchObject({ code: 'ERR_TTS', message: 'cannot speak: the voice is gone' });
    await alice.hears('goodbye.wav');
    lab.tts.failure = undefined;
    await alice.ends({ within: 60_000 });
    await alice.dial('1000');
    await alice.hears(lab.tts.sound(text));
    expect(lab.tts.asked).toHaveLength(2);
  });

  test('that stalls is given up', async ({ lab }) => {
    lab.tts.paceMs = 1e9;
    const result = await serve(lab, (call) => call.say('zzz'));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await expect(result()).rejects.toMatchObject({ code: 'ERR_TTS', message: expect.stringContaining('10000 ms') });
    await alice.hears('goodbye.wav');
  });

  test('is no longer made when nobody listens', async ({ lab }) => {
    lab.tts.paceMs = 1000;
    await serve(lab, (call) => call.say('very slow'));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(3000);
    await alice.hangup();
    await lab.advance(100);
    expect(lab.clock.pendingTimers().filter(({ label }) => label === 'sleep')).toEqual([]);
  });

  test('takes no more than a text, and needs a provider that gives audio', async ({ lab }) => {
    const codes: unknown[] = [];
    const code = (work: Promise<unknown>) => work.catch((error: TandemError) => codes.push(error.code));
    const broken = {
      sampleRate: 8000,
      audio: (async function* () {
        yield new Uint8Array(4) as never;
      })(),
    };
    const rates = {
      sampleRate: 0,
      audio: (async function* () {
        yield new Int16Array(4);
      })(),
    };
    const speeches = [broken, rates];
    lab.tts.synthesize = async () => speeches.shift()!;
    const result = await serve(lab, async (call) => {
      await code(call.say(7 as never));
      await code(call.say('x'.repeat(20_001)));
      await code(call.say('bytes'));
      await code(call.say('rate'));
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await result();
    expect(codes).toEqual(['ERR_ARGUMENT', 'ERR_ARGUMENT', 'ERR_TTS', 'ERR_TTS']);
  });
});
