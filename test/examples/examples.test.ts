/**
 * Each example is run as `tandem serve` runs it, and called by a phone that hears what it does. `ivr.ts` has its
 * test beside it.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, vi } from 'vitest';
import { compressG711 } from '../../media/index.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type LabHandler, type Phone, sine } from '../../src/testing/index.ts';
import { channel, correlate, readWav } from '../helpers/audio.ts';
import { expect, prompts, test } from '../helpers/lab.ts';
import { join, limited, silence, sines } from '../media/analysis/signals.ts';
import { Speaker } from '../media/analysis/speech.ts';
import { registered } from '../pbx/phones.ts';
import { ScriptedRegistrar } from '../registration/registrar.ts';
import { Bot } from '../stream/bot.ts';

/** What examples read of the environment. Hosts of the lab are found by their names. */
const environment = {
  RECORDING: 'call.wav',
  SALES: 'sip:bob@sales',
  SUPPORT: 'sip:carol@support',
  TARGET: 'sip:uas@callee',
  AGENT: 'sip:1001@agent',
  CUSTOMER: 'sip:1002@customer',
  RECEPTION: 'sip:reception@reception',
  ACCOUNT: 'sip:alice@registrar',
  PASSWORD: 'secret',
  AGENT_URL: 'ws://bot/',
};
const log = vi.spyOn(console, 'log').mockImplementation(() => {});

beforeAll(() => {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
});

beforeEach(() => {
  log.mockClear();
});

