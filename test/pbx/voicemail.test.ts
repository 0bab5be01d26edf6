import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe } from 'vitest';
import { CodeLock } from '../../src/pbx/voicemail/code-lock.ts';
import type { ListenResult } from '../../src/pbx/voicemail/listening.ts';
import type { Mailbox } from '../../src/pbx/voicemail/mailbox.ts';
import { isMessageId, messageId, readMessage, type VoicemailMessage } from '../../src/pbx/voicemail/message.ts';
import type { VoicemailOptions } from '../../src/pbx/voicemail/options.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type Phone, seededRandom } from '../../src/testing/index.ts';
import { correlate, readWav } from '../helpers/audio.ts';
import { expect, prompts, test } from '../helpers/lab.ts';

interface House {
  readonly tandem: Tandem;
  readonly box: Mailbox;
  readonly left: (VoicemailMessage | undefined)[];
  readonly listened: ListenResult[];
  readonly errors: string[];
}

/** A server where 5001 takes messages of mailbox 5001, and *97 plays them. */
async function serveBox(lab: Lab, options: Partial<VoicemailOptions> = {}): Promise<House> {
  const tandem = await lab.serve(async (call) => {
    if (call.toUser === 'listen') house.listened.push(await box.listen(call));
    else
      house.left.push(
        await box.record(call).catch((error: { code: string }) => {
          house.errors.push(error.code);
          return undefined;
        }),
      );
  });
  const box = tandem.voicemail('5001', { folder: './vm', ...options });
  const house: House = { tandem, box, left: [], listened: [], errors: [] };
  return house;
}

/** Leaves a message of some seconds. */
async function leave(lab: Lab, name: string, sound = 'welcome.wav'): Promise<Phone> {
  const phone = lab.phone(name);
  await phone.dial('5001');
  await phone.hears('vm-greeting.wav');
  await lab.advance(600);
  await phone.say(sound);
  await phone.press('#');
  await phone.hears('vm-kept.wav');
  await phone.ends();
  return phone;
}

async function samples(name: string): Promise<Int16Array> {
  return readWav(await readFile(new URL(name, prompts))).samples;
}

