import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DialogEndedError, TandemEvents } from '../../../src/index.ts';
import type { Tandem } from '../../../src/tandem.ts';
import { Lab, type LabHandler, type Phone } from '../../../src/testing/index.ts';
import { Desktop } from './controller.ts';

const park: LabHandler = async (call, tandem) => {
  await tandem.park(call, { name: 'front', timeout: 20_000 });
};

async function open(handler = park, options: ConstructorParameters<typeof Desktop>[2] = {}) {
  const lab = new Lab({ sounds: new URL('../../../prompts/', import.meta.url) });
  const tandem = await lab.serve(handler);
  const desktop = new Desktop(lab, tandem, options);
  return { lab, tandem, desktop, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
}

/** The phone calls and is parked; the id of its call. */
async function parked(lab: Lab, tandem: Tandem, phone: Phone): Promise<string> {
  phone.invite('100');
  const id = (): string | undefined => tandem.parking.calls.find(({ call }) => call.fromUser === phone.name)?.call.id;
  await lab.until(() => id() !== undefined, 5_000);
  return id() ?? 'nobody';
}

function hear(tandem: Tandem, name: keyof TandemEvents): { readonly callId?: string }[] {
  const heard: { readonly callId?: string }[] = [];
  tandem.observer.on(name, (event) => void heard.push(event as { readonly callId?: string }));
  return heard;
}

test('a call is parked once, however soon it is parked again', async () => {
  let second: unknown;
  await using house = await open(async (call, tandem) => {
    const first = tandem.park(call);
    tandem.park(call).catch((error: unknown) => {
      second = error;
    });
    await first;
  });
  const { lab, tandem, desktop } = house;
  const call = await parked(lab, tandem, lab.phone('alice'));
  await lab.until(() => second !== undefined, 1_000);
  expect(second).toMatchObject({ code: 'ERR_STATE' });
  expect(tandem.parking.calls).toHaveLength(1);
  await desktop.connect().ask('release', { call });
  expect(tandem.parking.calls).toEqual([]);
});

test('a parked call rings, is answered, hears a prompt and presses a key', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const announced = hear(tandem, 'call:parked');
  const call = await parked(lab, tandem, alice);
  expect(announced).toMatchObject([
    { sessionId: call, name: 'front', fromUser: 'alice', toUser: '100', state: 'early' },
  ]);
  const controller = desktop.connect();
  expect(await controller.ask('get', { call })).toMatchObject({
    call,
    parked: 'waiting',
    name: 'front',
    direction: 'inbound',
  });
  await controller.ask('answer', { call });
  await alice.isUp();
  expect(await controller.ask('get', { call })).toMatchObject({ parked: 'taken', state: 'confirmed' });
  const gathering = controller.send('gather', { call, digits: 1, play: { file: 'welcome.wav' } });
  await alice.hears('welcome.wav', { ms: 500 });
  await alice.press('7');
  expect(await lab.run(gathering)).toMatchObject({ digits: '7', end: 'digits', call });
  expect(await controller.ask('play', { call, file: 'goodbye.wav' })).toMatchObject({ end: 'completed' });
  await controller.ask('hangup', { call });
  await alice.ends();
  await expect(controller.ask('get', { call })).rejects.toMatchObject({
    error: { code: 404, data: { code: 'ERR_CALL_UNKNOWN' } },
  });
});

test('commands for one call keep their order, and nobody has to wait for replies', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  const controller = desktop.connect();
  const replies = [
    controller.send('answer', { call }),
    controller.send('play', { call, file: 'music.wav', loop: true, wait: false }),
    controller.send('stop', { call }),
    controller.send('say', { call, text: 'hello there' }),
    controller.send('play', { call, file: 'message.wav' }),
  ];
  const [, music, , said, message] = await lab.run(Promise.all(replies));
  // The text was taken over by what came behind it.
  expect([said, message]).toMatchObject([{ end: 'stopped' }, { end: 'completed' }]);
  expect(desktop.told.find(({ operation }) => operation === music?.operation)).toMatchObject({
    event: 'operation:done',
    command: 'call.play',
    sessionId: call,
    result: { end: 'stopped' },
  });
  await controller.ask('hangup', { call });
});