afterAll(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

async function load<Script = LabHandler>(name: string): Promise<Script> {
  const { default: script } = (await import(`../../examples/${name}.ts`)) as { default: Script };
  return script;
}

async function serve(lab: Lab, name: string): Promise<Tandem> {
  return lab.serve(await load(name));
}

async function prompt(name: string): Promise<Int16Array> {
  return readWav(await readFile(new URL(name, prompts))).samples;
}

describe('answer', () => {
  test('answers until the caller hangs up', async ({ lab }) => {
    await serve(lab, 'answer');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(alice.received.map(({ what }) => what)).toEqual(['100', '180', '200']);
    await alice.hangup();
    await lab.until(() => log.mock.calls.length === 2);
    expect(log.mock.calls.flat()).toEqual(['alice is on the line', 'call is over, ended by remote']);
  });

  test('hangs up after a minute', async ({ lab }) => {
    await serve(lab, 'answer');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const bye = await alice.ends({ within: 61_000 });
    expect(bye?.at).toBeGreaterThan(60_000);
    expect(log.mock.calls.flat()).toEqual(['alice is on the line', 'call is over, ended by local']);
  });
});

describe('voice-agent', () => {
  test('lets a bot talk with the caller, and says goodbye when it breaks', async ({ lab }) => {
    const bot = new Bot();
    await lab.serve(await load('voice-agent'), { webSockets: bot });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.until(() => bot.of('start').length > 0);
    expect(bot.latest('start')).toMatchObject({ start: { customParameters: { caller: 'alice' } } });
    const payload = Buffer.from(compressG711('mu', await prompt('welcome.wav'))).toString('base64');
    bot.say({ event: 'media', media: { payload } });
    await alice.hears('welcome.wav');
    bot.leave(1006, new Error('reset'));
    await alice.hears('goodbye.wav');
    await alice.ends({ within: 10_000 });
    expect(log.mock.calls.flat()).toEqual(['the talk of alice is over: error']);
  });

  test('says goodbye when there is no bot', async ({ lab }) => {
    await lab.serve(await load('voice-agent'), { webSockets: new Bot(new Error('refused')) });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('goodbye.wav');
    await alice.ends({ within: 10_000 });
  });

  /** Puts the parrot at the other end. */
  async function talkToParrot(lab: Lab): Promise<{ readonly alice: Phone; readonly bot: Bot }> {
    const bot = new Bot();
    const parrot = await load<(socket: unknown) => void>('parrot-model');
    let toParrot: (text: string) => void = () => {};
    parrot({
      on: (_event: string, listener: (text: string) => void) => {
        toParrot = listener;
      },
      send: (text: string) => bot.say(text),
    });
    bot.onMessage = (message) => toParrot(String(message));
    await lab.serve(await load('voice-agent'), { webSockets: bot });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    return { alice, bot };
  }

  const hum = Int16Array.from({ length: 8000 }, (_, n) => Math.round(8000 * Math.sin((2 * Math.PI * 500 * n) / 8000)));

  test('has a parrot to talk to', async ({ lab }) => {
    const { alice, bot } = await talkToParrot(lab);
    await alice.say(hum);
    await alice.hearsTone(500, { ms: 900, within: 3000 });
    await lab.until(() => bot.of('mark').length === 1);
    // Whoever speaks into it silences it.
    await alice.say(hum);
    await alice.hearsTone(500, { ms: 200, within: 3000 });
    await alice.say(hum.subarray(0, 800));
    expect(bot.of('mark')).toHaveLength(2);
    await alice.hangup();
  });

  test('answers within 100 ms of what the agent takes to think, of which the network has 40', async ({ lab }) => {
    lab.network.set({ delayMs: 20 });
    const { alice, bot } = await talkToParrot(lab);
    const thinksMs = 300;
    const added: number[] = [];
    for (let turn = 1; turn <= 5; turn++) {
      // Turns begin anywhere within a beat.
      await lab.advance(1000 + 7 * turn);
      await alice.say(hum);
      const said = lab.clock.now();
      const { from: answered } = await alice.hearsTone(500, { ms: 900, within: 3000 });
      added.push(answered - said - thinksMs);
      await lab.until(() => bot.of('mark').length === turn);
    }
    // From the end of what the caller says to the beginning of the answer at the caller.
    for (const ms of added) expect(ms).toBeLessThanOrEqual(100);
    expect(Math.min(...added)).toBeGreaterThanOrEqual(40);
    await alice.hangup();
  });
});

describe('routing', () => {
  test.for([
    ['play', 200],
    ['echo', 200],
    ['busy', 486],
    ['moved', 302],
    ['nothing', 404],
  ] as const)('%s: %i', async ([user, status], { lab }) => {
    await serve(lab, 'routing');
    const alice = lab.phone('alice');
    const call = alice.invite(user);
    await lab.run(call.settled);
    expect(call.status).toBe(status);
    if (user === 'play') await alice.hears('welcome.wav');
    if (user === 'echo') {
      await alice.say('message.wav');
      await alice.hears('message.wav');
      await alice.hangup();
    }
  });
});

describe('users', () => {
  test('rings all phones of a user, as long as they are registered', async ({ lab }) => {
    const house = await lab.serve(await load('users'), {
      auth: { users: { bob: { password: 'secret' } }, require: () => false },
      registrar: {},
    });
    const busy = await lab.serve((call) => call.reject(486), { name: 'busy' });
    const desk = await lab.serve(
      async (call) => {
        await call.answer();
        await call.playback().play(fileURLToPath(new URL('welcome.wav', prompts)));
      },
      { name: 'desk' },
    );
    for (const phone of [busy, desk])
      await lab.run(phone.register('sip:bob@10.0.0.1', { password: 'secret', username: 'bob' }));
    expect(house.registrar?.lookup('bob')).toHaveLength(2);

    const alice = lab.phone('alice');
    await alice.dial('bob');
    await alice.hears('welcome.wav');
    await alice.ends();
    expect(log.mock.calls).toEqual([['somebody calls bob']]);

    await lab.run(Promise.all([busy.close(), desk.close()]));
    expect(house.registrar?.size).toBe(0);
    const call = alice.invite('bob');
    await lab.run(call.settled);
    expect(call.status).toBe(480);
  });

  test('nobody registers with a wrong password', async ({ lab }) => {
    const house = await lab.serve(await load('users'), {
      auth: { users: { bob: { password: 'secret' } } },
      registrar: {},
    });
    const thief = lab.newTandem({ name: 'thief' });
    const attempt = lab.run(thief.register('sip:bob@10.0.0.1', { password: 'guess' }));
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_REGISTER', status: 401 });
    expect(house.registrar?.size).toBe(0);
  });
});

describe('playback', () => {
  test('plays to the end and hangs up', async ({ lab }) => {
    await serve(lab, 'playback');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('welcome.wav');
    await alice.ends();
    expect(log.mock.calls).toEqual([['played 9420 ms, completed']]);
  });
});

describe('playback-control', () => {
  test('1 mutes, 2 pauses, 4 goes back, # stops', async ({ lab }) => {
    await serve(lab, 'playback-control');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const music = await prompt('music.wav');
    const part = (fromMs: number): Int16Array => music.subarray(fromMs * 8, (fromMs + 400) * 8);
    await alice.hears(part(0));
    await alice.press('1');
    await alice.hearsSilence(1_000);
    await alice.press('1');
    await alice.hears(part(2_000));
    await alice.press('2');
    await alice.hearsSilence(5_000);
    await alice.press('2');
    await alice.hears(part(3_000));
    await alice.press('4');
    await alice.hears(part(0));
    await alice.press('#');
    await alice.ends();
  });
});

describe('record', () => {
  test('writes down both directions of an echo', async ({ lab }) => {
    await serve(lab, 'record');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.say('message.wav');
    const echo = await alice.hears('message.wav');
    expect(echo.similarity).toBeGreaterThan(0.99);
    await alice.hangup();
    await lab.until(() => lab.files.open === 0);

    const wav = readWav(lab.files.get(environment.RECORDING));
    expect([wav.channels, wav.sampleRate]).toEqual([2, 8000]);
    const part = (await prompt('message.wav')).subarray(8_000, 16_000);
    for (const side of [0, 1])
      expect(correlate(channel(wav.samples, 2, side), part, 16_000).correlation).toBeGreaterThan(0.99);
  });
});

describe('early-media', () => {
  test('plays an announcement, and answers after it', async ({ lab }) => {
    await serve(lab, 'early-media');
    const alice = lab.phone('alice');
    const call = alice.invite('1000');
    await alice.receives(183);
    await alice.hears('message.wav');
    expect(call.state).toBe('calling');
    await alice.isUp();
    await alice.hears('welcome.wav');
    await alice.ends();
  });
});

describe('dtmf', () => {
  test('collects a number and sends it back', async ({ lab }) => {
    await serve(lab, 'dtmf');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('12#');
    await alice.hearsDigits('12');
    expect(log).toHaveBeenLastCalledWith('alice keyed 12 (terminator)');
    await lab.advance(500);
    await alice.press('7');
    expect(log).toHaveBeenLastCalledWith(expect.any(String), '7');
    await alice.hangup();
  });
});

describe('bridge', () => {
  test.for([
    ['1', 'sales'],
    ['2', 'support'],
  ] as const)('%s: %s', async ([key, department], { lab }) => {
    const agent = lab.phone(department);
    await serve(lab, 'bridge');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('welcome.wav', { ms: 1_000 });
    await alice.press(key);
    await agent.rings();
    await alice.hearsTone(425);
    await agent.answer();
    await agent.say('message.wav');
    await alice.hears('message.wav');
    await alice.say('goodbye.wav');
    await agent.hears('goodbye.wav');
    await agent.hangup();
    await alice.ends();
  });

  test('says so when nobody takes it', async ({ lab }) => {
    const agent = lab.phone('sales');
    agent.onCall = { reject: 486 };
    await serve(lab, 'bridge');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('1');
    await alice.hears('not-available.wav');
    await alice.ends();
  });
});

describe('conference', () => {
  test('connects who chose the same room, mutes at *, records two', async ({ lab }) => {
    await serve(lab, 'conference');
    const phones = ['alice', 'bob', 'carol'].map((name) => lab.phone(name));
    const [alice, bob, carol] = phones as [Phone, Phone, Phone];
    for (const [phone, number] of [
      [alice, '12'],
      [bob, '12'],
      [carol, '13'],
    ] as const) {
      await phone.dial('1000');
      await phone.press(number);
    }
    await Promise.all([alice.say('message.wav'), bob.hears('message.wav'), carol.hears('music.wav', { ms: 2_000 })]);
    await bob.press('*');
    await bob.speak(sine(440));
    await alice.hearsSilence();
    await bob.press('*');
    await bob.speak(sine(440));
    await alice.hearsTone(440);
    await bob.press('#');
    await bob.ends();
    for (const phone of [alice, carol]) await phone.hangup();
    await lab.until(() => log.mock.calls.length === 5);
    expect(log.mock.calls.flat().sort()).toEqual([
      'alice left 12: 0 there',
      'bob is heard in 12',
      'bob is muted in 12',
      'bob left 12: 1 there',
      'carol left 13: 0 there',
    ]);
    const { sampleRate, channels, samples } = readWav(await lab.files.read('12.wav'));
    expect([sampleRate, channels]).toEqual([8000, 1]);
    const heard = correlate(samples, (await prompt('message.wav')).subarray(4000, 20_000));
    expect(heard.correlation).toBeGreaterThan(0.95);
  });
});

describe('b2bua', () => {
  test('bridges to the target', async ({ lab }) => {
    const callee = lab.phone('callee');
    callee.onCall = { answerAfterMs: 2_000 };
    await serve(lab, 'b2bua');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(alice.received.map(({ what }) => what)).toContain('180');
    await alice.say('message.wav');
    await callee.hears('message.wav');
    await callee.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.hangup();
    await callee.ends();
  });

  test('passes a refusal back', async ({ lab }) => {
    const callee = lab.phone('callee');
    callee.onCall = { reject: 603 };
    await serve(lab, 'b2bua');
    const alice = lab.phone('alice');
    const call = alice.invite('1000');
    await lab.run(call.settled);
    expect(call.status).toBe(603);
  });
});

describe('click-to-call', () => {
  test('calls the agent, then the customer, and connects them', async ({ lab }) => {
    const { call, start } = await load<{ call: LabHandler; start(tandem: Tandem): Promise<void> }>('click-to-call');
    const agent = lab.phone('agent');
    const customer = lab.phone('customer');
    agent.onCall = { answerAfterMs: 1_000 };
    const tandem = await lab.serve(call);
    const running = start(tandem);
    await customer.rings();
    await agent.hearsTone(425);
    await customer.answer();
    await customer.say('message.wav');
    await agent.hears('message.wav');
    await agent.say('goodbye.wav');
    await customer.hears('goodbye.wav');
    await customer.hangup();
    await agent.ends();
    await lab.run(running);
    expect(log).toHaveBeenCalledWith('connected 1001 with 1002');

    const stranger = lab.phone('stranger').invite('1000');
    await lab.run(stranger.settled);
    expect(stranger.status).toBe(403);
  });
});

describe('amd', () => {
  async function answered(lab: Lab, said: Float64Array): Promise<void> {
    const { call, start } = await load<{ call: LabHandler; start(tandem: Tandem): Promise<void> }>('amd');
    const customer = lab.phone('customer');
    customer.onCall = { answerAfterMs: 1_000 };
    const running = start(await lab.serve(call));
    await customer.isUp();
    await customer.say(limited(said));
    await customer.hears('message.wav');
    await customer.ends();
    await lab.run(running);
  }

  test('leaves the message behind the beep of a machine', async ({ lab }) => {
    const greeting = new Speaker(1).talk(4000, { pauseMs: 0, syllables: 100 });
    await answered(lab, join(silence(500), greeting, silence(600), sines(400, [{ frequency: 1000, level: -12 }])));
    expect(log.mock.calls).toEqual([['1002: machine, after the beep']]);
  });

  test('tells it to a person at once', async ({ lab }) => {
    await answered(lab, join(silence(500), new Speaker(2).talk(600, { pauseMs: 0 })));
    expect(log.mock.calls).toEqual([['1002: human']]);
  });
});

describe('echo', () => {
  test('sends back what it hears', async ({ lab }) => {
    await serve(lab, 'echo');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.say('message.wav');
    const echo = await alice.hears('message.wav');
    expect(echo.similarity).toBeGreaterThan(0.99);
    await alice.hangup();
  });
});

describe('register', () => {
  test('is registered in the end, and plays to who calls', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => ({ status: index === 0 ? 503 : 200 });
    const script = await load<{ start(tandem: Tandem): Promise<void>; call: LabHandler }>('register');
    const tandem = await lab.serve(script.call);
    await lab.run(script.start(tandem));
    expect(log.mock.calls.flat()).toEqual([
      expect.stringMatching(/^not registered: 503, next try in [3-6]\d s$/),
      'sip:alice@registrar is registered as sip:alice@10.0.0.1:5060',
    ]);
    const bob = lab.phone('bob');
    await bob.dial('alice');
    await bob.hears('welcome.wav');
    await bob.ends();
    await lab.run(tandem.close());
    expect(registrar.registers.at(-1)?.get('Expires')).toBe('0');
  });
});

