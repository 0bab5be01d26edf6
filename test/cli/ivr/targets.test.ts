/** What each target of a route does with a call, what comes after it, and what a reload leaves alone. */
import { writeFileSync } from 'node:fs';
import { describe } from 'vitest';
import { sine } from '../../../src/testing/index.ts';
import { TemporaryFolder } from '../../helpers/cli.ts';
import { expect, test } from '../../helpers/lab.ts';
import { dialAs, inviteAs, openOffice, userPhone } from './office.ts';

const users = 'users: { "5001": { password: "5001" }, "5002": { password: "5002", callLimit: 1 } }\n';

describe('a target', () => {
  test.for([
    ['reject: 603, reason: Not today', 603],
    ['reject: 486', 486],
    ['user: "5009$0"', 404],
    ['dial: "999"', 404],
  ] as const)('{ %s } refuses with %i', async ([to, status], { lab }) => {
    using office = await openOffice(lab, `${users}routes: [{ called: "1", user: anyone, to: { ${to} } }]`);
    const alice = lab.phone('alice');
    alice.invite('1');
    const refusal = await alice.ends();
    expect(refusal?.status).toBe(status);
    if (status === 603) expect(refusal?.startLine).toContain('Not today');
    expect(office.tandem.calls).toEqual([]);
  });

  test('plays a file, or a text, and hangs up', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `routes:
  - { called: "1", to: { play: builtin:goodbye } }
  - { called: "2", to: { play: [builtin:beep, { say: We are closed, language: en }] } }`,
    );
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears('goodbye.wav');
    await alice.ends();
    await alice.dial('2');
    await alice.hears('beep.wav');
    await alice.ends();
  });

  test('that cannot be played costs nobody the call', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `menus: { a: { prompt: nowhere.wav, keys: { "1": { service: echo } }, end: { play: nowhere.wav } } }
routes: [{ called: "1", to: { menu: a } }]`,
    );
    const alice = lab.phone('alice');
    await alice.dial('1');
    await lab.advance(2000);
    await alice.press('1');
    await lab.advance(500);
    await alice.speak(sine(440));
    await alice.hearsTone(440);
    await alice.hangup();
  });

  test('is a service, with a prompt and a key that ends it', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      'routes: [{ called: "1", to: { service: echo, prompt: builtin:echo, until: "*" } }]',
    );
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears('echo.wav');
    await alice.speak(sine(440));
    await alice.hearsTone(440);
    await alice.press('*');
    await alice.ends();
  });

  test('is a URI, made of what was called', async ({ lab }) => {
    using _ = await openOffice(lab, 'routes: [{ called: "8(X)", user: anyone, to: { uri: "sip:room$1@10.0.9.9" } }]');
    const far = lab.phone('far', { address: '10.0.9.9' });
    const alice = lab.phone('alice');
    alice.invite('83');
    expect((await far.rings()).startLine).toContain('sip:room3@10.0.9.9');
    await far.answer();
    await alice.isUp();
    await Promise.all([alice.speak(sine(440)), far.hearsTone(440)]);
    await far.hangup();
    await alice.ends();
  });

  test('is a script', async ({ lab }) => {
    using folder = new TemporaryFolder();
    const path = folder.file('hello.ts');
    writeFileSync(path, 'export default async (call) => { await call.reject(433); };\n');
    using office = await openOffice(lab, `routes: [{ called: "1", to: { script: ${path} } }]`);
    const alice = lab.phone('alice');
    alice.invite('1');
    expect((await alice.ends())?.status).toBe(433);
    // A reload loads it anew.
    writeFileSync(path, 'export default async (call) => { await call.reject(434); };\n');
    await office.reload(`routes: [{ called: "1", to: { script: ${path} } }]`);
    alice.invite('1');
    expect((await alice.ends())?.status).toBe(434);
    writeFileSync(path, 'export default 1;\n');
    await expect(office.reload(`routes: [{ called: "2", to: { script: ${path} } }]`)).rejects.toThrow(
      'must export a function',
    );
    alice.invite('1');
    expect((await alice.ends())?.status).toBe(434);
  });

  test('is another number, but not for ever', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `routes:
  - { called: "1", user: anyone, to: { dial: "2" } }
  - { called: "2", to: { play: builtin:goodbye } }
  - { called: "3", user: anyone, to: { dial: "4" } }
  - { called: "4", user: anyone, to: { dial: "3" } }`,
    );
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears('goodbye.wav');
    await alice.ends();
    alice.invite('3');
    expect((await alice.ends())?.status).toBe(482);
  });

  test('is a remote controller, whose answer is dialled', async ({ lab }) => {
    using office = await openOffice(
      lab,
      'routes: [{ called: "1", to: { remote: desk } }, { called: "2", to: { play: builtin:goodbye } }]',
    );
    const alice = lab.phone('alice');
    alice.invite('1');
    await lab.until(() => office.tandem.parking.calls.length === 1);
    expect(office.tandem.parking.calls[0]?.name).toBe('desk');
    office.tandem.parking.calls[0]?.release('2');
    await alice.isUp();
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  test('hears how each fallback went before it', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `${users}routes:
  - called: "1"
    to:
      user: "5001"
      timeout: 3000
      onBusy: { reject: 600 }
      onUnavailable: { user: "5002", timeout: 2000, onNoAnswer: { play: builtin:goodbye } }
      onNoAnswer: { reject: 604 }`,
    );
    const two = await userPhone(lab, '5002');
    const caller = two.anotherLine();
    await inviteAs(caller, '1');
    await two.rings();
    await caller.hears('goodbye.wav');
    await caller.ends();
    const one = await userPhone(lab, '5001');
    one.onCall = { reject: 486 };
    await inviteAs(caller, '1');
    expect((await caller.ends())?.status).toBe(600);
    one.onCall = {};
    await inviteAs(caller, '1');
    expect((await caller.ends())?.status).toBe(604);
  });

  test('is not called for a user that has as many calls as it may', async ({ lab }) => {
    using _ = await openOffice(lab, users);
    const [one, two] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    two.onCall = { answerAfterMs: 10 };
    await dialAs(one, '5002');
    const line = one.anotherLine();
    await inviteAs(line, '5002');
    expect((await line.ends())?.status).toBe(486);
    await one.hangup();
  });

  test.for([
    ['is full', 'maxCallers: 0', 'goodbye.wav'],
    ['takes too long', 'maxWait: 3000', 'message.wav'],
    ['has nobody', '', 'echo.wav'],
  ] as const)('is a queue that %s', async ([, options, heard], { lab }) => {
    using _ = await openOffice(
      lab,
      `${users}queues: { q: { members: ["5001"], announceEvery: 0, ${options} } }
routes:
  - called: "1"
    user: anyone
    to:
      queue: q
      onBusy: { play: builtin:goodbye }
      onNoAnswer: { play: builtin:message }
      onUnavailable: { play: builtin:echo }`,
    );
    if (options !== '') await userPhone(lab, '5001');
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears(heard, { within: 20_000 });
    await alice.ends();
  });

  test('is a queue that callers leave by a key', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `${users}queues: { q: { members: ["5001"], announceEvery: 0, whenEmpty: wait, exitKeys: "*" } }
routes: [{ called: "1", user: anyone, to: { queue: q, onKey: { play: builtin:goodbye } } }]`,
    );
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears('music.wav');
    await alice.press('*');
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  test('is a ring group that shows its own number, one member after the other', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `${users}ringGroups: { all: { members: ["5001", "5002"], strategy: sequence, ringTime: 2000, callerId: Sales <700> } }
routes: [{ called: "1", user: anyone, to: { ringGroup: all, onNoAnswer: { reject: 604 } } }]`,
    );
    const [one, two] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    const alice = lab.phone('alice');
    alice.invite('1');
    expect((await one.rings()).header('from')).toMatch(/"?Sales"? <sip:700@/);
    await two.rings();
    await one.ends();
    await alice.ends();
    expect(alice.call?.lastWord?.status).toBe(604);
  });

  test('keeps no line busy once it was given up', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `${users}voicemail: { folder: /mail, boxes: { "5002": {} } }
routes: [{ called: "5*", user: anyone, to: { user: "$0", timeout: 2000, onNoAnswer: { voicemail: "$0" } } }]`,
    );
    const two = await userPhone(lab, '5002');
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await alice.dial('5002');
    await alice.hears('vm-greeting.wav');
    two.onCall = { answerAfterMs: 10 };
    await bob.dial('5002');
    await Promise.all([bob.speak(sine(440)), two.hearsTone(440)]);
    await bob.hangup();
    await alice.hangup();
  });

  test('ends with the caller, wherever that is', async ({ lab }) => {
    using _ = await openOffice(
      lab,
      `${users}ringGroups: { all: { members: ["5001", "5002"] } }
routes: [{ called: "1", user: anyone, to: { ringGroup: all, onNoAnswer: { menu: main } } }]`,
    );
    const one = await userPhone(lab, '5001');
    const alice = lab.phone('alice');
    alice.invite('1');
    await one.rings();
    await alice.cancel();
    expect((await one.ends())?.what).toBe('CANCEL');
  });
});

