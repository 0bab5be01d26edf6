/** What espeak-ng says is heard on the phone. */
import { describe, expect, it } from 'vitest';
import { resample } from '../../../media/audio/index.ts';
import { espeakNg } from '../../../src/base/node-espeak.ts';
import { correlate, decodeUlaw } from '../../helpers/audio.ts';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../../helpers/tandem.ts';

async function spoken(text: string, voice: string): Promise<Int16Array> {
  const { sampleRate, audio } = await espeakNg().synthesize(text, { voice, signal: new AbortController().signal });
  const samples: number[] = [];
  for await (const chunk of audio) samples.push(...chunk);
  return resample(Int16Array.from(samples), sampleRate, 8000);
}

describe('say with espeak-ng', () => {
  it('is heard as it was spoken, by the first and by the second who says it', async () => {
    const text = 'You have three new messages.';
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.say(text, { voice: 'en' });
      await call.say(text, { voice: 'en' });
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.nextRequest('BYE');
    const heard = decodeUlaw(Buffer.concat(phone.packets.map(({ payload }) => payload)));
    const wanted = await spoken(text, 'en');
    const first = correlate(heard, wanted, 2000);
    expect(first.correlation).toBeGreaterThan(0.99);
    const second = correlate(heard.subarray(first.offset + wanted.length), wanted, 2000);
    expect(second.correlation).toBeGreaterThan(0.99);
    await expectIdle(server.tandem);
  });

  it('in a voice that does not exist is a typed error, and the call goes on', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.say('hello', { voice: 'nobody' }).catch(resolve);
      await call.say('goodbye');
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    expect(await promise).toMatchObject({ code: 'ERR_TTS', message: expect.stringContaining('voice') });
    await phone.hears(20, 0);
  });
});