describe('transfer', () => {
  async function atReception(lab: Lab): Promise<[Phone, Phone, Phone]> {
    const [alice, reception, bob] = [lab.phone('alice'), lab.phone('reception'), lab.phone('sales')];
    reception.onCall = bob.onCall = { answerAfterMs: 0 };
    await serve(lab, 'transfer');
    await alice.dial('1000');
    await reception.isUp();
    return [alice, reception, bob];
  }

  test('hands a call on to an extension', async ({ lab }) => {
    const [alice, reception, bob] = await atReception(lab);
    expect(await reception.transfer('200')).toBe(200);
    await reception.ends();
    await bob.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.hangup();
    await bob.ends();
    expect(log.mock.calls.flat()).toEqual(['handed on to 200', 'over: remote']);
  });

  test('leaves it with the reception when there is no such extension, or nobody answers', async ({ lab }) => {
    const [alice, reception, bob] = await atReception(lab);
    expect(await reception.transfer('999')).toBe(404);
    bob.onCall = {};
    expect(await reception.transfer('200')).toBe(408);
    await reception.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.hangup();
  });
});

describe('say', () => {
  test('reads out the number of the caller, and the key', async ({ lab }) => {
    await serve(lab, 'say');
    const alice = lab.phone('4711');
    await alice.dial('1000');
    await alice.hears(lab.tts.sound('You are calling from 4 7 1 1.'));
    await alice.press('5');
    await alice.hears(lab.tts.sound('You pressed 5.'));
    await alice.ends({ within: 10_000 });
    expect(lab.tts.asked.at(-1)).toEqual({ text: 'You pressed 5.', language: 'en-GB' });
  });

  test('plays something else when there is nobody to speak', async ({ lab }) => {
    lab.tts.failure = { error: new Error('gone'), after: 0 };
    await serve(lab, 'say');
    const alice = lab.phone('4711');
    await alice.dial('1000');
    await alice.hears('not-available.wav');
    await alice.ends({ within: 10_000 });
    expect(log.mock.calls.flat()).toEqual(['cannot speak: gone']);
  });
});