test('an operation says how it went: done by an event, failed with a code', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  const controller = desktop.alone;
  await controller.ask('answer', { call });
  const { operation } = await controller.ask('play', { call, file: 'welcome.wav', wait: false });
  expect(desktop.told).toEqual([]);
  expect(await controller.ask('get', { call })).toMatchObject({ operations: [{ operation, command: 'call.play' }] });
  await lab.until(() => desktop.told.length > 0);
  expect(desktop.told).toMatchObject([{ event: 'operation:done', operation, result: { end: 'completed' } }]);
  await expect(controller.ask('play', { call, file: 'nothing.wav' })).rejects.toMatchObject({
    error: { data: { code: 'ERR_FILE' } },
  });
  expect(desktop.told[1]).toMatchObject({ event: 'operation:failed', code: 'ERR_FILE', sessionId: call });
  await expect(controller.ask('play', { call, file: '../package.json' })).rejects.toMatchObject({
    error: { data: { code: 'ERR_ARGUMENT' } },
  });
  await expect(controller.ask('stop', { operation })).rejects.toMatchObject({ error: { code: 404 } });
  const tone = controller.send('play', { call, tone: 'busy' });
  await alice.hangup();
  expect(await lab.run(tone)).toMatchObject({ end: 'ended' });
});

test('two callers are brought together, and end together', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  const [a, b] = [await parked(lab, tandem, alice), await parked(lab, tandem, bob)];
  const controller = desktop.connect();
  const { operation } = await controller.ask('bridge', { call: a, with: b });
  expect(await controller.ask('get', { call: a })).toMatchObject({ bridge: b });
  await alice.say('message.wav');
  await bob.hears('message.wav');
  await alice.hangup();
  await bob.ends();
  await lab.until(() => desktop.told.length > 0, 1_000);
  expect(desktop.told).toMatchObject([{ operation, command: 'call.bridge', result: { end: 'ended', endedBy: a } }]);
});

test('bridges asked for in both orders at once do not wait for each other', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  const [a, b] = [await parked(lab, tandem, alice), await parked(lab, tandem, bob)];
  const controller = desktop.connect();
  const replies = [controller.send('bridge', { call: a, with: b }), controller.send('bridge', { call: b, with: a })];
  const [first, second] = await lab.run(Promise.allSettled(replies));
  expect(first?.status).toBe('fulfilled');
  expect(second).toMatchObject({ status: 'rejected', reason: { error: { data: { code: 'ERR_STATE' } } } });
  await controller.ask('hangup', { call: a });
  await bob.ends();
});

test('a call that is originated is the controller’s', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const waiting = hear(tandem, 'call:parked');
  const bob = lab.phone('bob');
  const controller = desktop.connect();
  const calling = controller.send('originate', {
    uri: bob.uri,
    variables: { campaign: '7' },
    headers: { 'X-Id': '1' },
  });
  await bob.rings();
  await bob.answer();
  const { call, callId } = await lab.run(calling);
  expect(await controller.ask('get_var', { call, name: 'campaign' })).toEqual({ value: '7' });
  expect(await controller.ask('get', { call: callId })).toMatchObject({ call, parked: 'taken', direction: 'outbound' });
  expect(waiting).toEqual([]);
  await controller.ask('play', { call, file: 'message.wav', wait: false });
  await bob.hears('message.wav');
  await controller.ask('release', { call });
  await bob.ends();
});

test('or waits for any controller, and ends when none takes it', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const waiting = hear(tandem, 'call:parked');
  const bob = lab.phone('bob');
  const calling = desktop.connect().send('originate', { uri: bob.uri, park: { name: 'campaign', timeout: 2_000 } });
  await bob.rings();
  await bob.answer();
  const { call } = await lab.run(calling);
  expect(await desktop.alone.ask('get', { call })).toMatchObject({ parked: 'waiting' });
  expect(waiting).toMatchObject([{ sessionId: call, name: 'campaign', state: 'confirmed' }]);
  await bob.ends({ within: 3_000 });
});