describe('a menu', () => {
  const menus = `menus:
  top:
    prompt: builtin:welcome
    keys: { "1": { menu: inner }, "12": { play: builtin:message }, "9": repeat, "#": end }
    interDigitTimeout: 1000
    repeats: 1
    end: { play: builtin:goodbye }
  inner: { prompt: builtin:echo, keys: { "*": back, "1": { user: "5001" } }, end: { play: builtin:beep } }
routes: [{ to: { menu: top } }]
`;

  test('waits for another digit where there may be one', async ({ lab }) => {
    using _ = await openOffice(lab, users + menus);
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.press('12');
    await alice.hears('message.wav');
    await alice.press('1');
    await alice.hears('echo.wav');
    await alice.press('*');
    await alice.hears('welcome.wav');
    await alice.press('#');
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  test('repeats, asks again, and ends', async ({ lab }) => {
    using _ = await openOffice(lab, users + menus);
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.press('9');
    await alice.hears('welcome.wav');
    await alice.hears('no-input.wav', { within: 30_000 });
    await alice.hears('welcome.wav');
    await alice.hears('goodbye.wav', { within: 30_000 });
    await alice.ends();
  });

  test('goes on when somebody cannot be reached', async ({ lab }) => {
    using _ = await openOffice(lab, users + menus);
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.press('1');
    await lab.advance(1500);
    await alice.press('1');
    await alice.hears('not-available.wav');
    await alice.hears('echo.wav');
    await alice.hangup();
  });
});

describe('a transfer', () => {
  test('leads to where the number leads', async ({ lab }) => {
    using _ = await openOffice(lab, users);
    const [one, two] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    two.onCall = { answerAfterMs: 10 };
    await dialAs(one, '5002');
    expect(await two.transfer('sip:999@10.0.0.1')).toBe(404);
    await one.hangup();
  });
});

describe('another file', () => {
  test('is for calls to come; those that run stay in the menu that they are in', async ({ lab }) => {
    const menu = (prompt: string): string =>
      `menus: { top: { prompt: builtin:${prompt}, keys: { "9": repeat } } }\nroutes: [{ called: "1", to: { menu: top } }]`;
    using office = await openOffice(lab, menu('welcome'));
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears('welcome.wav');
    await office.reload(menu('message'));
    await alice.press('9');
    await alice.hears('welcome.wav');
    const bob = lab.phone('bob');
    await bob.dial('1');
    await bob.hears('message.wav');
    await alice.hangup();
    await bob.hangup();
  });

  test('changes ring groups and queues in which callers wait', async ({ lab }) => {
    const yaml = (members: string): string =>
      `${users}queues: { q: { members: [${members}], announceEvery: 0, whenEmpty: wait } }
routes: [{ called: "1", user: anyone, to: { queue: q } }]`;
    using office = await openOffice(lab, yaml('"5001"'));
    const two = await userPhone(lab, '5002');
    const alice = lab.phone('alice');
    await alice.dial('1');
    await alice.hears('music.wav', { within: 5000 });
    await office.reload(yaml('"5001", "5002"'));
    await two.rings();
    await two.answer();
    await Promise.all([alice.speak(sine(440)), two.hearsTone(440)]);
    await alice.hangup();
    await two.ends();
  });
});