describe('durable-ivr', () => {
  test('asks for a number, holds it, and books it when that is confirmed', async ({ lab }) => {
    const { call } = await load<{ call: LabHandler }>('durable-ivr');
    const post = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('held-1'));
    try {
      await lab.serve(call);
      const alice = lab.phone('alice');
      await alice.dial('1000');
      await alice.hears('welcome.wav');
      await alice.hears('record.wav', { ms: 1_000 });
      await alice.press('42#');
      await alice.hears('message.wav', { ms: 1_000 });
      await alice.press('1#');
      await alice.hears('goodbye.wav');
      await alice.ends();
      expect(post.mock.calls.map(([url, options]) => [url, options?.body])).toEqual([
        ['http://127.0.0.1:8000/hold', '{"number":"42"}'],
        ['http://127.0.0.1:8000/book', '{"held":"held-1"}'],
      ]);
      const keys = post.mock.calls.map(([, options]) => new Headers(options?.headers).get('idempotency-key'));
      expect(keys).toEqual([expect.stringMatching(/.\/hold$/), expect.stringMatching(/.\/book$/)]);
    } finally {
      post.mockRestore();
    }
  });
});

describe('take-a-message', () => {
  async function leave(lab: Lab): Promise<{ readonly alice: Phone; readonly words: Int16Array }> {
    await serve(lab, 'take-a-message');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('record.wav');
    await lab.advance(600);
    const words = await prompt('welcome.wav');
    await alice.say(words);
    return { alice, words };
  }

  function message(lab: Lab): Int16Array {
    const { samples, channels } = readWav(lab.files.get('message.wav'));
    expect(channels).toBe(1);
    return samples;
  }

  test('takes what is said, and leaves out the silence behind it', async ({ lab }) => {
    const { alice, words } = await leave(lab);
    await alice.hears('goodbye.wav');
    await alice.ends({ within: 10_000 });
    const taken = message(lab);
    expect(correlate(taken, words).correlation).toBeGreaterThan(0.95);
    expect(taken.length).toBeLessThan(words.length + 8000);
    expect(log.mock.calls.flat()).toEqual([expect.stringMatching(/^a message of \d+ s from alice \(silence\)$/)]);
  });

  test('is content with a key, and with a caller who hangs up', async ({ lab }) => {
    const { alice } = await leave(lab);
    await alice.press('#');
    await alice.hears('goodbye.wav');
    await alice.ends({ within: 10_000 });
    const pressed = message(lab).length;
    await alice.dial('1000');
    await alice.hears('record.wav');
    await lab.advance(600);
    await alice.say('welcome.wav');
    await alice.hangup();
    await lab.until(() => log.mock.calls.length === 2);
    expect(Math.abs(message(lab).length - pressed)).toBeLessThan(8000);
    expect(log.mock.calls.flat()).toEqual([expect.stringContaining('(stopped)'), expect.stringContaining('(ended)')]);
  });
});