test('one that rings is given up by call.stop', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const bob = lab.phone('bob');
  const controller = desktop.connect();
  const { operation } = await controller.ask('originate', { uri: bob.uri, wait: false });
  await bob.rings();
  await controller.ask('stop', { operation });
  await bob.receives('CANCEL');
  await lab.until(() => desktop.told.length > 0 && tandem.calls.length === 0, 1_000);
  expect(desktop.told).toMatchObject([{ event: 'operation:done', operation, result: { end: 'stopped' } }]);
});

test('a call that is refused says with which status', async () => {
  await using house = await open();
  const { lab, desktop } = house;
  const bob = lab.phone('bob');
  const calling = desktop.alone.send('originate', { uri: bob.uri });
  calling.catch(() => {});
  await bob.rings();
  bob.reject(486);
  await expect(lab.run(calling)).rejects.toMatchObject({
    error: { code: 500, data: { code: 'ERR_DIALOG_RESPONSE', status: 486 } },
  });
  expect(desktop.told).toMatchObject([{ event: 'operation:failed', status: 486 }]);
});

test.for([
  ['before its answer by 480', false, 'sip:480'],
  ['after it by BYE', true, 'BYE'],
] as const)('nobody takes it: it ends %s', async ([, answer]) => {
  let error: unknown;
  await using house = await open(async (call, tandem) => {
    await tandem.park(call, { timeout: 3_000, answer }).catch((thrown: unknown) => {
      error = thrown;
      throw thrown;
    });
  });
  const { lab, tandem } = house;
  const left = hear(tandem, 'call:unparked');
  const alice = lab.phone('alice');
  alice.invite('100');
  await alice.receives(answer ? 'BYE' : 480, { within: 4_000 });
  expect((error as DialogEndedError).endCause).toMatchObject({ by: 'timeout', status: 480 });
  expect(left).toMatchObject([{ reason: 'ended' }]);
  expect(lab.clock.now()).toBeLessThan(4_500);
});

test('one that was taken waits as long as it likes, and goes back to its script with a word', async () => {
  let word: string | undefined;
  await using house = await open(async (call, tandem) => {
    ({ result: word } = await tandem.park(call, { timeout: 3_000 }));
    await call.playback().play('prompts/goodbye.wav');
  });
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  const controller = desktop.connect();
  await controller.ask('take', { call });
  await lab.advance(10_000);
  await controller.ask('answer', { call });
  await controller.ask('release', { call, result: 'sales' });
  await alice.hears('goodbye.wav');
  await alice.ends();
  expect(word).toBe('sales');
});

test('a call is one controller’s: another is refused, may force it, and may always hang up', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  const [one, other] = [desktop.connect(), desktop.connect()];
  await one.ask('ringing', { call });
  const taken = { error: { data: { code: 'ERR_CALL_TAKEN' } } };
  await expect(other.ask('answer', { call })).rejects.toMatchObject(taken);
  await expect(other.ask('take', { call })).rejects.toMatchObject(taken);
  await other.ask('take', { call, force: true });
  await expect(one.ask('answer', { call })).rejects.toMatchObject(taken);
  // An operator's word counts always.
  await desktop.alone.ask('answer', { call });
  await one.ask('hangup', { call });
  await alice.ends();
});

test.for([
  ['hangup', 'ends'],
  ['release', 'goes back to its script'],
] as const)('whenLost %s: a call whose controller is gone for long %s', async ([whenLost]) => {
  let released = false;
  await using house = await open(
    async (call, tandem) => {
      await tandem.park(call);
      released = true;
      await call.playback().play('prompts/goodbye.wav');
    },
    { whenLost, grace: 5_000 },
  );
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  const one = desktop.connect();
  await one.ask('answer', { call });
  one.disconnect();
  await lab.advance(4_000);
  // Back in time.
  const again = desktop.connect();
  await again.ask('take', { call });
  await lab.advance(60_000);
  expect(tandem.calls).toHaveLength(1);
  again.disconnect();
  await alice.ends({ within: 20_000 });
  expect(released).toBe(whenLost === 'release');
});

test('who originates and goes away leaves nothing that rings for ever', async () => {
  await using house = await open(park, { grace: 1_000 });
  const { lab, desktop } = house;
  const bob = lab.phone('bob');
  const controller = desktop.connect();
  const calling = controller.send('originate', { uri: bob.uri });
  calling.catch(() => {});
  await bob.rings();
  controller.disconnect();
  await expect(lab.run(calling)).rejects.toMatchObject({ error: { data: { code: 'ERR_DIALOG_ENDED' } } });
  await lab.until(() => bob.call?.state === 'over');
});

