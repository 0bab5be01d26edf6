import { describe } from 'vitest';
import { type Lab, type Phone, sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { expectNoTimers, times } from './ladder.ts';

/** alice has called bob; carol is there, too. */
async function three(lab: Lab): Promise<[Phone, Phone, Phone]> {
  const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
  bob.onCall = carol.onCall = { answerAfterMs: 0 };
  await alice.dial(bob.uri);
  await bob.isUp();
  return [alice, bob, carol];
}

/** The two of them talk with each other, and with nobody else. */
async function talk(one: Phone, other: Phone): Promise<void> {
  await Promise.all([one.speak(sine(440)), other.speak(sine(660))]);
  await Promise.all([one.hearsTone(660), other.hearsTone(440)]);
}

/** What NOTIFY told, each with its Subscription-State. */
const told = (phone: Phone): string[] =>
  phone.received
    .filter(({ what }) => what === 'NOTIFY')
    .map((notify) => `${notify.body.trim()} ${notify.header('subscription-state').split(';')[0]}`);

describe('a blind transfer', () => {
  test.for([
    ['caller', 0],
    ['callee', 1],
  ] as const)('by the %s leaves the other two in a call', async ([, index], { lab }) => {
    const [alice, bob, carol] = await three(lab);
    const [mover, moved] = index === 0 ? [alice, bob] : [bob, alice];
    const before = moved.call;
    expect(await mover.transfer(carol.uri)).toBe(200);
    expect(told(mover)).toEqual(['SIP/2.0 100 Trying active', 'SIP/2.0 200 OK terminated']);
    const notify = mover.received.findLast(({ what }) => what === 'NOTIFY');
    expect(notify?.header('event')).toBe('refer');
    expect(notify?.header('content-type')).toBe('message/sipfrag;version=2.0');
    expect((await carol.rings()).header('referred-by')).toBe(`<${index === 0 ? 'sip:alice@10.0.1.1' : bob.uri}>`);
    expect(before?.state).toBe('up');
    await mover.hangup();
    expect(before).toMatchObject({ state: 'over', endedBy: 'remote' });
    // The phone has turned to its new call.
    expect(moved.call).toMatchObject({ role: 'caller', state: 'up' });
    await talk(moved, carol);
    await moved.hangup();
    await carol.ends();
    await expectNoTimers(lab);
  });

  test('tells of a target that refuses, and the call goes on', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = { reject: 486 };
    expect(await alice.transfer(carol.uri)).toBe(486);
    expect(told(alice)).toEqual(['SIP/2.0 100 Trying active', 'SIP/2.0 486 Busy Here terminated']);
    await talk(alice, bob);
    await bob.hangup();
    expect(alice.call?.endedBy).toBe('remote');
    await expectNoTimers(lab);
  });

  test('tells of a target that nobody knows, or that never answers', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    expect(await alice.transfer('sip:dave@nowhere')).toBe(503);
    carol.vanish();
    expect(await alice.transfer(carol.uri)).toBe(408);
    await talk(alice, bob);
  });

  test('is refused by a phone that does not want it', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    bob.misbehave({ refuses: { REFER: 603 } });
    expect(await alice.transfer(carol.uri)).toBe(603);
    expect((await alice.request('REFER')).status).toBe(603);
    bob.behave();
    expect((await alice.request('REFER')).status).toBe(400);
    expect(carol.received).toEqual([]);
    await talk(alice, bob);
  });

  test('is not what the server does unless it is told to', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await alice.transfer('2000')).toBe(603);
    expect(alice.call?.state).toBe('up');
  });

  test('that is decided after the call is over is told to nobody', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = { answerAfterMs: 5000 };
    const transferred = alice.transfer(carol.uri, { within: 10_000 });
    await carol.rings();
    void alice.call?.bye();
    await expect(transferred).rejects.toThrow('alice: nobody told how the transfer went within 10 s');
    expect(told(alice)).toEqual(['SIP/2.0 100 Trying active']);
    await talk(bob, carol);
  });
});

describe('an attended transfer', () => {
  test('puts the other two in a call, and ends both of the one between them', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    const second = alice.anotherLine();
    await alice.hold();
    await second.dial(carol.uri);
    await talk(second, carol);
    const [withBob, withCarol] = [bob.call, carol.call];
    expect((await carol.rings()).callId).toBe(second.call?.callId);
    expect(await alice.transfer(second)).toBe(200);
    const replacing = await carol.rings();
    expect(replacing.header('replaces')).toBe(
      `${withCarol?.callId};to-tag=${withCarol?.dialog.localTag};from-tag=${withCarol?.dialog.remoteTag}`,
    );
    // Carol did not ring again, and has hung up what was replaced (RFC 3891 §3).
    expect(times(lab, 'carol', '180 INVITE')).toHaveLength(1);
    expect(await second.ends()).toMatchObject({ method: 'BYE' });
    expect(withCarol).toMatchObject({ state: 'over', endedBy: 'local' });
    await alice.hangup();
    expect(withBob?.state).toBe('over');
    expect([bob.call?.state, carol.call?.state]).toEqual(['up', 'up']);
    await talk(bob, carol);
    await carol.hangup();
    expect(bob.call?.endedBy).toBe('remote');
    await expectNoTimers(lab);
  });

  test('is refused where the call to be replaced is unknown', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    const second = alice.anotherLine();
    await second.dial(carol.uri);
    await carol.isUp();
    const call = carol.call;
    await second.hangup();
    const target = `${carol.uri}?Replaces=${call?.callId}%3Bto-tag%3D${call?.dialog.localTag}%3Bfrom-tag%3Dx`;
    expect(await alice.transfer(target)).toBe(481);
    await talk(alice, bob);
  });

  test('needs a call on the other line', async ({ lab }) => {
    const [alice] = await three(lab);
    await expect(alice.transfer(alice.anotherLine())).rejects.toThrow('alice/2 cannot be referred to: it has no call');
  });
});
