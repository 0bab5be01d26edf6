/** Prompts that the caller may interrupt. */
import { describe } from 'vitest';
import type { PlayResult } from '../../media/index.ts';
import { expect, prompts, test } from '../helpers/lab.ts';

const prompt = (name: string): URL => new URL(name, prompts);

describe('barge-in', () => {
  test('by a key stops what is played, and leaves the key for gather', async ({ lab }) => {
    const { promise: over, resolve } = Promise.withResolvers<unknown>();
    await lab.serve(async (call) => {
      await call.answer();
      const list = [prompt('welcome.wav'), prompt('message.wav')];
      const { end } = await call.playback().play(list, { bargeIn: 'dtmf' });
      const { digits } = await call.gather({ digits: 2 });
      const { end: again } = await call.playback().play(prompt('goodbye.wav'), { bargeIn: true });
      resolve({ end, digits, again });
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(1000);
    await alice.press('12');
    expect(await lab.run(over)).toEqual({ end: 'stopped', digits: '12', again: 'completed' });
    await alice.hears('goodbye.wav');
  });

  test('needs no prompt for a key that was pressed before', async ({ lab }) => {
    const { promise: over, resolve } = Promise.withResolvers<PlayResult>();
    await lab.serve(async (call) => {
      await call.answer();
      await call.playback().play(prompt('welcome.wav'));
      resolve(await call.playback().play(prompt('message.wav'), { bargeIn: 'dtmf' }));
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('1');
    expect(await lab.run(over)).toEqual({ end: 'stopped', playedMs: 0 });
  });

  test('by the voice of the peer stops what is played, while keys do not', async ({ lab }) => {
    const { promise: over, resolve } = Promise.withResolvers<PlayResult>();
    await lab.serve(async (call) => {
      await call.answer();
      resolve(await call.playback().play(prompt('music.wav'), { bargeIn: 'speech' }));
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('1');
    await lab.advance(1000);
    const pressed = lab.clock.now();
    await alice.say('welcome.wav');
    const { end, playedMs } = await lab.run(over);
    expect(end).toBe('stopped');
    expect(playedMs).toBeGreaterThan(pressed);
    expect(playedMs).toBeLessThan(pressed + 500);
  });

  test('is not had unless it is asked for', async ({ lab }) => {
    const { promise: over, resolve } = Promise.withResolvers<PlayResult>();
    await lab.serve(async (call) => {
      await call.answer();
      resolve(await call.playback().play(prompt('goodbye.wav')));
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('1');
    expect(await lab.run(over)).toMatchObject({ end: 'completed' });
  });
});