test('hold, keys, conference, variables, redirect and refusal', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
  const [a, b, c] = [
    await parked(lab, tandem, alice),
    await parked(lab, tandem, bob),
    await parked(lab, tandem, carol),
  ];
  const controller = desktop.connect();
  await controller.ask('redirect', { call: c, uri: 'sip:elsewhere@10.9.9.9' });
  await carol.receives(302);
  await controller.ask('conference', { call: a, name: 'room' });
  await controller.ask('conference', { call: b, name: 'room', muted: true });
  expect(await controller.ask('get', { call: b })).toMatchObject({ conference: 'room' });
  await controller.ask('mute', { call: b, on: false });
  await bob.say('message.wav');
  await alice.hears('message.wav');
  await controller.ask('conference', { call: a, action: 'leave' });
  await expect(controller.ask('conference', { call: a, action: 'leave' })).rejects.toThrow('500');
  await controller.ask('hold', { call: a, music: { file: 'music.wav' } });
  await alice.hears('music.wav', { ms: 1000 });
  await controller.ask('unhold', { call: a });
  await controller.ask('dtmf', { call: a, digits: '12#' });
  await alice.hearsDigits('12#');
  await controller.ask('set_var', { call: a, name: 'x', value: 'y' });
  await controller.ask('set_var', { call: a, name: 'x' });
  await expect(controller.ask('get_var', { call: a, name: 'x' })).rejects.toMatchObject({ error: { code: 404 } });
  await controller.ask('hangup', { call: a });
  await controller.ask('hangup', { call: b });
  await Promise.all([alice.ends(), bob.ends()]);
});

test('a refusal has the status that was asked for', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  await desktop.alone.ask('reject', { call, status: 603, reason: 'Not today' });
  await alice.receives(603);
});

test('a call is transferred to whom another call is with', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  const a = await parked(lab, tandem, alice);
  const controller = desktop.connect();
  await controller.ask('answer', { call: a });
  const consulting = controller.send('originate', { uri: bob.uri });
  await bob.rings();
  await bob.answer();
  const { call: b } = await lab.run(consulting);
  await expect(controller.ask('transfer', { call: a })).rejects.toMatchObject({ error: { code: 400 } });
  expect(await controller.ask('transfer', { call: a, with: b })).toMatchObject({ status: 200 });
  const refer = await alice.receives('REFER');
  expect(refer.header('refer-to')).toMatch(/^<sip:bob@[^>]*Replaces=/);
  await lab.until(() => tandem.calls.length === 0, 5_000);
  await alice.say('message.wav');
  await bob.hears('message.wav');
  await alice.hangup();
});

test('or blindly; how that went is the reply', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  const call = await parked(lab, tandem, alice);
  const controller = desktop.connect();
  await controller.ask('answer', { call });
  const moving = controller.send('transfer', { call, to: bob.uri });
  await bob.rings();
  bob.reject(486);
  expect(await lab.run(moving)).toMatchObject({ status: 486 });
  expect(tandem.calls).toHaveLength(1);
  await controller.ask('hangup', { call });
});

