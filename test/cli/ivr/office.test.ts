/** examples/office.yaml in the lab: every way that a call can take through it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Lab, type Phone, sine } from '../../../src/testing/index.ts';
import { root } from '../../helpers/cli.ts';
import { expect, labTest } from '../../helpers/lab.ts';
import { dialAs, inviteAs, type Office, openOffice, userPhone } from './office.ts';

const yaml = readFileSync(join(root, 'examples', 'office.yaml'), 'utf8')
  .replaceAll('192.0.2.10', '10.0.9.9')
  .replace(/"(500\d)": \{ password: [\w-]+/g, '"$1": { password: "$1"');

/** A Wednesday, noon in Berlin. */
const noon = Date.UTC(2026, 0, 14, 11);
const test = labTest({ epoch: noon });
const atNight = labTest({ epoch: Date.UTC(2026, 0, 14, 20) });

interface Line {
  readonly office: Office;
  readonly provider: Phone;
}

async function open(lab: Lab): Promise<Line> {
  const office = await openOffice(lab, yaml);
  return { office, provider: lab.phone('provider', { address: '10.0.9.9' }) };
}

/** Two who hear each other. */
async function talk(a: Phone, b: Phone): Promise<void> {
  await Promise.all([a.speak(sine(440)), b.hearsTone(440)]);
  await Promise.all([b.speak(sine(600)), a.hearsTone(600)]);
}

describe('a call from outside', () => {
  test('gets the menu in office hours; 1 rings the group, and who answers has it', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    const [anna, ben] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    await provider.dial('4930123450');
    await provider.hears('welcome.wav');
    await provider.press('1');
    await ben.rings();
    await anna.rings();
    await ben.answer();
    await anna.ends();
    await talk(provider, ben);
    await ben.hangup();
    await provider.ends();
  });

  test('goes to the mailbox when the group does not answer', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    const anna = await userPhone(lab, '5001');
    await provider.dial('4930123450');
    await provider.press('1');
    await anna.rings();
    await anna.ends();
    await provider.hears('vm-greeting.wav');
    await provider.hangup();
  });

  test('waits in the queue, and talks to the agent that is free', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    const chris = await userPhone(lab, '5003');
    await provider.dial('4930123450');
    await provider.press('2');
    await chris.rings();
    await chris.answer();
    await talk(provider, chris);
    await provider.hangup();
    await chris.ends();
  });

  test('leaves a message when nobody is there for the queue', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    await provider.dial('4930123450');
    await provider.press('2');
    await provider.hears('vm-greeting.wav');
    await lab.advance(800);
    await provider.speak(sine(440));
    await lab.advance(3000);
    await provider.press('#');
    await provider.hears('vm-kept.wav');
    await provider.ends();
    expect((await office.tandem.voicemail('office').messages()).length).toBe(1);
  });

  test('finds the menu behind a key, and the way back', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    await provider.dial('4930123450');
    await provider.press('3');
    await provider.hears('message.wav');
    await provider.press('*');
    await provider.hears('welcome.wav');
    await provider.hangup();
  });

  test('dials an extension', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    const chris = await userPhone(lab, '5003');
    await provider.dial('4930123450');
    await provider.press('5003');
    await chris.rings();
    await chris.answer();
    await talk(provider, chris);
    await chris.hangup();
    await provider.ends();
  });

  test('is told of a wrong key, and goes to the group in the end', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    const ben = await userPhone(lab, '5002');
    await provider.dial('4930123450');
    await provider.press('9');
    await provider.hears('wrong-input.wav');
    await provider.hears('welcome.wav');
    await ben.rings();
    await ben.answer();
    await talk(provider, ben);
    await provider.hangup();
    await ben.ends();
  });

  atNight('gets the mailbox at night', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    await provider.dial('4930123450');
    await provider.hears('vm-greeting.wav');
    await provider.hangup();
  });
});

describe('a user', () => {
  test('calls another, who has the caller ID', async ({ lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const [anna, ben] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    await inviteAs(anna, '5002');
    const invite = await ben.rings();
    expect(invite.header('from')).toContain('Anna');
    await ben.answer();
    await anna.isUp();
    await talk(anna, ben);
    await anna.hangup();
    await ben.ends();
  });

  test.for(['busy', 'no answer', 'unavailable'] as const)('leaves a message: %s', async (how, { lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const anna = await userPhone(lab, '5001');
    if (how !== 'unavailable') (await userPhone(lab, '5002')).onCall = how === 'busy' ? { reject: 486 } : {};
    await dialAs(anna, '5002');
    await anna.hears('vm-greeting.wav');
    await anna.hangup();
  });

  test('calls out, with the number that the provider wants', async ({ lab }) => {
    const { office, provider } = await open(lab);
    using _ = office;
    const anna = await userPhone(lab, '5001');
    await inviteAs(anna, '030987');
    const invite = await provider.rings();
    expect(invite.startLine).toContain('sip:+4930987@10.0.9.9');
    expect(invite.header('from')).toContain('+4930123450');
    await provider.answer();
    await anna.isUp();
    await talk(anna, provider);
    await provider.hangup();
    await anna.ends();
    await inviteAs(anna, '0044123');
    expect((await provider.rings()).startLine).toContain('sip:+44123@');
    provider.reject(404);
    expect((await anna.ends())?.status).toBe(404);
  });

  test('listens to its mailbox, with its code', async ({ lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const anna = await userPhone(lab, '5001');
    await dialAs(anna, '*97');
    await anna.hears('vm-code.wav');
    await anna.press('1111');
    await anna.hears('vm-new-messages.wav');
    await anna.hangup();
  });

  test('parks, and another fetches', async ({ lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const [anna, ben] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    await dialAs(anna, '710');
    await anna.hears('parking-slot.wav');
    await dialAs(ben, '711');
    await talk(anna, ben);
    await ben.hangup();
    await anna.ends();
    await inviteAs(ben, '712');
    expect((await ben.ends())?.status).toBe(404);
  });

  test('meets others in a room', async ({ lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const [anna, ben] = [await userPhone(lab, '5001'), await userPhone(lab, '5002')];
    await dialAs(anna, '605');
    await anna.hears('conference.wav');
    await dialAs(ben, '605');
    await ben.hears('conference.wav');
    await lab.advance(5000);
    await talk(anna, ben);
    await anna.press('#');
    await anna.ends();
    await ben.hangup();
  });

  test('is refused what no route leads to', async ({ lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const anna = await userPhone(lab, '5001');
    await inviteAs(anna, '999');
    expect((await anna.ends())?.status).toBe(404);
  });
});

describe('a stranger', () => {
  test.for([
    ['5001', 401],
    ['5009', 404],
    ['700', 401],
    ['0309', 401],
    ['999', 404],
  ] as const)('who calls %s gets %s', async ([number, status], { lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const stranger = lab.phone('mallory');
    stranger.invite(number);
    expect((await stranger.ends())?.status).toBe(status);
  });

  test('reaches a room, which is a service', async ({ lab }) => {
    const { office } = await open(lab);
    using _ = office;
    const stranger = lab.phone('mallory');
    await stranger.dial('600');
    await stranger.hears('conference.wav');
    await stranger.hangup();
  });
});
