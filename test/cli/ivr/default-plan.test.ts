/** Without routes and menus of its own the server is what it always was. */
import { describe } from 'vitest';
import { sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { dialAs, inviteAs, openOffice, userPhone } from './office.ts';

describe('the plan by default', () => {
  test('has a menu at 1000', async ({ lab }) => {
    using _ = await openOffice(lab, '');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('welcome.wav');
    await alice.press('1');
    await alice.hears('message.wav');
    await alice.hears('welcome.wav');
    await alice.press('3');
    await alice.hears('echo.wav');
    await alice.speak(sine(440));
    await alice.hearsTone(440);
    await alice.press('#');
    await alice.hears('welcome.wav');
    await alice.press('4');
    await alice.hears('conference.wav');
    await lab.advance(500);
    await alice.press('#');
    await alice.hears('welcome.wav');
    await alice.press('7');
    await alice.hears('wrong-input.wav');
    await alice.press('#');
    await alice.hears('goodbye.wav');
    await alice.ends();
  });

  test('asks twice who presses nothing, and says goodbye', async ({ lab }) => {
    using _ = await openOffice(lab, '');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    for (let time = 0; time < 2; time++) await alice.hears('no-input.wav', { within: 30_000 });
    await alice.hears('goodbye.wav', { within: 30_000 });
    await alice.ends();
  });

  test.for([
    ['1003', 'music.wav'],
    ['601', 'message.wav'],
    ['602', 'record.wav'],
    ['603', 'conference.wav'],
    ['699', 'conference.wav'],
  ] as const)('plays at %s what it always did: %s', async ([number, sound], { lab }) => {
    using _ = await openOffice(lab, '');
    const alice = lab.phone('alice');
    await alice.dial(number);
    await alice.hears(sound);
    await alice.hangup();
  });

  test.for(['700', '5001', 'nobody', '1001', '6030'])('has 404 for %s', async (number, { lab }) => {
    using _ = await openOffice(lab, '');
    const alice = lab.phone('alice');
    alice.invite(number);
    expect((await alice.ends())?.status).toBe(404);
  });

  test('connects users, who have passwords', async ({ lab }) => {
    using _ = await openOffice(lab, 'users: { bob: { password: bob }, carol: { password: carol } }');
    const [bob, carol] = [await userPhone(lab, 'bob'), await userPhone(lab, 'carol')];
    const alice = lab.phone('alice');
    alice.invite('bob');
    expect((await alice.ends())?.status).toBe(401);
    carol.onCall = { answerAfterMs: 100 };
    await dialAs(bob, 'carol');
    await Promise.all([bob.speak(sine(440)), carol.hearsTone(440)]);
    await bob.hangup();
    carol.onCall = { reject: 486 };
    await inviteAs(bob, 'carol');
    expect((await bob.ends())?.status).toBe(486);
  });

  test('leaves parked numbers to remote controllers', async ({ lab }) => {
    using office = await openOffice(lab, 'remote: { park: ["1000"], answer: true }');
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.until(() => office.tandem.parking.calls.length === 1);
    expect(office.tandem.parking.calls[0]?.name).toBe('1000');
    office.tandem.parking.calls[0]?.release('1000');
    await alice.hears('welcome.wav');
    await alice.hangup();
  });
});
