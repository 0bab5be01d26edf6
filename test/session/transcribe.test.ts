/** What the caller says, as text: by a provider of the test that hears tones for words. */
import { describe } from 'vitest';
import type { GatherResult, Recognised, SttOptions, SttProvider } from '../../src/index.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const loud = 1500;

/** Says `heard` when something was loud and then silent for 200 ms, and before that how far it is. */
class Ears implements SttProvider {
  readonly sampleRate = 8000;
  readonly asked: SttOptions[] = [];
  frames = 0;
  left = false;

  async *transcribe(audio: AsyncIterable<Int16Array>, options: SttOptions): AsyncGenerator<Recognised> {
    this.asked.push(options);
    let [spoken, silent] = [0, 0];
    try {
      for await (const frame of audio) {
        this.frames++;
        if (frame.some((sample) => Math.abs(sample) > loud)) {
          silent = 0;
          if (++spoken === 10) yield { text: 'he', final: false };
        } else if (spoken > 0 && ++silent === 10) {
          yield { text: 'heard', final: true };
          spoken = 0;
        }
      }
    } finally {
      this.left = true;
    }
  }
}

const hum = Int16Array.from({ length: 4000 }, (_, n) => Math.round(8000 * Math.sin((2 * Math.PI * 300 * n) / 8000)));

describe('transcribe', () => {
  test('gives text as it becomes known, until the call ends', async ({ lab }) => {
    const stt = new Ears();
    const texts: string[] = [];
    let over = false;
    await lab.serve(
      async (call) => {
        await call.answer();
        for await (const { text, final } of call.transcribe({ language: 'de-CH' }))
          texts.push(final ? `${text}.` : text);
        over = true;
      },
      { stt },
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.say(hum);
    await lab.advance(500);
    await alice.say(hum);
    await lab.advance(500);
    expect(texts).toEqual(['he', 'heard.', 'he', 'heard.']);
    await alice.hangup();
    await lab.until(() => over);
    expect(stt.asked).toMatchObject([{ sampleRate: 8000, language: 'de-CH' }]);
    expect(stt.left).toBe(true);
  });

  test.for([
    ['there is no provider', undefined, /give Tandem the option stt/],
    [
      'the provider breaks',
      {
        transcribe: async function* () {
          yield { text: 'a', final: false };
          throw new Error('the model is gone');
        },
      } satisfies SttProvider,
      /the model is gone/,
    ],
  ] as const)('throws ERR_STT when %s, and the call goes on', async ([, stt, message], { lab }) => {
    let error: unknown;
    await lab.serve(
      async (call) => {
        await call.answer();
        try {
          for await (const _ of call.transcribe());
        } catch (reason) {
          error = reason;
        }
        await call.ended;
      },
      stt ? { stt } : {},
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.until(() => error !== undefined);
    expect(error).toMatchObject({ code: 'ERR_STT', message: expect.stringMatching(message) });
    expect(alice.call?.state).toBe('up');
    await alice.hangup();
  });
});

describe('gather with speech', () => {
  async function gathering(
    lab: Lab,
    stt: SttProvider,
    timeout = 5000,
  ): Promise<{ alice: Phone; result: () => unknown }> {
    let result: GatherResult | Error | undefined;
    await lab.serve(
      async (call) => {
        await call.answer();
        result = await call
          .gather({ digits: 2, timeout, speech: true, play: new URL('../../prompts/music.wav', import.meta.url) })
          .catch((error: Error) => error);
        await call.ended;
      },
      { stt },
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(1000);
    return { alice, result: () => result };
  }

  test('takes what is said, which stops the prompt', async ({ lab }) => {
    const stt = new Ears();
    const { alice, result } = await gathering(lab, stt);
    await alice.say(hum);
    await lab.until(() => result() !== undefined);
    expect(result()).toEqual({ digits: '', end: 'speech', speech: 'heard' });
    const quietFrom = lab.clock.now();
    await lab.advance(1000);
    expect((alice.call?.media.ear.audio.loudUntil ?? 0) / 8 - quietFrom).toBeLessThan(100);
    expect(stt.left).toBe(true);
    await alice.hangup();
  });

  test('takes keys when they come first', async ({ lab }) => {
    const { alice, result } = await gathering(lab, new Ears());
    await alice.press('12');
    await lab.until(() => result() !== undefined);
    expect(result()).toEqual({ digits: '12', end: 'digits' });
    await alice.hangup();
  });

  test('hears who speaks when the time is up to the end', async ({ lab }) => {
    let result: unknown;
    await lab.serve(
      async (call) => {
        await call.answer();
        result = await call.gather({ timeout: 2000, speech: { language: 'en' } });
        await call.ended;
      },
      { stt: new Ears() },
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(1500);
    await alice.say('welcome.wav');
    await lab.until(() => result !== undefined);
    expect(result).toEqual({ digits: '', end: 'speech', speech: 'heard' });
    await alice.hangup();
  });

  test('is a timeout when nobody says anything, and an error when nobody can listen', async ({ lab }) => {
    const { alice, result } = await gathering(lab, new Ears(), 500);
    await alice.press('1');
    await lab.until(() => result() !== undefined, 60_000);
    expect(result()).toEqual({ digits: '1', end: 'timeout' });
    await alice.hangup();
  });
});
