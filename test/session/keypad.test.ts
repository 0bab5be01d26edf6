import { describe, expect, it } from 'vitest';
import { Keypad } from '../../src/session/keypad.ts';
import { FakeClock } from '../../src/testing/index.ts';

const forever = new AbortController().signal;

function keypad() {
  const clock = new FakeClock();
  const keys = new Keypad(clock);
  const press = (digits: string): void => {
    for (const digit of digits) keys.press(digit);
  };
  /** A prompt that plays until it is stopped or `end` is called. */
  const prompt = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const state = { played: false, stopped: false };
    const play = (signal: AbortSignal): Promise<void> => {
      state.played = true;
      signal.addEventListener('abort', () => {
        state.stopped = true;
        resolve();
      });
      return promise;
    };
    return { play, state, end: resolve };
  };
  return { clock, keys, press, prompt };
}

describe('Keypad', () => {
  it('keeps what is pressed too early, in order, for one gather after another', async () => {
    const { keys, press } = keypad();
    press('12345');
    expect(await keys.gather({ digits: 2 }, forever, undefined)).toEqual({ digits: '12', end: 'digits' });
    expect(await keys.gather({ digits: 3 }, forever, undefined)).toEqual({ digits: '345', end: 'digits' });
  });

  it('keeps the newest 64', async () => {
    const { keys, press } = keypad();
    press('1'.repeat(10) + '2'.repeat(60));
    const { digits } = await keys.gather({ digits: 64 }, forever, undefined);
    expect(digits).toBe('1'.repeat(4) + '2'.repeat(60));
  });

  it('plays no prompt to who has begun to type', async () => {
    const { keys, press, prompt } = keypad();
    const { play, state } = prompt();
    press('1');
    const gathered = keys.gather({ digits: 2 }, forever, play);
    press('2');
    expect(await gathered).toEqual({ digits: '12', end: 'digits' });
    expect(state.played).toBe(false);
  });

  it('stops the prompt at the first digit, and waits for one only from its end on', async () => {
    const { clock, keys, press, prompt } = keypad();
    const first = prompt();
    const typed = keys.gather({ digits: 1 }, forever, first.play);
    press('7');
    await typed;
    expect(first.state.stopped).toBe(true);

    const second = prompt();
    const silent = keys.gather({ timeout: 1000 }, forever, second.play);
    await clock.advance(60_000);
    second.end();
    await clock.advance(1000);
    expect(await silent).toEqual({ digits: '', end: 'timeout' });
    expect(clock.pending).toBe(0);
  });

  it('rejects with the prompt, with the signal, and when it is busy', async () => {
    const { clock, keys } = keypad();
    const missing = new Error('no such file');
    await expect(keys.gather({}, forever, () => Promise.reject(missing))).rejects.toBe(missing);
    const stop = new AbortController();
    const stopped = keys.gather({}, stop.signal, undefined);
    await expect(keys.gather({}, forever, undefined)).rejects.toMatchObject({ code: 'ERR_STATE' });
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });

  it('gives digits to every listener, and keeps none meanwhile', async () => {
    const { keys, press } = keypad();
    const [a, b] = [keys.listen(), keys.listen()];
    press('12');
    keys.close();
    const heard = async (listener: typeof a): Promise<string> => {
      let digits = '';
      for await (const { digit } of listener) digits += digit;
      return digits;
    };
    expect([await heard(a), await heard(b)]).toEqual(['12', '12']);
    expect((await keys.listen().next()).done).toBe(true);
  });
});