describe('a mailbox', () => {
  test('takes a message after the beep until a key', async ({ lab }) => {
    const { box, left } = await serveBox(lab);
    await leave(lab, '5002');
    const [message] = await box.messages();
    expect(left).toEqual([message]);
    expect(message).toMatchObject({ from: '5002', state: 'new', callId: expect.any(String) });
    const sound = readWav(await box.read(message?.id ?? ''));
    expect(sound.channels).toBe(1);
    expect(correlate(sound.samples, await samples('welcome.wav')).correlation).toBeGreaterThan(0.95);
    expect(Math.abs((message?.durationMs ?? 0) - sound.samples.length / 8)).toBeLessThan(50);
    expect(box.counts).toEqual({ new: 1, saved: 0 });
    expect(lab.files.paths.toSorted()).toEqual([`vm/5001/${message?.id}.json`, `vm/5001/${message?.id}.wav`]);
  });

  test('takes what a caller has said who hangs up, without the silence behind it', async ({ lab }) => {
    const { box, left } = await serveBox(lab, { maxSilence: 60_000 });
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav');
    await lab.advance(600);
    await alice.say('goodbye.wav');
    await lab.advance(20_000);
    await alice.hangup();
    await lab.until(() => left.length === 1);
    expect(await box.messages()).toEqual(left);
    expect(left[0]?.durationMs).toBeLessThan(4000);
  });

  test('ends with silence, and at its longest', async ({ lab }) => {
    const { left } = await serveBox(lab, { maxSilence: 2000, maxSeconds: 4 });
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav');
    await lab.advance(600);
    await alice.say('goodbye.wav');
    await alice.hears('vm-kept.wav');
    await alice.ends();
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav');
    await lab.advance(600);
    await alice.speak('message.wav');
    await alice.hears('vm-kept.wav');
    await alice.ends();
    expect(left[1]?.durationMs).toBeGreaterThan(3900);
    expect(left[1]?.durationMs).toBeLessThan(4100);
  });

  test('keeps nothing of who says nothing, or hangs up during the greeting', async ({ lab }) => {
    const { box, left } = await serveBox(lab, { maxSilence: 2000 });
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-too-short.wav', { within: 20_000 });
    await alice.ends();
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav', { ms: 1000 });
    await alice.hangup();
    await lab.until(() => left.length === 2);
    expect(left).toEqual([undefined, undefined]);
    expect(await box.messages()).toEqual([]);
    expect(lab.files.paths).toEqual([]);
  });

  test('lets a key cut the greeting short, which is not the end of the message', async ({ lab }) => {
    const { left } = await serveBox(lab);
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav', { ms: 1000 });
    await alice.press('1');
    await lab.advance(800);
    await alice.say('goodbye.wav');
    await alice.press('#');
    await alice.hears('vm-kept.wav');
    await alice.ends();
    expect(left[0]?.durationMs).toBeGreaterThan(1000);
  });

  test('tells a caller that a full disk keeps nothing, and the call goes on', async ({ lab }) => {
    const { box, errors } = await serveBox(lab);
    lab.files.failure = new Error('ENOSPC');
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-cannot-keep.wav', { within: 30_000 });
    await alice.ends();
    lab.files.failure = undefined;
    expect(errors).toEqual(['ERR_VOICEMAIL']);
    expect(await box.messages()).toEqual([]);
    expect(lab.files.paths).toEqual([]);
  });

  test('does the same when the disk fills up in the middle of a message', async ({ lab }) => {
    const { box, errors } = await serveBox(lab);
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav');
    await lab.advance(600);
    await alice.speak('message.wav');
    await lab.advance(1000);
    lab.files.failure = new Error('ENOSPC');
    await alice.hears('vm-cannot-keep.wav', { within: 60_000 });
    await alice.ends();
    lab.files.failure = undefined;
    expect(errors).toEqual(['ERR_VOICEMAIL']);
    expect(await box.messages()).toEqual([]);
    expect(lab.files.paths).toEqual([]);
  });

  test('is full after so many messages', async ({ lab }) => {
    const { errors } = await serveBox(lab, { maxMessages: 1 });
    await leave(lab, '5002', 'goodbye.wav');
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('vm-cannot-keep.wav');
    await alice.ends();
    expect(errors).toEqual(['ERR_VOICEMAIL_FULL']);
  });

  test('is as it was after a restart, and passes over what cannot be read', async ({ lab }) => {
    const { box } = await serveBox(lab);
    await leave(lab, '5002', 'goodbye.wav');
    const messages = await box.messages();
    lab.files.set('vm/5001/0000000000001-00000000.json', Buffer.from('{"version":2}'));
    lab.files.set('vm/5001/0000000000002-00000000.json', Buffer.from('{'));
    lab.files.set('vm/5001/..json', Buffer.from('{}'));
    const again = lab.newTandem().voicemail('5001', { folder: 'vm/' });
    expect(await again.messages()).toEqual(messages);
    await again.mark(messages[0]?.id ?? '', 'saved');
    expect(again.counts).toEqual({ new: 0, saved: 1 });
    await again.delete(messages[0]?.id ?? '');
    expect(await again.messages()).toEqual([]);
    await expect(again.read(messages[0]?.id ?? '')).rejects.toMatchObject({ code: 'ERR_VOICEMAIL' });
    expect(lab.files.paths.filter((path) => path.includes(messages[0]?.id ?? ''))).toEqual([]);
  });

  test('takes away what a process that died has left of a message', async ({ lab }) => {
    const { box } = await serveBox(lab);
    lab.files.set('vm/5001/0000000000001-00000000.wav', new Uint8Array(100));
    await leave(lab, '5002', 'goodbye.wav');
    lab.files.set('vm/5001/9999999999999-00000000.wav', new Uint8Array(100));
    const again = lab.newTandem().voicemail('5001', { folder: 'vm' });
    expect(await again.messages()).toEqual(await box.messages());
    expect(lab.files.paths).not.toContain('vm/5001/0000000000001-00000000.wav');
    expect(lab.files.paths).toContain('vm/5001/9999999999999-00000000.wav');
  });

  test('reads, marks and deletes only what is a message', async ({ lab }) => {
    const { box } = await serveBox(lab);
    lab.files.set('vm/secret.wav', new Uint8Array(10));
    for (const id of ['../secret', '..', '', 'x/../../secret', '\0'])
      for (const act of [() => box.read(id), () => box.delete(id), () => box.mark(id, 'saved')])
        await expect(act()).rejects.toMatchObject({ code: 'ERR_VOICEMAIL' });
    expect(lab.files.paths).toEqual(['vm/secret.wav']);
  });

  test.for([
    '../x',
    '..',
    '.',
    'a/b',
    'a\\b',
    '/etc',
    '',
    'a\0',
    '-rf',
    'a..b',
    ' ',
  ])('has no name like %j', async (name, { lab }) => {
    expect(() => lab.newTandem().voicemail(name, { folder: 'vm' })).toThrow(/a name is up to 64/);
  });

  test.for([
    [{ folder: '' }, 'folder is a path'],
    [{ pin: '12' }, 'pin is 3 to 16 digits'],
    [{ pin: '12a4' }, 'pin is 3 to 16 digits'],
    [{ minSeconds: 200 }, 'minSeconds is a number of seconds less than maxSeconds'],
    [{ maxSeconds: 0 }, 'maxSeconds is a whole number from 1 to 3600'],
    [{ maxMessages: 0 }, 'maxMessages is a whole number'],
    [{ timeZone: 'Mars' }, 'timeZone "Mars" is unknown'],
    [{ notify: 'always' }, 'notify is true, false or unsolicited'],
  ] as const)('says what is wrong with %j', async ([options, message], { lab }) => {
    expect(() => lab.newTandem().voicemail('5001', { folder: 'vm', ...options } as never)).toThrow(message);
  });
});

