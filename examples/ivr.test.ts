/**
 * Tests `ivr.ts`, every branch of it, as a caller hears it: ten minutes of calls in about a second.
 *
 *   npx vitest run examples/ivr.test.ts
 */
import { labFixture, labMatchers, type Phone } from 'tandem/testing';
import { test as base, describe, expect } from 'vitest';
import ivr from './ivr.ts';

expect.extend(labMatchers);

/** Each test gets a caller who has been put through to the menu; the lab looks for what a test leaves behind. */
const test = base.extend(labFixture({ sounds: new URL('../prompts/', import.meta.url) })).extend<{ alice: Phone }>({
  alice: async ({ lab }, use) => {
    await lab.serve(ivr);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await use(alice);
  },
});

describe('the menu', () => {
  test('rings, answers and welcomes', async ({ alice }) => {
    expect(alice.received.map(({ what }) => what)).toEqual(['180', '200']);
    const welcome = await alice.hears('welcome.wav');
    expect(welcome.snrDb).toBeGreaterThan(30);
    await alice.hangup();
  });

  test('1 plays the message and comes back to the menu', async ({ alice }) => {
    await alice.hears('welcome.wav');
    await alice.press('1');
    await alice.hears('message.wav');
    await alice.hears('welcome.wav');
    await alice.hangup();
  });

  test('2 records the caller until # and plays it back', async ({ alice }) => {
    await alice.press('2');
    await alice.hears('record.wav');
    await alice.say('goodbye.wav');
    await alice.press('#');
    await alice.hears('goodbye.wav');
    await alice.hears('welcome.wav');
    await alice.hangup();
  });

  test('2 ends by itself after a minute without #', async ({ alice }) => {
    await alice.press('2');
    await alice.hears('record.wav');
    await alice.say('message.wav');
    await alice.hears('message.wav', { within: 70_000 });
    await alice.hangup();
  });

  test('3 is an echo', async ({ alice }) => {
    await alice.press('3');
    await alice.hears('echo.wav');
    await alice.say('message.wav');
    const echo = await alice.hears('message.wav');
    expect(echo.similarity).toBeGreaterThan(0.99);
    await alice.hangup();
  });

  test('3 goes on for as long as the caller likes', async ({ alice }) => {
    await alice.press('3');
    await alice.hears('echo.wav');
    for (let minute = 0; minute < 2; minute++) {
      await alice.say('goodbye.wav');
      await alice.hears('goodbye.wav');
      await alice.hearsSilence(55_000, { within: 60_000 });
    }
    await alice.hangup();
  });

  test.for([...'0456789*'])('%s means nothing', async (key, { alice }) => {
    await alice.hears('welcome.wav', { ms: 500 });
    await alice.press(key);
    await alice.hears('wrong-input.wav');
    await alice.hears('welcome.wav');
    await alice.hangup();
  });

  test('# says goodbye and hangs up', async ({ alice }) => {
    await alice.press('#');
    await alice.hears('goodbye.wav');
    expect((await alice.ends())?.what).toBe('BYE');
  });

  test('a key stops the welcome at once', async ({ alice }) => {
    await alice.hears('welcome.wav', { ms: 1000 });
    await alice.press('1');
    await alice.hears('message.wav', { within: 300 });
    await alice.hangup();
  });
});

describe('a caller who', () => {
  test('presses nothing is told so three times, then it is goodbye', async ({ alice }) => {
    for (let miss = 0; miss < 3; miss++) {
      await alice.hears('welcome.wav');
      await alice.hearsSilence(4_900);
      await alice.hears('no-input.wav');
    }
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  test('presses a key that means nothing is told so three times, then it is goodbye', async ({ alice }) => {
    for (const key of ['7', '*', '0']) {
      await alice.hears('welcome.wav', { ms: 500 });
      await alice.press(key);
      await alice.hears('wrong-input.wav');
    }
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  test('gets it right at last has all tries again', async ({ alice }) => {
    await alice.press('9');
    await alice.hears('wrong-input.wav');
    await alice.press('9');
    await alice.hears('wrong-input.wav');
    await alice.press('1');
    await alice.hears('message.wav');
    for (let miss = 0; miss < 3; miss++) {
      await alice.press('9');
      await alice.hears('wrong-input.wav');
    }
    await alice.hears('goodbye.wav');
    await alice.ends();
  });
});

/** What a caller does before it hangs up: the lab looks for what is left behind. */
const steps: Readonly<Record<string, (alice: Phone) => Promise<void>>> = {
  'before the first word': async () => {},
  'in the welcome': async (alice) => void (await alice.hears('welcome.wav', { ms: 500 })),
  'while a key is waited for': async (alice) => {
    await alice.hears('welcome.wav');
    await alice.hearsSilence(2_000);
  },
  'in the message': async (alice) => {
    await alice.press('1');
    await alice.hears('message.wav', { ms: 500 });
  },
  'in the words before the recording': async (alice) => {
    await alice.press('2');
    await alice.hears('record.wav', { ms: 500 });
  },
  'while it is recorded': async (alice) => {
    await alice.press('2');
    await alice.hears('record.wav');
    await alice.say('goodbye.wav');
  },
  'while its words are played back': async (alice) => {
    await alice.press('2');
    await alice.hears('record.wav');
    await alice.say('goodbye.wav');
    await alice.press('#');
    await alice.hears('goodbye.wav', { ms: 500 });
  },
  'in the echo': async (alice) => {
    await alice.press('3');
    await alice.hears('echo.wav');
    await alice.say('goodbye.wav');
  },
  'while it is told that nothing was pressed': async (alice) => {
    await alice.hears('welcome.wav');
    await alice.hears('no-input.wav', { ms: 300 });
  },
  'while it is told that the key means nothing': async (alice) => {
    await alice.press('8');
    await alice.hears('wrong-input.wav', { ms: 300 });
  },
  'in the goodbye': async (alice) => {
    await alice.press('#');
    await alice.hears('goodbye.wav', { ms: 300 });
  },
};

describe('a caller who hangs up', () => {
  test.for(Object.entries(steps))('%s leaves nothing behind', async ([, step], { alice }) => {
    await step(alice);
    await alice.hangup();
  });
});
