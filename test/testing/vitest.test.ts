import { describe } from 'vitest';
import { expect, test } from '../helpers/lab.ts';

describe('the fixture', () => {
  test('gives a lab, whose phones can be asked by matchers', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.playback().play(new URL('../../prompts/goodbye.wav', import.meta.url));
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await expect(alice).toReceive(200);
    await expect(alice).not.toHear('welcome.wav', { within: 200 });
    await expect(alice).toHear('goodbye.wav');
    await expect(alice).toReceive('BYE');
  });
});