describe('an office', () => {
  const users = { auth: { users: () => ({ password: 'secret' }), require: () => false }, registrar: {} };

  interface Office {
    start?(tandem: Tandem): void;
    call: LabHandler;
  }

  /** Serves an example that has a `start`, or is a handler. */
  async function open(lab: Lab, name: string, options = {}): Promise<Tandem> {
    const script = await load<Office | LabHandler>(name);
    const { call, start }: Office = typeof script === 'function' ? { call: script } : script;
    const tandem = await lab.serve(call, { ...users, transfer: 'execute', ...options });
    start?.(tandem);
    return tandem;
  }

  test('queue lets callers wait for an agent, and takes a message from who waits no longer', async ({ lab }) => {
    const tandem = await open(lab, 'queue');
    const [agent] = await registered(lab, '5001');
    agent.onCall = { answerAfterMs: 2000 };
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('support');
    await alice.hears('queue-position.wav', { ms: 500 });
    await agent.isUp();
    await Promise.all([alice.speak(sine(440)), agent.hearsTone(440)]);
    await carol.dial('support');
    await carol.hears('digits/1.wav');
    await carol.press('1');
    await carol.hears('vm-greeting.wav');
    await lab.advance(600);
    await carol.say('goodbye.wav');
    await carol.press('#');
    await carol.hears('vm-kept.wav');
    await carol.ends();
    await alice.hangup();
    await agent.ends();
    await lab.advance(15_000);
    expect(await tandem.voicemail('support').messages()).toHaveLength(1);
    expect(log.mock.calls.flat()).toEqual([
      '5001 is idle',
      '5001 is ringing',
      '5001 is talking',
      expect.stringMatching(/^carol: key after \d s$/),
      '5001 is wrap-up',
      'alice: answered by 5001 after 2 s',
      '5001 is idle',
    ]);
  });

  test('parking keeps a call that is transferred to it until somebody fetches it', async ({ lab }) => {
    await open(lab, 'parking');
    const [bob] = await registered(lab, '5001');
    bob.onCall = { answerAfterMs: 100 };
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('5001');
    await bob.isUp();
    await bob.transfer('sip:700@10.0.0.1');
    await alice.hears('parking-slot.wav');
    await carol.dial('701');
    await Promise.all([alice.speak(sine(440)), carol.hearsTone(440)]);
    await carol.hangup();
    await alice.ends();
    await lab.until(() => log.mock.calls.length === 2);
    expect(log.mock.calls.flat()).toEqual(['alice is parked at 701', 'alice left 701: retrieved']);
    carol.invite('702');
    expect((await carol.ends())?.status).toBe(404);
  });

  test('voicemail takes a message for who does not answer, and plays it to its owner alone', async ({ lab }) => {
    await open(lab, 'voicemail', { auth: { users: () => ({ password: 'secret' }), require: isListening } });
    const [bob] = await registered(lab, '5001');
    bob.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav');
    await lab.advance(600);
    await alice.say('goodbye.wav');
    await alice.press('#');
    await alice.hears('vm-kept.wav');
    await alice.ends();
    expect(log.mock.calls.flat()).toEqual([expect.stringMatching(/^5001 has a message of \d s$/)]);
    const told = bob.received.findLast(({ method }) => method === 'NOTIFY');
    expect(told?.body).toContain('Voice-Message: 1/0');

    // The phone of the lab knows no digest in its calls: another Tandem is the owner.
    alice.invite('*97');
    expect((await alice.ends())?.status).toBe(401);
    const owner = lab.newTandem({ name: 'owner' });
    const account = { username: '5001', password: 'secret' };
    const call = await lab.run(owner.invite('sip:*97@10.0.0.1', account));
    const menu = call.recording('owner.wav', { direction: 'in', channels: 1 });
    await lab.advance(2000);
    await lab.run(call.sendDtmf('1'));
    await lab.advance(8000);
    await lab.run(menu.close());
    const heard = readWav(lab.files.get('owner.wav')).samples;
    expect(correlate(heard, await prompt('goodbye.wav')).correlation).toBeGreaterThan(0.8);
    await lab.run(call.hangup());
    alice.invite('9999');
    expect((await alice.ends())?.status).toBe(404);
  });

  const isListening = (_caller: unknown, called: string | undefined): boolean => called === '*97';
});
