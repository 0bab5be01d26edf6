/**
 * Tests `ivr.ts`, every branch of it, as a caller hears it: ten minutes of calls in about a second.
 *
 *   npx vitest run examples/ivr.test.ts
 */
import { Lab, type Phone } from 'tandem/testing';
import { describe, expect, it } from 'vitest';
import ivr from './ivr.ts';

/** A caller who has been put through to the menu. */
async function called(lab: Lab): Promise<Phone> {
  await lab.serve(ivr);
  const alice = lab.phone('alice');
  await alice.dial('1000');
  return alice;
}

const open = (): Lab => new Lab({ sounds: new URL('../prompts/', import.meta.url) });

describe('the menu', () => {
  it('rings, answers and welcomes', async () => {
    await using lab = open();
    const alice = await called(lab);
    expect(alice.received.map(({ what }) => what)).toEqual(['180', '200']);
    const welcome = await alice.hears('welcome.wav');
    expect(welcome.snrDb).toBeGreaterThan(30);
    await alice.hangup();
  });

  it('1 plays the message and comes back to the menu', async () => {
    await using lab = open();
    const alice = await called(lab);
    await alice.hears('welcome.wav');
    await alice.press('1');
    await alice.hears('message.wav');
    await alice.hears('welcome.wav');
    await alice.hangup();
  });

  it('2 records the caller until # and plays it back', async () => {
    await using lab = open();
    const alice = await called(lab);
    await alice.press('2');
    await alice.hears('record.wav');
    await alice.say('goodbye.wav');
    await alice.press('#');
    await alice.hears('goodbye.wav');
    await alice.hears('welcome.wav');
    await alice.hangup();
  });

  it('2 ends by itself after a minute without #', async () => {
    await using lab = open();
    const alice = await called(lab);
    await alice.press('2');
    await alice.hears('record.wav');
    await alice.say('message.wav');
    await alice.hears('message.wav', { within: 70_000 });
    await alice.hangup();
  });

  it('3 is an echo', async () => {
    await using lab = open();
    const alice = await called(lab);
    await alice.press('3');
    await alice.hears('echo.wav');
    await alice.say('message.wav');
    const echo = await alice.hears('message.wav');
    expect(echo.similarity).toBeGreaterThan(0.99);
    await alice.hangup();
  });

  it('# says goodbye and hangs up', async () => {
    await using lab = open();
    const alice = await called(lab);
    await alice.press('#');
    await alice.hears('goodbye.wav');
    expect((await alice.ends())?.what).toBe('BYE');
  });

  it('a key stops the welcome at once', async () => {
    await using lab = open();
    const alice = await called(lab);
    await alice.hears('welcome.wav', { ms: 1000 });
    await alice.press('1');
    await alice.hears('message.wav', { within: 300 });
    await alice.hangup();
  });
});

describe('a caller who', () => {
  it('presses nothing is told so three times, then it is goodbye', async () => {
    await using lab = open();
    const alice = await called(lab);
    for (let miss = 0; miss < 3; miss++) {
      await alice.hears('welcome.wav');
      await alice.hearsSilence(4_900);
      await alice.hears('no-input.wav');
    }
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  it('presses a key that means nothing is told so three times, then it is goodbye', async () => {
    await using lab = open();
    const alice = await called(lab);
    for (const key of ['7', '*', '0']) {
      await alice.hears('welcome.wav', { ms: 500 });
      await alice.press(key);
      await alice.hears('wrong-input.wav');
    }
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  it('gets it right at last has all tries again', async () => {
    await using lab = open();
    const alice = await called(lab);
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
  it.each(Object.entries(steps))('%s leaves nothing behind', async (_, step) => {
    await using lab = open();
    const alice = await called(lab);
    await step(alice);
    await alice.hangup();
  });
});