describe('listening to a mailbox', () => {
  test('plays new messages, which are saved then', async ({ lab }) => {
    const { box, listened } = await serveBox(lab);
    await leave(lab, '5002', 'goodbye.wav');
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.hears('vm-new-messages.wav');
    await bob.hears('digits/1.wav');
    await bob.hears('vm-saved-messages.wav');
    await bob.hears('digits/0.wav');
    await bob.hears('vm-menu.wav', { ms: 1000 });
    await bob.press('1');
    await bob.hears('vm-from.wav');
    for (const digit of '5002') await bob.hears(`digits/${digit}.wav`);
    await bob.hears('goodbye.wav', { similarity: 0.8 });
    await bob.hears('vm-message-menu.wav', { ms: 1000 });
    await bob.press('4');
    await bob.hears('vm-saved.wav');
    await bob.hears('vm-no-more.wav');
    await bob.hears('vm-new-messages.wav');
    await bob.hears('digits/0.wav');
    await bob.press('#');
    await bob.ends();
    expect(listened).toEqual([{ end: 'done' }]);
    expect(box.counts).toEqual({ new: 0, saved: 1 });
  });

  test('deletes, plays again, and tells the time', async ({ lab }) => {
    const { box } = await serveBox(lab, { timeZone: 'UTC' });
    await leave(lab, '5002', 'goodbye.wav');
    const [message] = await box.messages();
    await lab.advance(2 * 86_400_000);
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.press('1');
    await bob.hears('vm-message-menu.wav', { ms: 500, within: 30_000 });
    await bob.press('5');
    await bob.hears('vm-at.wav');
    const time = new Date(message?.at ?? 0).toISOString().slice(11, 16).replace(':', '');
    for (const digit of time) await bob.hears(`digits/${digit}.wav`);
    await bob.hears('vm-days-ago.wav');
    await bob.hears('digits/2.wav');
    await bob.press('1');
    await bob.hears('goodbye.wav', { similarity: 0.8 });
    await bob.press('3');
    await bob.hears('vm-deleted.wav');
    await bob.hears('vm-no-more.wav');
    await bob.hangup();
    expect(await box.messages()).toEqual([]);
  });

  test('hands whom to call back to the script', async ({ lab }) => {
    const { listened } = await serveBox(lab);
    await leave(lab, '5002', 'goodbye.wav');
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.press('1');
    await lab.advance(300);
    await bob.press('6');
    await bob.ends();
    expect(listened).toEqual([{ end: 'call-back', number: '5002' }]);
  });

  test('keeps messages new for who hangs up in the middle of one', async ({ lab }) => {
    const { box, listened } = await serveBox(lab);
    await leave(lab, '5002', 'message.wav');
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.press('1');
    await bob.hears('vm-from.wav');
    await bob.hangup();
    await lab.until(() => listened.length === 1);
    expect(listened).toEqual([{ end: 'hangup' }]);
    expect(box.counts).toEqual({ new: 1, saved: 0 });
  });

  test('asks for the code, and lets in who has it', async ({ lab }) => {
    const { listened } = await serveBox(lab, { pin: '4711' });
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.hears('vm-code.wav');
    await bob.press('1234#');
    await bob.hears('vm-wrong-code.wav');
    await bob.hears('vm-code.wav');
    await bob.press('4711#');
    await bob.hears('vm-new-messages.wav');
    await bob.press('#');
    await bob.ends();
    expect(listened).toEqual([{ end: 'done' }]);
  });

  test('lets nobody in who tries codes, not even with the right one then, for a while', async ({ lab }) => {
    const { listened } = await serveBox(lab, { pin: '4711' });
    const bob = lab.phone('bob');
    for (let call = 0; call < 3; call++) {
      await bob.dial('listen');
      await bob.press('1#2#3#');
      await bob.hears('goodbye.wav', { within: 60_000 });
      await bob.ends();
    }
    await bob.dial('listen');
    await bob.press('4711#4711#4711#');
    await bob.ends({ within: 60_000 });
    await lab.advance(15 * 60_000);
    await bob.dial('listen');
    await bob.press('4711#');
    await bob.hears('vm-new-messages.wav', { within: 20_000 });
    await bob.hangup();
    await lab.until(() => listened.length === 5);
    expect(listened.map(({ end }) => end)).toEqual(['denied', 'denied', 'denied', 'denied', 'hangup']);
  });

  test('records a greeting, which callers hear, and takes it back', async ({ lab }) => {
    await serveBox(lab);
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.press('3');
    await bob.hears('vm-greeting-menu.wav', { ms: 1000, within: 20_000 });
    await bob.press('2');
    await bob.hears('record.wav');
    await lab.advance(600);
    await bob.say('echo.wav');
    await bob.press('#');
    await bob.hears('echo.wav', { similarity: 0.8 });
    await bob.hangup();
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.hears('echo.wav', { similarity: 0.8 });
    await alice.hangup();
    await bob.dial('listen');
    await bob.press('3');
    await lab.advance(300);
    await bob.press('3');
    await bob.hears('vm-greeting-removed.wav');
    await bob.hangup();
    await alice.dial('5001');
    await alice.hears('vm-greeting.wav');
    await alice.hangup();
    await lab.advance(1000);
    expect(lab.files.paths.filter((path) => path.includes('greeting'))).toEqual([]);
  });

  test('ends for who presses nothing', async ({ lab }) => {
    const { listened } = await serveBox(lab);
    const bob = lab.phone('bob');
    await bob.dial('listen');
    await bob.ends({ within: 120_000 });
    expect(listened).toEqual([{ end: 'done' }]);
  });
});

describe('what is written of a message', () => {
  test('is read again, and anything else is refused', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const text = JSON.stringify(value) ?? '';
        const read = readMessage('id', text);
        if (read.ok) expect(typeof read.value.at).toBe('number');
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void readMessage('id', text)));
    const random = seededRandom(1);
    for (const at of [0, 1.5, 1_700_000_000_000]) expect(isMessageId(messageId(at, random))).toBe(true);
  });

  test('has ids that no path is made of', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (isMessageId(text)) expect(text).toMatch(/^[\d]+-[0-9a-f]+$/);
      }),
    );
    expect(isMessageId('1700000000000-00000000\n')).toBe(false);
  });
});

describe('the lock of a mailbox', () => {
  test('counts wrong codes in a row only', ({ lab }) => {
    const lock = new CodeLock(lab.clock);
    for (let i = 0; i < 30; i++) {
      for (let wrong = 0; wrong < 8; wrong++) expect(lock.try('1', '2')).toBe(false);
      expect(lock.try('2', '2')).toBe(true);
    }
    for (let wrong = 0; wrong < 9; wrong++) lock.try('1', '2');
    expect(lock.isLocked).toBe(true);
    expect(lock.try('2', '2')).toBe(false);
  });
});