test('a call is recorded to the folder that is for it, and nowhere else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-remote-'));
  try {
    await using house = await open(park, { writeFolder: folder });
    const { lab, tandem, desktop } = house;
    const alice = lab.phone('alice');
    const call = await parked(lab, tandem, alice);
    const controller = desktop.connect();
    await controller.ask('answer', { call });
    const { operation } = await controller.ask('record', { call, file: 'a.wav' });
    await lab.advance(2_000);
    await controller.ask('stop', { operation });
    expect(desktop.told).toMatchObject([
      { command: 'call.record', result: { end: 'stopped', file: join(folder, 'a.wav') } },
    ]);
    await expect(controller.ask('record', { call, file: '../a.wav', wait: true })).rejects.toThrow('not below');
    await controller.ask('hangup', { call });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a recording rests by command, and while secret keys are gathered, which no event tells', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-remote-'));
  try {
    await using house = await open(park, { writeFolder: folder, announcement: 'prompts/echo.wav' });
    const { lab, tandem, desktop } = house;
    const alice = lab.phone('alice');
    const call = await parked(lab, tandem, alice);
    const pressed = hear(tandem, 'media:dtmf');
    const ended = hear(tandem, 'recording:ended');
    const controller = desktop.connect();
    await controller.ask('answer', { call });
    const recording = controller.send('record', { call, file: 'a.wav' });
    await alice.hears('echo.wav');
    const { operation } = await lab.run(recording);
    await lab.until(() => tandem.findCall(call)?.recordings.length === 1, 2_000);
    await lab.advance(500);
    expect(await controller.ask('record_pause', { call })).toMatchObject({ recordings: 1 });
    await lab.advance(1_000);
    await controller.ask('record_resume', { call });
    await lab.advance(500);
    await expect(controller.ask('gather', { call, digits: 2, secret: true, wait: false })).rejects.toThrow('wait');
    const gathering = controller.send('gather', { call, digits: 2, secret: true });
    await lab.advance(500);
    for (const key of '42') await alice.press(key);
    expect(await lab.run(gathering)).toMatchObject({ digits: '42' });
    expect(pressed).toEqual([]);
    expect(desktop.told).toMatchObject([{ command: 'call.gather', result: { end: 'digits' } }]);
    expect(JSON.stringify(desktop.told)).not.toContain('42');
    await lab.advance(500);
    await controller.ask('stop', { operation });
    expect(ended).toMatchObject([{ path: join(folder, 'a.wav'), pauses: [{ forMs: 1_000 }, {}] }]);
    expect(tandem.findCall(call)?.variables.get('recording_consent')).toBe('announced');
    await controller.ask('hangup', { call });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('whatever the parameters are, a command is done or refused, and nothing breaks', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const junk = [
    null,
    true,
    -1,
    1e9,
    1.5,
    '',
    'x'.repeat(300),
    '\r\nVia: x',
    '\0',
    [],
    [{}],
    {},
    { tone: 'none' },
    'sip:x@nowhere',
  ];
  const broken: unknown[] = [];
  const done = new Set<string>();
  for (const { name, params } of desktop.remote.methods) {
    const alice = lab.phone();
    const call = await parked(lab, tandem, alice);
    if (!/ringing|answer|reject|redirect/.test(name)) await desktop.alone.ask('answer', { call });
    const usual = { call, wait: false, uri: 'sip:x@10.9.9.9', to: 'sip:x@10.9.9.9', text: 'x', digits: '1', name: 'x' };
    const fitting = Object.entries({ ...usual, file: 'welcome.wav', timeout: 1000 }).filter(
      ([member, value]) => params?.shape[member]?.safeParse(value).success,
    );
    for (const member of Object.keys(params?.shape ?? {}))
      for (const value of [Object.fromEntries(fitting)[member], ...junk]) {
        const given = { ...Object.fromEntries(fitting), [member]: value };
        const error = await desktop.alone.ask(name.slice('call.'.length), given).then(
          () => undefined,
          (thrown: unknown) => (thrown as { error?: { code: number; message: string } }).error ?? { thrown },
        );
        if (!error) done.add(name);
        if (error && (!('code' in error) || error.message === 'Internal error')) broken.push([name, given, error]);
      }
    if (tandem.findCall(call)) await desktop.alone.ask('hangup', { call });
  }
  await lab.run(tandem.drain({ timeout: 0 }));
  expect(broken).toEqual([]);
  expect(done.size).toBeGreaterThan(20);
  expect(desktop.told.filter((event) => 'code' in event && event.code === 'ERR_INTERNAL')).toEqual([]);
});

test('who may only look can list calls, and do nothing to them', async () => {
  await using house = await open();
  const { lab, tandem, desktop } = house;
  const alice = lab.phone('alice');
  const call = await parked(lab, tandem, alice);
  expect(await desktop.alone.ask('list', {}, false)).toMatchObject([{ call }]);
  for (const { name, changes } of desktop.remote.methods) {
    if (!changes) continue;
    const refused = desktop.alone.ask(name.slice('call.'.length), { call }, false);
    await expect(refused).rejects.toMatchObject({ error: { code: 403 } });
  }
  await alice.cancel();
});
